import { exactly, type OpDef, POINTWISE, shapeError, spatialSizes } from "./op.js";

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
  lower: (site, { size, alpha, beta, bias }) => [
    {
      opType: "LRN",
      inputs: site.inputs,
      outputs: site.outputs,
      attributes: { size: { int: size }, alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } },
    },
  ],
  ...POINTWISE,
};
