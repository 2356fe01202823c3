/** A sliding window along one axis. */
interface AxisWindow {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before and after. */
  readonly begin: number;
  readonly end: number;
}

/** How many elements a window spans: dilation·(kernel − 1) + 1. */
export function windowExtent({ kernel, dilation }: Pick<AxisWindow, "kernel" | "dilation">): number {
  return dilation * (kernel - 1) + 1;
}

/**
 * Positions of a window along an axis: floor((size + begin + end − extent) / stride) + 1; with `ceilMode` the division
 * rounds up, and a window that would start in the end padding is dropped (PyTorch's and ONNX's rule). Below 1 where the
 * window does not fit.
 */
export function windowPositions(size: number, window: AxisWindow, ceilMode: boolean): number {
  const { stride, begin, end } = window;
  const steps = (size + begin + end - windowExtent(window)) / stride;
  const count = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceilMode && count >= 1 && (count - 1) * stride >= size + begin ? count - 1 : count;
}
