import { onlyGradient } from "./kit/gradient.js";
import { type ReduceAttributes, reduceOp, spreadGradient } from "./kit/reduce.js";
import type { OpDef } from "./op.js";

export const reduceMean: OpDef<ReduceAttributes> = reduceOp(
  "ReduceMean",
  "The mean of x over `axes`.",
  // ∂(Σ x / n)/∂xᵢ = 1/n with n elements in each mean. Scaled before it is copied, where it is small.
  (b, site, outputGradients) => {
    const count = site.attributes.axes.reduce((product, axis) => product * Number(site.inputs[0].type.shape[axis]), 1);
    const share = b.add("scale", "share", [onlyGradient(outputGradients)], { factor: 1 / count });
    return [spreadGradient(b, site, [share])];
  },
);

declare module "./op.js" {
  interface Ops {
    readonly reduceMean: typeof reduceMean;
  }
}
