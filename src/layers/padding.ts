/**
 * How a window meets the border; resolved to explicit pads here, where the input size is known, so that `auto_pad`
 * never reaches a graph.
 *
 * - "valid": no padding.
 * - "symmetric": dilation·(k − 1)/2 on both sides, PyTorch's usual choice for odd kernels; keeps the size at stride 1.
 * - numbers: so many on both sides of each axis.
 */
export type Padding = "valid" | "symmetric" | readonly number[];

/** ONNX pads [begins…, ends…] of a window over `kernelShape`. */
export function resolvePads(padding: Padding, kernelShape: readonly number[]): readonly number[] {
  const oneSide = sides(padding, kernelShape);
  return [...oneSide, ...oneSide];
}

function sides(padding: Padding, kernelShape: readonly number[]): readonly number[] {
  if (padding === "valid") return kernelShape.map(() => 0);
  if (padding === "symmetric") return kernelShape.map((size) => (size - 1) / 2);
  return padding;
}
