/** Scores of logits for "one of the classes": larger values mean a more familiar image. */
import { logSumExp } from "./log-sum-exp.js";

export const LOGIT_SCORES = ["max-softmax", "max-logit", "energy"] as const;
export type LogitScore = (typeof LOGIT_SCORES)[number];

/**
 * Returns the score of one row of logits.
 *
 * - `max-softmax`: the largest softmax probability (Hendrycks and Gimpel, ICLR 2017), the baseline
 * - `max-logit`: the largest logit (Hendrycks et al., ICML 2022)
 * - `energy`: log Σ exp(logits), the negative free energy at temperature 1 (Liu et al., NeurIPS 2020)
 */
export function logitScore(score: LogitScore, logits: ArrayLike<number>): number {
  const largest = Array.from(logits).reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (score === "max-logit") return largest;
  const energy = logSumExp(logits);
  return score === "energy" ? energy : Math.exp(largest - energy);
}
