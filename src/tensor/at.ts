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
