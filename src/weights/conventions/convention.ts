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
  /** Per role, the value of every element of a parameter that the source leaves out, as TensorFlow's scales of 1. */
  readonly omitted?: Readonly<Partial<Record<ParameterRole, number>>>;
  /**
   * The source axes of a depthwise kernel (H, W, I, m): ours is [I·m, 1, H, W], output 8·i + m for m below 8. Absent where
   * depthwise kernels are as others.
   */
  readonly depthwise?: readonly number[];
}

/** PyTorch: OIHW kernels, (out, in) linear layers: ours. */
export const TORCH: Convention = { id: "torch", axes: {} };

/** Caffe: OIHW kernels and (out, in) inner products: ours. Its networks expect BGR pixels, which preprocessing sees to. */
export const CAFFE: Convention = { id: "caffe", axes: {} };

/**
 * TensorFlow, and so slim, facenet and Keras: HWIO kernels, (in, out) linear layers, which slim may write as 1×1
 * convolutions [1, 1, in, out], and no scale in batch normalization.
 */
export const TENSORFLOW: Convention = {
  id: "tensorflow",
  axes: { conv_kernel: [3, 2, 0, 1], linear_kernel: [1, 0] },
  omitted: { norm_scale: 1 },
  depthwise: [2, 3, 0, 1],
};

/** How a source tensor becomes ours: seen with this shape, its axes in this order, and then seen with that shape. */
interface Move {
  readonly from: readonly number[];
  readonly axes: readonly number[];
  readonly to: readonly number[];
}

/** Null where nothing moves, or where the rank does not fit the role. */
function moveOf(
  { axes: orders, depthwise }: Convention,
  role: ParameterRole,
  shape: readonly number[],
  expected: readonly number[] | undefined,
): Move | null {
  const axes = orders[role];
  if (axes === undefined) return null;
  const permuted = (from: readonly number[], order: readonly number[]) => order.map((axis) => from[axis] ?? 0);
  const [, , inputs = 0, multiplier = 0] = shape;
  // With one input channel the two orders are the same.
  if (depthwise?.length === shape.length && expected?.[1] === 1 && inputs > 1 && expected[0] === inputs * multiplier) {
    return { from: shape, axes: depthwise, to: [inputs * multiplier, 1, ...permuted(shape, depthwise).slice(2)] };
  }
  const squeezed = role === "linear_kernel" && shape.length === 4 && shape[0] === 1 && shape[1] === 1 ? shape.slice(2) : shape;
  return axes.length === squeezed.length ? { from: squeezed, axes, to: permuted(squeezed, axes) } : null;
}

/**
 * The shape that a source tensor has in our axis order, or the shape itself where its rank does not fit the role.
 *
 * @param expected - the shape of our parameter, which tells depthwise kernels from others
 */
export function nativeShape(
  convention: Convention,
  role: ParameterRole,
  shape: readonly number[],
  expected?: readonly number[],
): readonly number[] {
  return moveOf(convention, role, shape, expected)?.to ?? shape;
}

/** A source tensor in our axis order; see `shapeInOurs`. Returns the tensor itself where nothing moves. */
export function toNative(convention: Convention, role: ParameterRole, tensor: Tensor, expected?: readonly number[]): Tensor {
  const move = moveOf(convention, role, tensor.shape, expected);
  if (move === null || (move.from === tensor.shape && move.axes.every((axis, index) => axis === index))) return tensor;
  const strides = rowMajorStrides(move.from);
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = tensor.data;
  const moved = gather(
    new Uint8Array(buffer, byteOffset, byteLength),
    BYTES_PER_ELEMENT,
    move.axes.map((axis) => move.from[axis] ?? 0),
    move.axes.map((axis) => strides[axis] ?? 0),
  );
  return { dtype: tensor.dtype, shape: move.to, data: viewBytes(tensor.dtype, moved) };
}
