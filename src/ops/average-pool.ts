import { at } from "../tensor/at.js";
import { onlyGradient } from "./kit/gradient.js";
import { inferPool, lowerPooling, type PoolAttributes } from "./kit/pool.js";
import { windowSizes } from "./kit/window.js";
import { exactly, type GradientBuilder, type OpDef, type Ref } from "./op.js";

interface AveragePoolAttributes extends PoolAttributes {
  /** Divide by the whole window (true) or by the elements of x under it (false). */
  readonly countIncludePad: boolean;
}

export const averagePool: OpDef<AveragePoolAttributes> = {
  doc: `x [N, C, spatial…] → y [N, C, out…]: the sum under each window divided by its number of elements, where padding
counts only with countIncludePad. out as for maxPool.`,
  operands: exactly(1),
  infer: inferPool,
  // y[p] = Σ x[i] / count(p) over the elements i under window p, so x[i] gets Σ dy[p] / count(p) over the windows above it.
  // A window is a box and its count a product over the axes, so this is one small matrix per axis. At stride 1 the
  // windows above an element are a window themselves.
  grad: (b, { inputs: [x], attributes }, outputGradients) => {
    const sizes = x.type.shape.slice(2).map(Number);
    const dy = onlyGradient(outputGradients);
    const adjacent = [...attributes.strides, ...attributes.dilations].every((value) => value === 1) && !attributes.ceilMode;
    return [adjacent ? averageOfWindows(b, dy, sizes, attributes) : productPerAxis(b, dy, sizes, attributes)];
  },
  // Dilations of 1 are left out: ONNX Runtime copies attributes to its quantized average pool, which refuses this one.
  lower: (site, attributes) =>
    lowerPooling(site, "AveragePool", attributes, { count_include_pad: { int: attributes.countIncludePad ? 1 : 0 } }).map((node) => {
      const { dilations, ...others } = node.attributes;
      return attributes.dilations.every((dilation) => dilation === 1) ? { ...node, attributes: others } : node;
    }),
  macs: () => 0,
  window: (attributes) => attributes,
};

/**
 * Stride 1: element i lies under the windows p with p − begin ≤ i ≤ p − begin + k − 1, which are k neighbors from
 * i + begin − (k − 1) on: an average pool of k·dy/count (k of the whole window) with the padding k − 1 − begin, counted.
 */
function averageOfWindows(b: GradientBuilder, dy: Ref, sizes: readonly number[], attributes: AveragePoolAttributes): Ref {
  const { kernelShape, pads } = attributes;
  // Along an axis where all windows are whole the constant has size 1.
  const shares = sizes.map((size, axis) => {
    const list = windowCounts(size, attributes, axis).map((count) => at(kernelShape, axis) / count);
    return list.every((share) => share === 1) ? [1] : list;
  });
  const ratio = shares.reduce((left, right) => left.flatMap((a) => right.map((c) => a * c)), [1]);
  const shape = [1, 1, ...shares.map((list) => list.length)];
  const scaled = ratio.every((share) => share === 1)
    ? dy
    : b.add("mul", "scaled", [dy, b.add("constant", "ratio", [], { shape, values: ratio })], {});
  const window = { ...attributes, pads: pads.map((pad, index) => at(kernelShape, index % sizes.length) - 1 - pad) };
  return b.add("averagePool", "dx", [scaled], { ...window, countIncludePad: true });
}

/** dx = Aᵀ·dy along each axis, A[p, i] = 1 / count(p) where element i lies under window p. */
function productPerAxis(b: GradientBuilder, dy: Ref, sizes: readonly number[], attributes: AveragePoolAttributes): Ref {
  return sizes.reduce((gradient, size, axis) => {
    if (isIdentity(attributes, axis)) return gradient;
    const counts = windowCounts(size, attributes, axis);
    const matrix = Array.from({ length: size }, (_, i) =>
      counts.map((count, p) => (tapPlaces(attributes, axis, p).includes(i) ? 1 / count : 0)),
    ).flat();
    return b.add("matMulAxis", `dx_axis${axis}`, [gradient], { axis: axis + 2, rows: size, matrix });
  }, dy);
}

/** Whether the windows along an axis are its elements. */
function isIdentity({ kernelShape, strides, pads }: AveragePoolAttributes, axis: number): boolean {
  return kernelShape[axis] === 1 && strides[axis] === 1 && pads[axis] === 0 && pads[axis + kernelShape.length] === 0;
}

/** By how much each window along an axis divides: its places in x, or in the padded x. */
function windowCounts(size: number, attributes: AveragePoolAttributes, axis: number): readonly number[] {
  const { pads, kernelShape, strides, dilations, countIncludePad, ceilMode } = attributes;
  const [begin, end] = countIncludePad ? [at(pads, axis), at(pads, axis + kernelShape.length)] : [0, 0];
  const only = (values: readonly number[], offset = 0): readonly number[] => values.slice(axis + offset, axis + offset + 1);
  const window = {
    kernelShape: only(kernelShape),
    strides: only(strides),
    dilations: only(dilations),
    pads: [...only(pads), ...only(pads, kernelShape.length)],
  };
  const sizes = windowSizes([size], window, ceilMode, { op: "averagePool", path: "" });
  return Array.from({ length: at(sizes, 0) }, (_, p) => tapPlaces(attributes, axis, p).filter((i) => i >= -begin && i < size + end).length);
}

/** Where along an axis the taps of window p lie; negative and large ones lie in the padding. */
function tapPlaces({ kernelShape, strides, pads, dilations }: AveragePoolAttributes, axis: number, p: number): readonly number[] {
  const start = p * at(strides, axis) - at(pads, axis);
  return Array.from({ length: at(kernelShape, axis) }, (_, k) => start + k * at(dilations, axis));
}

declare module "./op.js" {
  interface Ops {
    readonly averagePool: typeof averagePool;
  }
}
