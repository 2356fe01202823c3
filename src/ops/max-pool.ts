import { onlyGradient } from "./kit/gradient.js";
import { inferPool, lowerPooling, type PoolAttributes } from "./kit/pool.js";
import { exactly, type OpDef } from "./op.js";

export const maxPool: OpDef<PoolAttributes> = {
  doc: `x [N, C, spatial…] → y [N, C, out…]: the largest element under each window; padding counts as −∞.
out = floor((size + begin + end − dilation·(k − 1) − 1) / stride) + 1, or the ceiling with ceilMode.`,
  operands: exactly(1),
  infer: inferPool,
  // y[p] is one element of its window, so ∂y[p]/∂x is 1 there and 0 elsewhere.
  grad: (b, { inputs: [x], outputs: [y], attributes }, outputGradients) =>
    x && y ? [b.add("maxPoolGradient", "dx", [x, y, onlyGradient(outputGradients)], attributes)] : [null],
  lower: (site, attributes) => lowerPooling(site, "MaxPool", attributes),
  macs: () => 0,
  window: (attributes) => attributes,
};

declare module "./op.js" {
  interface Ops {
    readonly maxPool: typeof maxPool;
  }
}
