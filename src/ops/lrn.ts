import { exactly, type OpDef, POINTWISE, shapeError, spatialSizes } from "./op.js";

export interface LrnAttributes {
  readonly [name: string]: number;
  /** Channels that are summed, this one in the middle. */
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

export const lrn: OpDef<LrnAttributes> = {
  doc: `Local response normalisation across channels: x [N, C, spatial…] → x / (bias + alpha/size · Σ x²)^beta, the sum
over channels c − floor((size − 1)/2) to c + ceil((size − 1)/2). alpha is divided by size, as in Caffe and PyTorch.`,
  infer: (inputs, { size }, site) => {
    const [x] = exactly(1, inputs, site);
    spatialSizes(x.shape, site);
    if (!Number.isInteger(size) || size < 1) throw shapeError(site, `size ${size} must be an integer of at least 1`);
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
