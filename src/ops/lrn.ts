import type { TensorType } from "../tensor/shape.js";
import { onlyGradient } from "./kit/gradient.js";
import { type NodeList, nodeList } from "./kit/lowering.js";
import { lowerWindow } from "./kit/window.js";
import {
  concrete,
  exactly,
  type Form,
  type LoweredNode,
  type LowerSite,
  type OpDef,
  POINTWISE,
  type Site,
  shapeError,
  spatialSizes,
} from "./op.js";

export interface LrnAttributes {
  readonly [name: string]: number;
  /** Channels that are summed, this one in the middle; of an even number the longer side is before it. */
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

export const lrn: OpDef<LrnAttributes> = {
  doc: `Local response normalization across channels: x [N, C, spatial…] → x / (bias + alpha/size · Σ x²)^beta, the sum
over channels c − floor(size/2) to c + floor((size − 1)/2). alpha is divided by size, as in Caffe and PyTorch. For an even
size this is PyTorch's window; ONNX's LRN has the longer side behind, so such sizes and volumes are lowered without it.`,
  operands: exactly(1),
  infer: ([x], attributes, site) => {
    checkLrn(x, attributes, site);
    return [x];
  },
  // Derived at lrnGradient.
  grad: (b, { inputs: [x], attributes }, outputGradients) => [b.add("lrnGradient", "dx", [x, onlyGradient(outputGradients)], attributes)],
  lower: (site, attributes) => {
    const hasLrn = attributes.size % 2 === 1 && site.inputTypes[0].shape.length === 4;
    return attributes.beta !== 0.75 && hasLrn ? [lowerAsLrn(site, attributes)] : lrnBySums(site, attributes);
  },
  ...POINTWISE,
};

/** Throws where the attributes do not fit x: the law that the gradient obeys too. */
export function checkLrn(x: TensorType, { size }: LrnAttributes, site: Site): void {
  spatialSizes(x.shape, site);
  concrete(x.shape[1], "number of channels", site);
  if (!Number.isInteger(size) || size < 1) throw shapeError(site, `size ${size} must be an integer of at least 1`);
}

function lowerAsLrn(site: LowerSite, { size, alpha, beta, bias }: LrnAttributes): LoweredNode {
  const attributes = { size: { int: size }, alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } };
  return { opType: "LRN", inputs: site.inputs, outputs: site.outputs, attributes };
}

/**
 * The same numbers without ONNX's LRN, whose power of every element took 46 % of GoogLeNet's time on ONNX Runtime's CPU.
 */
export const lrnBySums: Form<LrnAttributes> = (site, attributes) => {
  const list = nodeList(site);
  const [x] = site.inputs;
  list.add("Div", 0, [x, lrnDivisor(list, x, attributes).divisor]);
  return list.nodes;
};

/**
 * v = bias + alpha/size · Σ x² and v^beta. The sum over neighboring channels is a 1×1 convolution of x² with a band
 * matrix, and v^0.75 = √v · √√v.
 */
export function lrnDivisor(
  list: NodeList,
  x: string,
  { size, alpha, beta, bias }: LrnAttributes,
): { readonly sums: string; readonly divisor: string } {
  const { shape = [] } = list.site.inputTypes[0] ?? {};
  const channels = Number(shape[1]);
  const squares = list.add("Mul", "squares", [x, x]);
  const band = list.floats("band", ...bandMatrix(shape.length, channels, Math.floor(size / 2), Math.floor((size - 1) / 2), alpha / size));
  const biases = list.floats("bias", [channels], new Float32Array(channels).fill(bias));
  const sums = channelConvolution(list, "sums", [squares, band, biases], shape.length - 2);
  if (beta !== 0.75) return { sums, divisor: list.add("Pow", "divisor", [sums, list.scalar("beta", beta)]) };
  const root = list.add("Sqrt", "root", [sums]);
  return { sums, divisor: list.add("Mul", "divisor", [root, list.add("Sqrt", "fourth_root", [root])]) };
}

/** A convolution with a 1×1 (or 1×1×1) kernel: a matrix product over the channels. */
export function channelConvolution(list: NodeList, target: string, inputs: readonly string[], rank: number): string {
  const ones = Array.from({ length: rank }, () => 1);
  const window = { kernelShape: ones, strides: ones, pads: [...ones, ...ones].map(() => 0), dilations: ones };
  return list.add("Conv", target, inputs, { ...lowerWindow(window), group: { int: 1 } });
}

/** [C, C, 1, 1…]: in row c, `value` for the channels c − before to c + after. */
export function bandMatrix(
  rank: number,
  channels: number,
  before: number,
  after: number,
  value: number,
): readonly [readonly number[], Float32Array] {
  const data = new Float32Array(channels * channels);
  for (let row = 0; row < channels; row++) {
    data.fill(value, row * channels + Math.max(0, row - before), row * channels + Math.min(channels, row + after + 1));
  }
  return [[channels, channels, ...Array.from({ length: rank - 2 }, () => 1)], data];
}

declare module "./op.js" {
  interface Ops {
    readonly lrn: typeof lrn;
  }
}
