import { type ReduceAttributes, reduceOp, spreadGradient } from "./kit/reduce.js";
import type { OpDef } from "./op.js";

export const reduceMean: OpDef<ReduceAttributes> = reduceOp(
  "ReduceMean",
  "The mean of x over `axes`.",
  // ∂(Σ x / n)/∂xᵢ = 1/n with n elements in each mean. Scaled before it is copied, where it is small.
  (b, site, [dy = null]) => {
    if (dy === null) return [null];
    const count = site.attributes.axes.reduce((product, axis) => product * Number(site.inputs[0]?.type.shape[axis]), 1);
    return [spreadGradient(b, site, [b.add("scale", "share", [dy], { factor: 1 / count })])];
  },
);

declare module "./op.js" {
  interface Ops {
    readonly reduceMean: typeof reduceMean;
  }
}
