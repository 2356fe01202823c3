/** Arithmetic on shapes and strides that come from files: checked, since a file can claim anything. */

/** Dimensions that a file may declare; NumPy and PyTorch allow no more than 64 either. */
export const MAX_RANK = 64;

/** A number that can count or address something: an integer in [0, 2^53). */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Number of elements of a shape, or null where a dimension is no count or the product leaves the exact integers. */
export function checkedElementCount(shape: readonly number[]): number | null {
  let count = 1;
  for (const dim of shape) {
    if (!isCount(dim)) return null;
    count *= dim;
    if (!Number.isSafeInteger(count)) return null;
  }
  return count;
}

/** Strides, in elements, of a row-major array of this shape. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  return strides;
}

/** Strides, in elements, of a column-major ("Fortran order") array of this shape. */
export function columnMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = 1; axis < shape.length; axis++) strides[axis] = (strides[axis - 1] as number) * (shape[axis - 1] as number);
  return strides;
}

/** Whether the strides walk the elements in row-major order without gaps; axes of size 1 may have any stride. */
export function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  const expected = rowMajorStrides(shape);
  return shape.every((dim, axis) => dim <= 1 || strides[axis] === expected[axis]);
}

/** One past the highest element that a non-empty array touches, counted from its first element; null when not exact. */
export function elementSpan(shape: readonly number[], strides: readonly number[]): number | null {
  let last = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    last += ((shape[axis] as number) - 1) * (strides[axis] as number);
    if (!Number.isSafeInteger(last)) return null;
  }
  return last + 1;
}

/**
 * Copy elements that lie apart into row-major order.
 *
 * @param bytes - the elements from the first one on; at least `elementSpan` of them
 * @param elementBytes - size of one element
 * @param strides - non-negative, in elements
 */
export function gather(bytes: Uint8Array, elementBytes: number, shape: readonly number[], strides: readonly number[]): Uint8Array {
  const count = shape.reduce((product, dim) => product * dim, 1);
  const out = new Uint8Array(count * elementBytes);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    for (let byte = 0; byte < elementBytes; byte++) out[to * elementBytes + byte] = bytes[from * elementBytes + byte] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      from += strides[axis] as number;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}
