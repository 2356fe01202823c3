/** Operators that move a window over the axes after batch and channels, and those that normalize there. */
import { elementCount } from "../../../tensor/tensor.js";
import { windowExtent, windowPositions } from "../../../tensor/window.js";
import { bytesOfElements } from "../data-type.js";
import { computed, type Inferred, type NodeView, SLOW, shown, type Value } from "./value.js";

/** ONNX Runtime has fast kernels for up to three; with more it unfolds the whole input for each product. */
const MAX_SPATIAL = 3;

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** All begins, then all ends. */
  readonly pads: readonly number[];
  readonly autoPad: string;
}

export function conv(node: NodeView): Inferred {
  const [x, w] = [node.input(0), node.input(1)];
  const sizes = spatialOf(node, x);
  const window = windowOf(node, sizes.length, kernelOf(node, w, sizes.length));
  const group = node.int("group", 1);
  const [channels = 0, inner = 0] = w.shape;
  if (x.shape[1] !== inner * group || channels % group !== 0)
    node.fail(`has input ${shown(x)} and weight ${shown(w)} with group ${group}, which do not fit`);
  biasOf(node, channels);
  const output = computed(x.dtype, [x.shape[0] ?? 0, channels, ...slide(node, sizes, window, false)]);
  return { outputs: [output], macs: elementCount(output.shape) * elementCount(w.shape.slice(1)) * slowness(x) };
}

export function convTranspose(node: NodeView): Inferred {
  const [x, w] = [node.input(0), node.input(1)];
  const sizes = spatialOf(node, x);
  const window = windowOf(node, sizes.length, kernelOf(node, w, sizes.length));
  const group = node.int("group", 1);
  const [inner = 0, perGroup = 0] = w.shape;
  if (x.shape[1] !== inner || inner % group !== 0)
    node.fail(`has input ${shown(x)} and weight ${shown(w)} with group ${group}, which do not fit`);
  biasOf(node, perGroup * group);
  const output = computed(x.dtype, [x.shape[0] ?? 0, perGroup * group, ...unfold(node, sizes, window)]);
  // One image and group at a time is multiplied into columns, which are then added up.
  const columns = elementCount(w.shape.slice(1)) * elementCount(sizes);
  return {
    outputs: [output],
    macs: elementCount(x.shape) * elementCount(w.shape.slice(1)) * slowness(x),
    scratch: bytesOfElements(x.dtype, columns),
  };
}

export function pool(node: NodeView): Inferred {
  const x = node.input(0);
  const sizes = spatialOf(node, x);
  const window = windowOf(node, sizes.length, node.ints("kernel_shape") ?? []);
  // Padding of a whole window would make windows of nothing.
  for (const [index, pad] of window.pads.entries()) {
    const axis = index % sizes.length;
    const extent = windowExtent({ kernel: window.kernel[axis] ?? 1, dilation: window.dilations[axis] ?? 1 });
    if (pad >= extent) node.fail(`has pads [${window.pads.join(", ")}], expected less than the window of ${extent}`);
  }
  const shape = [x.shape[0] ?? 0, x.shape[1] ?? 0, ...slide(node, sizes, window, node.int("ceil_mode", 0) === 1)];
  const outputs = [computed(x.dtype, shape), computed("int64", shape)].slice(0, node.outputs);
  return { outputs, macs: elementCount(shape) * elementCount(window.kernel) * SLOW };
}

export function globalPool(node: NodeView): Inferred {
  const x = node.input(0);
  const sizes = spatialOf(node, x);
  return { outputs: [computed(x.dtype, [...x.shape.slice(0, 2), ...sizes.map(() => 1)])], macs: elementCount(x.shape) };
}

/** Scale, shift, mean and variance of each channel. */
export function batchNormalization(node: NodeView): Inferred {
  const x = node.input(0);
  channelValues(node, x, [1, 2, 3, 4]);
  return { outputs: [computed(x.dtype, x.shape)] };
}

export function instanceNormalization(node: NodeView): Inferred {
  const x = node.input(0);
  spatialOf(node, x);
  channelValues(node, x, [1, 2]);
  return { outputs: [computed(x.dtype, x.shape)] };
}

export function localResponse(node: NodeView): Inferred {
  const x = node.input(0);
  if (x.shape.length !== 4) node.fail(`has input ${shown(x)}, expected 4 axes`);
  const size = node.int("size", 1);
  if (size % 2 === 0) node.fail(`has size ${size}, expected an odd number`);
  // Squares with padded channels, and their sums.
  const scratch = bytesOfElements(x.dtype, (2 * (x.shape[1] ?? 0) + size) * elementCount(x.shape.slice(2)));
  return { outputs: [computed(x.dtype, x.shape)], macs: elementCount(x.shape) * SLOW, scratch };
}

