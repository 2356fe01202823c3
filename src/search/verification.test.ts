import { describe, expect, test } from "vitest";
import { mulberry32 } from "../tensor/fill.js";
import { type ScoredPair, verifyPairs } from "./verification.js";

/** 400 pairs in ten folds. Scores have two decimals, so that many are equal. */
function generatedPairs(): readonly ScoredPair[] {
  const draw = mulberry32(7);
  return Array.from({ length: 400 }, (_, index) => {
    const same = index % 2 === 0;
    const score = (draw() + draw() + draw()) / 3 + (same ? 0.15 : 0);
    return { same, score: Math.round(score * 100) / 100, fold: Math.floor(index / 40) };
  });
}

describe("verification", () => {
  const found = verifyPairs(generatedPairs());

  // sklearn.metrics.roc_auc_score and roc_curve (1.9, drop_intermediate=False) of the same pairs; the equal error rate by
  // scipy.optimize.brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1).
  test("AUC, equal error rate and ROC as scikit-learn and SciPy", () => {
    expect(found.auc).toBeCloseTo(0.7188875, 12);
    expect(found.equalErrorRate).toBeCloseTo(0.3433333333333333, 12);
    expect(found.roc).toHaveLength(88);
    expect(found.trueAcceptRates).toEqual([
      { falseAcceptRate: 0.1, trueAcceptRate: 0.3 },
      { falseAcceptRate: 0.01, trueAcceptRate: 0.11 },
    ]);
  });

  // NumPy, trying every threshold between two scores of the other nine folds; mean and std(ddof=1) / sqrt(10).
  test("ten-fold accuracy as by trying all thresholds", () => {
    expect(found.folds.map(({ accuracy }) => accuracy)).toEqual([0.55, 0.65, 0.7, 0.575, 0.625, 0.6, 0.7, 0.725, 0.575, 0.7]);
    expect(found.accuracy).toBeCloseTo(0.64, 12);
    expect(found.standardError).toBeCloseTo(0.02013840995599095, 12);
  });

  test("separable scores are all right, and the threshold is halfway", () => {
    const pairs = [0, 1, 2].flatMap((fold) => [
      { same: true, score: 0.8, fold },
      { same: false, score: 0.4, fold },
    ]);
    const { accuracy, auc, equalErrorRate, folds } = verifyPairs(pairs);
    expect({ accuracy, auc, equalErrorRate }).toEqual({ accuracy: 1, auc: 1, equalErrorRate: 0 });
    for (const { threshold } of folds) expect(threshold).toBeCloseTo(0.6, 12);
  });

  test("what has no accuracy is rejected", () => {
    const pair = { same: true, score: 0.5, fold: 0 };
    expect(() => verifyPairs([pair, { ...pair, fold: 1 }])).toThrow(
      expect.objectContaining({
        code: "DATASET_INVALID",
        message:
          "Cannot compute verification accuracy: 2 folds with 2 same and 0 different pairs, expected at least 2 folds and both kinds",
      }),
    );
    expect(() => verifyPairs([pair, { same: false, score: Number.NaN, fold: 1 }])).toThrow(
      expect.objectContaining({
        code: "NOT_FINITE",
        message: "Cannot compute verification accuracy: the score of pair 1 is NaN or infinite",
      }),
    );
  });
});
