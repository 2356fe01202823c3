import { gather, rowMajorStrides } from "../../formats/element-layout.js";
import type { ParameterRole } from "../../ir/graph.js";
import { viewBytes } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * How a framework stores parameters, by their role. Ours: convolution kernels [M, C/groups, kernel…], kernels of
 * transposed convolutions [C, M/groups, kernel…], linear kernels [out, in], vectors for the rest, kernels written depth
 * before height before width.
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
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = tensor.data;
  const moved = gather(
    new Uint8Array(buffer, byteOffset, byteLength),
    BYTES_PER_ELEMENT,
    shape,
    axes.map((axis) => strides[axis] ?? 0),
  );
  return { dtype: tensor.dtype, shape, data: viewBytes(tensor.dtype, moved) };
}
