import { exactly, type OpDef, spatialSizes } from "./op.js";

export interface NoAttributes {
  readonly [name: string]: never;
}

export const globalAveragePool: OpDef<NoAttributes> = {
  doc: "x [N, C, spatial…] → y [N, C, 1…]: the mean of each channel over all positions.",
  infer: (inputs, _attributes, site) => {
    const [x] = exactly(1, inputs, site);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...spatialSizes(x.shape, site).map(() => 1)] }];
  },
  grad: null,
  lower: (site) => [{ opType: "GlobalAveragePool", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  macs: () => 0,
  window: () => "all",
};
