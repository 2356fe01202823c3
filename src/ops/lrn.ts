import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { exactly, type LoweredNode, type LowerSite, type OpDef, POINTWISE, shapeError, spatialSizes } from "./op.js";
import { lowerWindow } from "./window.js";

export interface LrnAttributes {
  readonly [name: string]: number;
  /** Channels that are summed, this one in the middle; odd. */
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

export const lrn: OpDef<LrnAttributes> = {
  doc: `Local response normalisation across channels: x [N, C, H, W] → x / (bias + alpha/size · Σ x²)^beta, the sum
over channels c − (size − 1)/2 to c + (size − 1)/2. alpha is divided by size, as in Caffe and PyTorch. size is odd: for an
even one PyTorch and ONNX disagree on the longer side, and Caffe and ONNX Runtime refuse it. Images only: ONNX Runtime normalises no volumes.`,
  infer: (inputs, { size }, site) => {
    const [x] = exactly(1, inputs, site);
    if (spatialSizes(x.shape, site).length !== 2) throw shapeError(site, `expected an input [N, C, H, W], got rank ${x.shape.length}`);
    if (!Number.isInteger(size) || size < 1 || size % 2 === 0) throw shapeError(site, `size ${size} must be an odd integer of at least 1`);
    return [x];
  },
  grad: null,
  lower: (site, attributes) => (attributes.beta === 0.75 ? lowerByRoots(site, attributes) : [lowerAsLrn(site, attributes)]),
  ...POINTWISE,
};

function lowerAsLrn(site: LowerSite, { size, alpha, beta, bias }: LrnAttributes): LoweredNode {
  const attributes = { size: { int: size }, alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } };
  return { opType: "LRN", inputs: site.inputs, outputs: site.outputs, attributes };
}

/**
 * The same numbers without ONNX's LRN, whose power of every element took 46 % of GoogLeNet's time on ONNX Runtime's CPU.
 * The sum over neighbouring channels is a 1×1 convolution of x² with a band matrix, and v^0.75 = √v · √√v.
 */
function lowerByRoots(site: LowerSite, attributes: LrnAttributes): readonly LoweredNode[] {
  const inner = {
    squares: site.inner("squares"),
    sums: site.inner("sums"),
    root: site.inner("root"),
    fourthRoot: site.inner("fourth_root"),
    divisor: site.inner("divisor"),
  };
  const channels = Number(site.inputTypes[0]?.shape[1]);
  const band = site.constant("band", bandMatrix(channels, attributes));
  const bias = site.constant("bias", float32Tensor([channels], new Float32Array(channels).fill(attributes.bias)));
  const [x = ""] = site.inputs;
  const kernel = { kernelShape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };
  return [
    { opType: "Mul", inputs: [x, x], outputs: [inner.squares], attributes: {} },
    {
      opType: "Conv",
      inputs: [inner.squares, band, bias],
      outputs: [inner.sums],
      attributes: { ...lowerWindow(kernel), group: { int: 1 } },
    },
    { opType: "Sqrt", inputs: [inner.sums], outputs: [inner.root], attributes: {} },
    { opType: "Sqrt", inputs: [inner.root], outputs: [inner.fourthRoot], attributes: {} },
    { opType: "Mul", inputs: [inner.root, inner.fourthRoot], outputs: [inner.divisor], attributes: {} },
    { opType: "Div", inputs: [x, inner.divisor], outputs: site.outputs, attributes: {} },
  ];
}

/** [C, C, 1, 1]: alpha/size where the channels are at most (size − 1)/2 apart. */
function bandMatrix(channels: number, { size, alpha }: LrnAttributes): Tensor {
  const data = new Float32Array(channels * channels);
  const reach = (size - 1) / 2;
  for (let row = 0; row < channels; row++) {
    data.fill(alpha / size, row * channels + Math.max(0, row - reach), row * channels + Math.min(channels, row + reach + 1));
  }
  return float32Tensor([channels, channels, 1, 1], data);
}
