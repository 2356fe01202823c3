/** What `at` reads: lists and arrays of numbers. */
interface Indexed<T> {
  readonly length: number;
  readonly [index: number]: T;
}

/**
 * The element at an index that must be there, which its type does not say: the operand of a node, the stride of an axis.
 *
 * @throws RangeError where it is not. A default would go on with a wrong number, or with the empty name that ONNX reads as
 * an operand left out
 */
export function at<T>(values: Indexed<T>, index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`Cannot read element ${index} of a list of ${values.length}`);
  return value;
}

/** A tuple of so many elements. */
type Tuple<T, N extends number, R extends readonly T[] = readonly []> = R["length"] extends N ? R : Tuple<T, N, readonly [...R, T]>;

/**
 * The first elements of a list that must have as many: the sizes of a map, the first operands of a node.
 *
 * @throws RangeError where it has fewer
 */
export function firstOf<T, const N extends number>(values: readonly T[], count: N): Tuple<T, N> {
  if (values.length < count) throw new RangeError(`Cannot read ${count} elements of a list of ${values.length}`);
  // The length was just checked, which a tuple type cannot follow.
  return values.slice(0, count) as unknown as Tuple<T, N>;
}
