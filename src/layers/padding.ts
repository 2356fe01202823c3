import { at } from "../tensor/at.js";

/**
 * Padding of a convolution or pooling window. It is resolved to explicit pads here, where the input size is known, so
 * that graphs contain no `auto_pad`.
 *
 * - "valid": no padding.
 * - "symmetric": dilation·(k − 1)/2 on both sides, as is common in PyTorch for odd kernels; keeps the size at stride 1.
 * - "same": as much as gives ceil(size / stride) elements, the odd one at the end: TensorFlow's SAME.
 * - numbers: the padding on both sides of each axis.
 */
export type Padding = "valid" | "symmetric" | "same" | readonly number[];

/** A window and the map that it slides over. */
export interface PaddedWindow {
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Spatial sizes of the map. */
  readonly sizes: readonly number[];
}

/** ONNX pads [begins…, ends…] of a window. */
export function resolvePads(padding: Padding, window: PaddedWindow): readonly number[] {
  const sides = window.kernelShape.map((_, axis) => sidesOf(padding, window, axis));
  return [...sides.map(([begin]) => begin), ...sides.map(([, end]) => end)];
}

/** Whether the pads of a window follow from the size of the map, so that a map of another size has others: SAME with strides. */
export function padsFollowSize(padding: Padding, { kernelShape, strides, dilations }: Omit<PaddedWindow, "sizes">): boolean {
  if (padding !== "same") return false;
  // The last window begins at the last multiple of the stride, so pads depend on the size modulo the stride.
  return kernelShape.some((kernel, axis) => {
    return at(strides, axis) > 1 && at(dilations, axis) * (kernel - 1) > 0;
  });
}

function sidesOf(padding: Padding, { kernelShape, strides, dilations, sizes }: PaddedWindow, axis: number): readonly [number, number] {
  if (padding === "valid") return [0, 0];
  const [stride, size] = [at(strides, axis), at(sizes, axis)];
  const reach = at(dilations, axis) * (at(kernelShape, axis) - 1);
  if (padding === "symmetric") return [reach / 2, reach / 2];
  if (padding !== "same") return [at(padding, axis), at(padding, axis)];
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach + 1 - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
