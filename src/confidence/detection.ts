/** How well a score separates known images from others, and where its threshold is. Larger scores mean a more familiar image. */
import { InceptionError } from "../errors.js";
import { at } from "../tensor/at.js";

/** Probability that a known image has a larger score than another one, ties counted half: the area under the ROC curve. */
export function areaUnderRoc(known: readonly number[], others: readonly number[]): number {
  checkScores(known, others);
  const all = [...known.map((score) => ({ score, isKnown: true })), ...others.map((score) => ({ score, isKnown: false }))];
  all.sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && at(all, to).score === at(all, from).score) to++;
    // Equal scores share the mean of their ranks, which count from 1.
    ranks += ((from + 1 + to) / 2) * all.slice(from, to).filter(({ isKnown }) => isKnown).length;
    from = to;
  }
  return (ranks - (known.length * (known.length + 1)) / 2) / (known.length * others.length);
}

/** Fraction of the other images that pass the largest threshold which at least 95% of the known images pass. */
export function falsePositiveRate(known: readonly number[], others: readonly number[]): number {
  checkScores(known, others);
  const descending = known.toSorted((a, b) => b - a);
  const threshold = at(descending, Math.ceil(0.95 * known.length) - 1);
  return others.filter((score) => score >= threshold).length / others.length;
}

function checkScores(known: readonly number[], others: readonly number[]): void {
  if (known.length > 0 && others.length > 0) return;
  const message = `Cannot compare ${known.length} known images with ${others.length} others: expected at least 1 of each`;
  throw new InceptionError("DATASET_INVALID", message, { known: known.length, others: others.length });
}

/**
 * The threshold below which an image is unknown: a new image of the known classes is rejected with a probability of at most `rate`. It
 * is the k-th smallest score, k = ⌊rate · (n + 1)⌋ (split conformal prediction: Vovk et al., "Algorithmic Learning in a Random World",
 * 2005).
 *
 * @param rate - false rejection rate, in (0, 1)
 * @throws InceptionError OPTION_INVALID for another rate; DATASET_INVALID for too few images for it, fewer than 1 / rate − 1
 */
export function rejectionThreshold(known: readonly number[], rate: number): number {
  if (!(rate > 0 && rate < 1)) {
    throw new InceptionError("OPTION_INVALID", `Cannot use falseRejection ${rate}: expected a number between 0 and 1`, { rate });
  }
  // A product such as 0.05 · 20 must not fall short of its integer.
  const k = Math.floor(rate * (known.length + 1) + 1e-9);
  if (k >= 1) {
    return at(
      known.toSorted((a, b) => a - b),
      Math.min(k, known.length) - 1,
    );
  }
  const message = `Cannot choose a threshold for a false rejection rate of ${rate} on ${known.length} images: expected at least ${Math.ceil(1 / rate - 1 - 1e-9)}`;
  throw new InceptionError("DATASET_INVALID", message, { rate, images: known.length });
}
