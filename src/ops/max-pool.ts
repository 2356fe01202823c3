import type { OpDef } from "./op.js";
import { inferPool, type PoolAttributes } from "./pool.js";
import { lowerWindow } from "./window.js";

export const maxPool: OpDef<PoolAttributes> = {
  doc: `x [N, C, spatial…] → y [N, C, out…]: the largest element under each window; padding counts as −∞.
out = floor((size + begin + end − dilation·(k − 1) − 1) / stride) + 1, or the ceiling with ceilMode.`,
  infer: inferPool,
  grad: null,
  lower: (site, attributes) => [
    {
      opType: "MaxPool",
      inputs: site.inputs,
      outputs: site.outputs,
      attributes: { ...lowerWindow(attributes), ceil_mode: { int: attributes.ceilMode ? 1 : 0 } },
    },
  ],
  macs: () => 0,
  window: (attributes) => attributes,
};
