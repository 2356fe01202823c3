import type { GraphBuilder, Ref } from "../ops/build.js";
import { type BinaryLogs, type BinaryOptions, binaryLoss, invalid } from "./binary.js";

/** Focusing and margin of the asymmetric loss. */
export interface AsymmetricOptions extends BinaryOptions {
  /** Focusing exponent for classes that are present, at least 0. Default 1. */
  readonly gammaPositive?: number;
  /** Focusing exponent for classes that are absent, at least 0. Default 4. */
  readonly gammaNegative?: number;
  /** What is subtracted from the probability of an absent class, in [0, 1): below it such a class costs nothing. Default 0.05. */
  readonly margin?: number;
}

/**
 * Asymmetric loss for images with few of many classes: the many absent classes that are easy cost less than under
 * `binaryCrossEntropy`.
 *
 * With p = 1 / (1 + exp(−logit)), pₘ = max(p − margin, 0) and the target q, a class of an image costs
 * −q (1 − p)^γ₊ ln p − (1 − q) pₘ^γ₋ ln(1 − pₘ). The focal weights (1 − p)^γ₊ and pₘ^γ₋ get gradients too. The mean is over all
 * images and classes; the authors' code has the sum (reduction `sum`).
 *
 * Source: arXiv:2009.14119, and `AsymmetricLoss` of Alibaba-MIIL/ASL (commit 05b193d8), which limits p and 1 − pₘ to at least
 * 1e-8 in the logarithms; here ln p is exact. For targets between 0 and 1 that code mixes the exponents, this function the costs.
 *
 * @param logits - [N, C, spatial…]
 * @param targets - of the logits' shape, in [0, 1]: 1 for each class that is present. They get no gradient that means anything
 * @returns [], with reduction `none` the logits' shape
 * @throws InceptionError SHAPE_INVALID where shapes differ, OPTION_INVALID for an option out of range
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { asymmetric } from "inceptionkit/train";
 * const b = new GraphBuilder("loss");
 * const loss = asymmetric(b, "loss", b.input("logits", [8, 80]), b.input("targets", [8, 80]), { reduction: "sum" });
 * loss.type.shape; // []
 * ```
 */
export function asymmetric(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: AsymmetricOptions = {}): Ref {
  const { gammaPositive = 1, gammaNegative = 4, margin = 0.05 } = options;
  checkOptions(path, { gammaPositive, gammaNegative }, margin);
  return binaryLoss(b, path, logits, targets, options, ({ present, absent }) => ({
    present: gammaPositive === 0 ? present : focused(b, `${path}.present`, present, powerOf(b, `${path}.present`, absent, gammaPositive)),
    absent: absentTerm(b, `${path}.absent`, { present, absent }, gammaNegative, margin),
  }));
}

// The weight of a smaller shifted probability is 0 in float32 for γ of at least 4; it has a logarithm.
const MIN_SHIFTED = 1e-12;

/** pₘ^γ · ln(1 − pₘ). */
function absentTerm(b: GraphBuilder, path: string, { present, absent }: BinaryLogs, gamma: number, margin: number): Ref {
  if (margin === 0) return gamma === 0 ? absent : focused(b, path, absent, powerOf(b, path, present, gamma));
  const constant = (name: string, value: number) => b.add("constant", `${path}.${name}`, [], { shape: [], values: [value] });
  const lowered = b.add("sub", `${path}.lowered`, [b.add("exp", `${path}.p`, [present], {}), constant("margin", margin)], {});
  // Where p is at most the margin, no gradient passes.
  const shifted = b.add("clip", `${path}.shifted`, [lowered], { min: MIN_SHIFTED, max: 1 });
  const log = b.add("log", `${path}.log`, [b.add("sub", `${path}.rest`, [constant("one", 1), shifted], {})], {});
  return gamma === 0 ? log : focused(b, path, log, powerOf(b, path, b.add("log", `${path}.log_shifted`, [shifted], {}), gamma));
}

/** exp(γ · log). */
function powerOf(b: GraphBuilder, path: string, log: Ref, gamma: number): Ref {
  return b.add("exp", `${path}.weight`, [gamma === 1 ? log : b.add("scale", `${path}.exponent`, [log], { factor: gamma })], {});
}

function focused(b: GraphBuilder, path: string, log: Ref, weight: Ref): Ref {
  return b.add("mul", `${path}.focused`, [log, weight], {});
}

function checkOptions(path: string, gammas: Readonly<Record<string, number>>, margin: number): void {
  for (const [name, value] of Object.entries(gammas)) {
    if (!(Number.isFinite(value) && value >= 0)) throw invalid(path, `${name} is ${value}, expected a finite number of at least 0`);
  }
  if (!(margin >= 0 && margin < 1)) throw invalid(path, `margin is ${margin}, expected a number from 0 to below 1`);
}
