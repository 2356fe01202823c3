/** How well scores rank the images of one class before the others, and where to cut. */

/** Scores of one class, and which images have it. */
interface ScoredTruth {
  /** One for each image; none is NaN. */
  readonly scores: ArrayLike<number>;
  /** 1 for an image that has the class, 0 for one that does not. */
  readonly truth: ArrayLike<number>;
}

/** Images with at least some score, and how many of them have the class. */
interface Cut {
  /** The lowest score that is in. */
  readonly score: number;
  readonly predicted: number;
  readonly correct: number;
}

/** Every cut between different scores, from the highest score down: images with equal scores are in or out together. */
function cuts({ scores, truth }: ScoredTruth): readonly Cut[] {
  const order = Array.from({ length: scores.length }, (_, index) => index).sort((a, b) => scores[b]! - scores[a]!);
  const found: Cut[] = [];
  let correct = 0;
  for (const [position, index] of order.entries()) {
    correct += truth[index]!;
    const next = order[position + 1];
    if (next !== undefined && scores[next] === scores[index]) continue;
    found.push({ score: scores[index]!, predicted: position + 1, correct });
  }
  return found;
}

/**
 * Average precision: Σ (Rₙ − Rₙ₋₁) Pₙ over all cuts from the highest score down, with recall R and precision P; not interpolated.
 * Images with equal scores count together, whatever their order. Null where no image has the class.
 *
 * Source: sklearn.metrics.average_precision_score, which gives 0 for a class without images.
 *
 * @example
 * ```ts
 * import { averagePrecision } from "inceptionkit/train";
 * averagePrecision({ scores: [0.9, 0.8, 0.7], truth: [1, 0, 1] }); // (1 + 2/3) / 2
 * ```
 */
export function averagePrecision(data: ScoredTruth): number | null {
  const all = cuts(data);
  const positives = all.at(-1)?.correct ?? 0;
  if (positives === 0) return null;
  let [before, sum] = [0, 0];
  for (const { predicted, correct } of all) {
    sum += ((correct - before) * correct) / predicted;
    before = correct;
  }
  return sum / positives;
}

/** A threshold, and what it gives on the images that it was chosen on. */
interface ChosenThreshold {
  /** Images with at least this score are predicted to have the class. */
  readonly threshold: number;
  readonly f1: number;
}

/**
 * The threshold with the largest F1, 2 TP / (positives + predicted); of equals the highest. It is halfway between the lowest score
 * that is in and the next one (or `floor`), so that rounding does not change a decision. Null where no image has the class.
 *
 * @param floor - the lowest score that is possible
 */
export function bestThreshold(data: ScoredTruth, floor: number): ChosenThreshold | null {
  const all = cuts(data);
  const positives = all.at(-1)?.correct ?? 0;
  if (positives === 0) return null;
  let best: ChosenThreshold | null = null;
  for (const [index, { score, predicted, correct }] of all.entries()) {
    const f1 = (2 * correct) / (positives + predicted);
    if (best !== null && f1 <= best.f1) continue;
    best = { threshold: (score + (all[index + 1]?.score ?? floor)) / 2, f1 };
  }
  return best;
}
