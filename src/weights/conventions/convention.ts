import type { ParameterRole } from "../../ir/graph.js";
import { type DType, viewBytes } from "../../tensor/dtype.js";
import { elementCount, type Tensor } from "../../tensor/tensor.js";

/**
 * How a framework stores parameters, by their role. Ours: convolution kernels [M, C/groups, kernel…], linear kernels
 * [out, in], vectors for the rest, kernels written height before width.
 */
export interface Convention {
  readonly id: string;
  /** Per role, the source axis of each of our axes; absent where the orders agree. HWIO → OIHW is [3, 2, 0, 1]. */
  readonly axes: Readonly<Partial<Record<ParameterRole, readonly number[]>>>;
}

/** PyTorch: OIHW kernels, (out, in) linear layers: ours. */
export const TORCH: Convention = { id: "torch", axes: {} };

/** Caffe: OIHW kernels and (out, in) inner products: ours. Its networks expect BGR pixels, which preprocessing sees to. */
export const CAFFE: Convention = { id: "caffe", axes: {} };

/** The shape that a source tensor has in our axis order, or the shape itself where its rank does not fit the role. */
export function shapeInOurs(convention: Convention, role: ParameterRole, shape: readonly number[]): readonly number[] {
  const axes = convention.axes[role];
  if (axes === undefined || axes.length !== shape.length) return shape;
  return axes.map((axis) => shape[axis] ?? 0);
}

/** A source tensor in our axis order. Returns the tensor itself where nothing moves. */
export function toOurs(convention: Convention, role: ParameterRole, tensor: Tensor): Tensor {
  const axes = convention.axes[role];
  if (axes === undefined || axes.length !== tensor.shape.length || axes.every((axis, index) => axis === index)) return tensor;
  const shape = axes.map((axis) => tensor.shape[axis] ?? 0);
  const strides = rowMajorStrides(tensor.shape);
  const steps = axes.map((axis) => strides[axis] ?? 0);
  const data = emptyLike(tensor.dtype, elementCount(shape), tensor.data.BYTES_PER_ELEMENT);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    // Both arrays are of the tensor's dtype, which the union of array types cannot say.
    data[to] = tensor.data[from] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis] ?? 0;
      index[axis] = (index[axis] ?? 0) + 1;
      if (index[axis] !== shape[axis]) break;
      from -= (steps[axis] ?? 0) * (shape[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return { dtype: tensor.dtype, shape, data };
}

function emptyLike(dtype: DType, length: number, bytes: number): Tensor["data"] {
  return viewBytes(dtype, new Uint8Array(length * bytes));
}

function rowMajorStrides(shape: readonly number[]): readonly number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}
