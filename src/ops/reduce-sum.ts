import { type ReduceAttributes, reduceOp, spreadGradient } from "./kit/reduce.js";
import type { OpDef } from "./op.js";

export const reduceSum: OpDef<ReduceAttributes> = reduceOp(
  "ReduceSum",
  "The sum of x over `axes`.",
  // ∂(Σ x)/∂xᵢ = 1: every summand gets the gradient of its sum.
  (b, site, outputGradients) => [spreadGradient(b, site, outputGradients)],
);

declare module "./op.js" {
  interface Ops {
    readonly reduceSum: typeof reduceSum;
  }
}
