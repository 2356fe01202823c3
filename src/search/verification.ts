/**
 * Verification accuracy by the protocol of Labeled Faces in the Wild (Huang et al., 2007, view 2): for each fold the threshold
 * that is best on the other folds decides its pairs; reported are the mean of the folds' accuracies and its standard error.
 */
import { InceptionError } from "../errors.js";
import { at } from "../tensor/at.js";

/** Two images that were compared. */
export interface ScoredPair {
  /** The larger, the more alike. */
  readonly score: number;
  readonly same: boolean;
  /** From 0. */
  readonly fold: number;
}

/** A point of the ROC curve: what is accepted at or above a threshold. */
interface RocPoint {
  /** Fraction of different pairs that are accepted. */
  readonly falseAcceptRate: number;
  /** Fraction of same pairs that are accepted. */
  readonly trueAcceptRate: number;
}

/** How well scores separate same from different pairs. */
export interface Verification {
  readonly pairs: number;
  /** Mean of the folds' accuracies. */
  readonly accuracy: number;
  /** Standard deviation of the folds' accuracies (with n - 1) divided by √n. */
  readonly standardError: number;
  /** In the order of the folds; `threshold` is the smallest accepted score, chosen on the other folds. */
  readonly folds: readonly { readonly accuracy: number; readonly threshold: number; readonly pairs: number }[];
  /** Area under the ROC curve. */
  readonly auc: number;
  /** Where the rates of false acceptance and false rejection are equal, interpolated linearly. */
  readonly equalErrorRate: number;
  /** Largest true accept rate at a false accept rate of at most `falseAcceptRate`; of rates that so many pairs can measure. */
  readonly trueAcceptRates: readonly RocPoint[];
  /** From (0, 0) to (1, 1), a point for each distinct score. */
  readonly roc: readonly RocPoint[];
}

/**
 * Verification accuracy, ROC curve, AUC and equal error rate.
 *
 * @throws InceptionError DATASET_INVALID for fewer than two folds, no same or no different pairs; NOT_FINITE
 */
export function verifyPairs(pairs: readonly ScoredPair[]): Verification {
  const numbers = [...new Set(pairs.map(({ fold }) => fold))].sort((a, b) => a - b);
  const same = pairs.filter((pair) => pair.same).length;
  if (numbers.length < 2 || same === 0 || same === pairs.length) {
    const fact = `${numbers.length} folds with ${same} same and ${pairs.length - same} different pairs, expected at least 2 folds and both kinds`;
    throw new InceptionError("DATASET_INVALID", `Cannot compute verification accuracy: ${fact}`, { folds: numbers.length, same });
  }
  const wrong = pairs.findIndex(({ score }) => !Number.isFinite(score));
  if (wrong >= 0) {
    throw new InceptionError("NOT_FINITE", `Cannot compute verification accuracy: the score of pair ${wrong} is NaN or infinite`, {
      pair: wrong,
    });
  }
  const folds = numbers.map((fold) => {
    const [own, others] = [pairs.filter((pair) => pair.fold === fold), pairs.filter((pair) => pair.fold !== fold)];
    const threshold = bestThreshold(others);
    const right = own.filter((pair) => pair.score >= threshold === pair.same).length;
    return { accuracy: right / own.length, threshold, pairs: own.length };
  });
  const accuracy = folds.reduce((sum, fold) => sum + fold.accuracy, 0) / folds.length;
  const squares = folds.reduce((sum, fold) => sum + (fold.accuracy - accuracy) ** 2, 0);
  const roc = rocCurve(pairs);
  return {
    pairs: pairs.length,
    accuracy,
    standardError: Math.sqrt(squares / (folds.length - 1) / folds.length),
    folds,
    auc: areaUnder(roc),
    equalErrorRate: equalErrorRate(roc),
    trueAcceptRates: REPORTED_RATES.filter((rate) => rate * (pairs.length - same) >= 1).map((rate) => trueAcceptRateAt(roc, rate)),
    roc,
  };
}

/** False accept rates that verification results are usually compared at. */
const REPORTED_RATES = [0.1, 0.01, 0.001, 0.0001] as const;

/**
 * The threshold with the most correct decisions; of equally good ones the highest, which accepts the fewest. It lies halfway
 * between the two scores that it separates.
 */
function bestThreshold(pairs: readonly ScoredPair[]): number {
  const sorted = [...pairs].sort((a, b) => b.score - a.score);
  // Accepting nothing gets all different pairs right.
  let right = pairs.filter((pair) => !pair.same).length;
  let [best, threshold] = [right, at(sorted, 0).score + 1];
  for (let i = 0; i < sorted.length; ) {
    const { score } = at(sorted, i);
    for (; i < sorted.length && at(sorted, i).score === score; i++) right += at(sorted, i).same ? 1 : -1;
    if (right <= best) continue;
    best = right;
    threshold = i < sorted.length ? (score + at(sorted, i).score) / 2 : score;
  }
  return threshold;
}

function rocCurve(pairs: readonly ScoredPair[]): readonly RocPoint[] {
  const sorted = [...pairs].sort((a, b) => b.score - a.score);
  const positives = pairs.filter((pair) => pair.same).length;
  const negatives = pairs.length - positives;
  const points: RocPoint[] = [{ falseAcceptRate: 0, trueAcceptRate: 0 }];
  let [accepted, wrong] = [0, 0];
  for (let i = 0; i < sorted.length; ) {
    const { score } = at(sorted, i);
    for (; i < sorted.length && at(sorted, i).score === score; i++) {
      if (at(sorted, i).same) accepted++;
      else wrong++;
    }
    points.push({ falseAcceptRate: wrong / negatives, trueAcceptRate: accepted / positives });
  }
  return points;
}

/** By trapezoids, so that equal scores of a same and a different pair count one half. */
function areaUnder(roc: readonly RocPoint[]): number {
  let area = 0;
  for (let i = 1; i < roc.length; i++) {
    const [before, here] = [at(roc, i - 1), at(roc, i)];
    area += ((here.falseAcceptRate - before.falseAcceptRate) * (here.trueAcceptRate + before.trueAcceptRate)) / 2;
  }
  return area;
}

function equalErrorRate(roc: readonly RocPoint[]): number {
  const excess = ({ falseAcceptRate, trueAcceptRate }: RocPoint): number => falseAcceptRate - (1 - trueAcceptRate);
  // At (0, 0) all same pairs are rejected, at (1, 1) all different ones accepted: the sign changes in between.
  const after = roc.findIndex((point) => excess(point) >= 0);
  const [before, here] = [at(roc, after - 1), at(roc, after)];
  const part = -excess(before) / (excess(here) - excess(before));
  return before.falseAcceptRate + part * (here.falseAcceptRate - before.falseAcceptRate);
}

function trueAcceptRateAt(roc: readonly RocPoint[], falseAcceptRate: number): RocPoint {
  const last = roc.findLast((point) => point.falseAcceptRate <= falseAcceptRate);
  return { falseAcceptRate, trueAcceptRate: last?.trueAcceptRate ?? 0 };
}
