import type { OpDef } from "./op.js";
import { inferPool, type PoolAttributes } from "./pool.js";
import { lowerWindow } from "./window.js";

export interface AveragePoolAttributes extends PoolAttributes {
  /** Divide by the whole window (true) or by the elements of x under it (false). */
  readonly countIncludePad: boolean;
}

export const averagePool: OpDef<AveragePoolAttributes> = {
  doc: `x [N, C, spatial…] → y [N, C, out…]: the sum under each window divided by its number of elements, where padding
counts only with countIncludePad. out as for maxPool.`,
  infer: inferPool,
  grad: null,
  lower: (site, attributes) => [
    {
      opType: "AveragePool",
      inputs: site.inputs,
      outputs: site.outputs,
      attributes: {
        ...lowerWindow(attributes),
        ceil_mode: { int: attributes.ceilMode ? 1 : 0 },
        count_include_pad: { int: attributes.countIncludePad ? 1 : 0 },
      },
    },
  ],
  macs: () => 0,
  window: (attributes) => attributes,
};