/** Floats of 32 bits have fast products; doubles and integers do not. */
export function slowness({ dtype }: Value): number {
  return dtype === "float32" ? 1 : SLOW;
}

function spatialOf(node: NodeView, x: Value): readonly number[] {
  const rank = x.shape.length - 2;
  if (rank < 1 || rank > MAX_SPATIAL) node.fail(`has input ${shown(x)}, expected 3 to ${MAX_SPATIAL + 2} axes`);
  return x.shape.slice(2);
}

function kernelOf(node: NodeView, w: Value, rank: number): readonly number[] {
  const kernel = w.shape.slice(2);
  const stated = node.ints("kernel_shape");
  if (w.shape.length !== rank + 2) node.fail(`has weight ${shown(w)}, expected ${rank + 2} axes`);
  if (stated !== null && (stated.length !== rank || stated.some((size, axis) => size !== kernel[axis])))
    node.fail(`has kernel_shape [${stated.join(", ")}] and weight ${shown(w)}, which do not fit`);
  return kernel;
}

function windowOf(node: NodeView, rank: number, kernel: readonly number[]): Window {
  const list = (name: string, length: number, otherwise: number): readonly number[] => {
    const found = node.ints(name) ?? Array<number>(length).fill(otherwise);
    return found.length === length ? found : node.fail(`has ${name} [${found.join(", ")}], expected ${length} numbers`);
  };
  if (kernel.length !== rank) node.fail(`has kernel_shape [${kernel.join(", ")}], expected ${rank} numbers`);
  const autoPad = node.string("auto_pad", "NOTSET");
  const pads = autoPad === "NOTSET" ? list("pads", 2 * rank, 0) : Array<number>(2 * rank).fill(0);
  return { kernel, strides: list("strides", rank, 1), dilations: list("dilations", rank, 1), pads, autoPad };
}

function slide(node: NodeView, sizes: readonly number[], window: Window, ceilMode: boolean): readonly number[] {
  return sizes.map((size, axis) => {
    const [kernel = 1, stride = 1, dilation = 1] = [window.kernel[axis], window.strides[axis], window.dilations[axis]];
    if (window.autoPad.startsWith("SAME")) return Math.ceil(size / stride);
    const [begin = 0, end = 0] = [window.pads[axis], window.pads[axis + sizes.length]];
    const count = windowPositions(size, { kernel, stride, dilation, begin, end }, ceilMode);
    return count >= 1
      ? count
      : node.fail(`has a window of ${windowExtent({ kernel, dilation })}, which does not fit size ${size} padded by ${begin + end}`);
  });
}

/** Sizes behind a transposed convolution: stride·(size − 1) + extent + output_padding − pads, unless they are stated. */
function unfold(node: NodeView, sizes: readonly number[], window: Window): readonly number[] {
  const rank = sizes.length;
  const stated = node.ints("output_shape");
  const extra = node.ints("output_padding") ?? sizes.map(() => 0);
  if (extra.length !== rank) node.fail(`has output_padding [${extra.join(", ")}], expected ${rank} numbers`);
  // Some exporters state the whole shape.
  if (stated !== null && stated.length !== rank && stated.length !== rank + 2)
    node.fail(`has output_shape [${stated.join(", ")}], expected ${rank} numbers`);
  return sizes.map((size, axis) => {
    const [kernel = 1, stride = 1, dilation = 1] = [window.kernel[axis], window.strides[axis], window.dilations[axis]];
    const padding = extra[axis] ?? 0;
    if (padding >= Math.max(stride, dilation)) node.fail(`has output_padding ${padding}, expected less than stride ${stride}`);
    if (stated !== null) return stated[axis + stated.length - rank] ?? 0;
    if (window.autoPad.startsWith("SAME")) return size * stride;
    const pads = (window.pads[axis] ?? 0) + (window.pads[axis + rank] ?? 0);
    const found = stride * (size - 1) + windowExtent({ kernel, dilation }) + padding - pads;
    return found >= 1 ? found : node.fail(`has pads [${window.pads.join(", ")}], which leave nothing of size ${size}`);
  });
}

function biasOf(node: NodeView, channels: number): void {
  const bias = node.optional(2);
  if (bias !== null && (bias.shape.length !== 1 || bias.shape[0] !== channels))
    node.fail(`has bias ${shown(bias)}, expected [${channels}]`);
}

function channelValues(node: NodeView, x: Value, indices: readonly number[]): void {
  const channels = x.shape.length === 1 ? 1 : (x.shape[1] ?? 1);
  for (const index of indices) {
    const value = node.input(index);
    if (value.shape.length !== 1 || value.shape[0] !== channels)
      node.fail(`has input ${index} ${shown(value)} for ${shown(x)}, expected [${channels}]`);
  }
}
