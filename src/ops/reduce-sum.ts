import type { OpDef } from "./op.js";
import { type ReduceAttributes, reduceOp, spreadGradient } from "./reduce.js";

export const reduceSum: OpDef<ReduceAttributes> = reduceOp(
  "ReduceSum",
  "The sum of x over `axes`.",
  // ∂(Σ x)/∂xᵢ = 1: every summand gets the gradient of its sum.
  (b, site, outputGradients) => [spreadGradient(b, site, outputGradients)],
);
