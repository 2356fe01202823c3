import { onlyGradient } from "./kit/gradient.js";
import { exactly, type NoAttributes, type OpDef, spatialSizes } from "./op.js";

export const globalAveragePool: OpDef<NoAttributes> = {
  doc: "x [N, C, spatial…] → y [N, C, 1…]: the mean of each channel over all positions.",
  operands: exactly(1),
  infer: ([x], _attributes, site) => {
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...spatialSizes(x.shape, site).map(() => 1)] }];
  },
  // Each of the P elements of a channel gets 1/P of the gradient of their mean.
  grad: (b, { inputs: [x] }, outputGradients) => {
    const sizes = x.type.shape.slice(2).map(Number);
    const share = b.add("scale", "share", [onlyGradient(outputGradients)], { factor: 1 / sizes.reduce((total, size) => total * size, 1) });
    return [b.add("expand", "dx", [share], { shape: [1, 1, ...sizes] })];
  },
  lower: (site) => [{ opType: "GlobalAveragePool", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  macs: () => 0,
  window: () => "all",
};

declare module "./op.js" {
  interface Ops {
    readonly globalAveragePool: typeof globalAveragePool;
  }
}
