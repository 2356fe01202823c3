import type { DType, TensorData } from "./dtype.js";

/**
 * A host tensor: row-major, contiguous, little-endian elements with a concrete shape. Scalars have shape [].
 * Shapes are written N C H W (images) or N C D H W (volumes).
 */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Number of elements of a concrete shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** A tensor whose values are float32. */
export type Float32Tensor = Tensor & { readonly data: Float32Array };

/**
 * Returns a float32 tensor over existing values, which are not copied.
 *
 * @throws RangeError if the number of values is not the product of the shape
 */
export function float32Tensor(shape: readonly number[], data: Float32Array): Float32Tensor {
  if (elementCount(shape) !== data.length) {
    throw new RangeError(`Cannot make a tensor of shape [${shape.join(", ")}] from ${data.length} values: expected ${elementCount(shape)}`);
  }
  return { dtype: "float32", shape, data };
}

/** Rows of one shape as one tensor [rows, ...shape]; each row must have as many values as the shape. */
export function stackRows(shape: readonly number[], rows: readonly Float32Array[]): Float32Tensor {
  const length = elementCount(shape);
  const data = new Float32Array(rows.length * length);
  for (const [index, row] of rows.entries()) {
    if (row.length !== length)
      throw new RangeError(`Cannot stack rows of shape [${shape.join(", ")}]: row ${index} has ${row.length} values`);
    data.set(row, index * length);
  }
  return float32Tensor([rows.length, ...shape], data);
}
