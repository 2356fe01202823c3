import { describe, expect, it } from "vitest";
import { percentile } from "../data/volumes/percentile.js";
import { qualityIntervals } from "./bootstrap.js";
import { crossFit, FOLDS, foldsOf } from "./cross-fit.js";
import { areaUnderRoc, falsePositiveRate, rejectionThreshold } from "./detection.js";
import { mahalanobisScore, neighborScore } from "./feature-scores.js";
import type { LabeledLogits } from "./labeled-logits.js";
import { logitScore } from "./logit-scores.js";
import { pooledCovariance } from "./pooled-covariance.js";
import { calibrationError, imageQualities, qualityOf, reliabilityBins } from "./quality.js";
import { boundedTemperature, fitTemperature } from "./temperature.js";

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** 40 images, 3 classes; every fourth label is the class after the predicted one. The expected values below are NumPy's of the same formula. */
function example(): LabeledLogits {
  const logits = Array.from({ length: 40 }, (_, i) => [0, 1, 2].map((k) => round(4 * Math.sin(1.7 * i + 2.1 * k) + 0.5 * k, 3)));
  const labels = logits.map((row, i) => (row.indexOf(Math.max(...row)) + (i % 4 === 3 ? 1 : 0)) % 3);
  return { logits, labels };
}

describe("fitTemperature", () => {
  it("finds the minimum of SciPy's minimize_scalar", () => {
    // scipy 1.10.1: minimize_scalar(lambda b: mean(logsumexp(b*Z, axis=1) - b*Z[i, y]), bounds=(1e-3, 10), method="bounded", xatol=1e-13)
    expect(fitTemperature(example())).toBeCloseTo(3.1700488, 6);
  });

  it("finds the closed form of two classes", () => {
    const logits = Array.from({ length: 4 }, () => [1004, 1000]);
    // 3 of 4 are right: 1 / (1 + exp(-4 / T)) = 3/4.
    expect(fitTemperature({ logits, labels: [0, 0, 0, 1] })).toBeCloseTo(4 / Math.log(3), 12);
  });

  it("is bounded where the images determine none: nothing becomes surer", () => {
    const right = { logits: [[3, 0], [0, 2]], labels: [0, 1] }; // biome-ignore format: one line
    expect(boundedTemperature(right)).toEqual({ temperature: 1, isDetermined: false });
    const wrong = { logits: [[3, 0], [0, 2]], labels: [1, 0] }; // biome-ignore format: one line
    expect(boundedTemperature(wrong)).toEqual({ temperature: 100, isDetermined: false });
    expect(boundedTemperature(example())).toEqual({ temperature: fitTemperature(example()), isDetermined: true });
  });

  it.each([1e-1, 1e1])("scales with the logits (%d)", (factor) => {
    const { logits, labels } = example();
    const scaled = logits.map((row) => Array.from(row, (value) => value * factor));
    expect(fitTemperature({ logits: scaled, labels }) / factor).toBeCloseTo(3.1700488, 6);
  });

  it.each<[string, LabeledLogits, string, string]>([
    [
      "no images",
      { logits: [], labels: [] },
      "DATASET_INVALID",
      "Cannot calibrate on these images: there are 0 images, expected at least 1",
    ],
    [
      "images that are all right",
      {
        logits: [
          [3, 0],
          [0, 2],
        ],
        labels: [0, 1],
      },
      "DATASET_INVALID",
      "Cannot fit a temperature: no temperature from 0.01 to 100 minimizes the loss of these 2 images, because the images are classified correctly too clearly; use more held-out images",
    ],
    [
      "equal logits",
      {
        logits: [
          [1, 1],
          [2, 2],
        ],
        labels: [0, 1],
      },
      "DATASET_INVALID",
      "Cannot fit a temperature: no temperature from 0.01 to 100 minimizes the loss of these 2 images, because the logits contain no information about the classes; use more held-out images",
    ],
    [
      "NaN",
      { logits: [[1, Number.NaN]], labels: [0] },
      "NOT_FINITE",
      "Cannot calibrate on these images: the logits of image 0 contain NaN or infinity",
    ],
    [
      "a label that is no class",
      { logits: [[1, 2]], labels: [2] },
      "DATASET_INVALID",
      "Cannot calibrate on these images: image 0 has label 2, expected an integer from 0 to 1",
    ],
    [
      "rows of different lengths",
      { logits: [[1, 2], [1]], labels: [0, 0] },
      "DATASET_INVALID",
      "Cannot calibrate on these images: image 1 has 1 logits, expected 2",
    ],
    [
      "one class",
      { logits: [[1]], labels: [0] },
      "DATASET_INVALID",
      "Cannot calibrate on these images: the model has 1 classes, expected at least 2",
    ],
    [
      "labels that are missing",
      { logits: [[1, 2]], labels: [] },
      "DATASET_INVALID",
      "Cannot calibrate on these images: there are 1 images and 0 labels",
    ],
  ])("refuses %s", (_what, data, code, message) => {
    expect(() => fitTemperature(data)).toThrowError(expect.objectContaining({ code, message }));
  });
});

describe("quality", () => {
  it("computes NLL, Brier score and ECE like scikit-learn and NumPy", () => {
    // scikit-learn 1.2.1: log_loss(y, softmax(Z, 1)); NumPy: ((P - eye(3)[y])**2).sum(1).mean(), and a loop over 15 bins (b/15, (b+1)/15].
    const before = qualityOf(imageQualities(example()));
    expect(before.nll).toBeCloseTo(1.3144911991360713, 12);
    expect(before.brier).toBeCloseTo(0.4876815998177831, 12);
    expect(before.ece).toBeCloseTo(0.23112374456263363, 12);
    const after = qualityOf(imageQualities(example(), 3.170048881096604));
    expect(after.nll).toBeCloseTo(0.790367151402183, 12);
    expect(after.brier).toBeCloseTo(0.445474711376123, 12);
    expect(after.ece).toBeCloseTo(0.09994000745407342, 12);
  });

  it("puts confidences on the upper edge of a bin into it", () => {
    const images = [0, 0.25, 0.5, 0.51, 1].map((confidence) => ({ confidence, correct: confidence > 0.3 }));
    const bins = reliabilityBins(images, 2);
    expect(bins).toEqual([
      { low: 0, high: 0.5, count: 3, confidence: 0.25, accuracy: 1 / 3 },
      { low: 0.5, high: 1, count: 2, confidence: 0.755, accuracy: 1 },
    ]);
    expect(calibrationError(bins)).toBeCloseTo((3 / 5) * (1 / 3 - 0.25) + (2 / 5) * 0.245, 12);
  });
});

describe("qualityIntervals", () => {
  it("is about 3.92 standard errors wide, contains the mean and repeats with its seed", () => {
    const images = imageQualities(example());
    const { nll } = qualityOf(images);
    const interval = qualityIntervals(images, 1).nll;
    const variance = images.reduce((sum, image) => sum + (image.nll - nll) ** 2, 0) / images.length;
    expect((interval[1] - interval[0]) / (3.92 * Math.sqrt(variance / images.length))).toBeCloseTo(1, 0);
    expect(interval[0]).toBeLessThan(nll);
    expect(interval[1]).toBeGreaterThan(nll);
    expect(qualityIntervals(images, 1)).toEqual(qualityIntervals(images, 1));
    expect(qualityIntervals(images, 2)).not.toEqual(qualityIntervals(images, 1));
  });

  it("has NumPy's quantiles", () => {
    // numpy.quantile([1, 2, 4, 8], [0.025, 0.5, 0.975])
    expect([0.025, 0.5, 0.975].map((q) => round(percentile(Float64Array.of(1, 2, 4, 8), 100 * q), 12))).toEqual([1.075, 3, 7.7]);
  });
});

describe("crossFit", () => {
  it("measures each image with a temperature of others", () => {
    const data = example();
    const { images, temperatures } = crossFit(data, 3);
    const folds = foldsOf(40, 3);
    expect(folds.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    for (const [k, fold] of folds.entries()) {
      const others = [...data.logits.keys()].filter((i) => !fold.includes(i));
      const temperature = fitTemperature({
        logits: others.map((i) => data.logits[i] ?? []),
        labels: others.map((i) => data.labels[i] ?? -1),
      });
      expect(temperatures[k]).toBe(temperature);
      const all = imageQualities(data, temperature);
      for (const i of fold) expect(images[i]).toEqual(all[i]);
    }
    expect(folds).toHaveLength(FOLDS);
  });

  it("measures a fold with temperature 1 where the other images are all right, and counts such folds", () => {
    // One image of 12 is wrong: only the fold that has it is measured with a temperature that the others do not determine.
    const logits = Array.from({ length: 12 }, (_, i) => [2 + 0.1 * i, 0]);
    const data = { logits, labels: logits.map((_, i) => (i === 5 ? 1 : 0)) };
    const { temperatures, undetermined } = crossFit(data, 7);
    expect(undetermined).toBe(1);
    for (const [k, fold] of foldsOf(12, 7).entries()) expect(temperatures[k] === 1).toBe(fold.includes(5));
  });

  it("refuses fewer than 10 images", () => {
    const { logits, labels } = example();
    const message = "Cannot evaluate calibration on 9 images: expected at least 10, 2 for each of 5 folds";
    expect(() => crossFit({ logits: logits.slice(0, 9), labels: labels.slice(0, 9) }, 0)).toThrowError(message);
  });
});

describe("scores", () => {
  it("follows the definitions of the logit scores", () => {
    const logits = [Math.log(1), Math.log(2), Math.log(5)];
    expect(logitScore("max-softmax", logits)).toBeCloseTo(5 / 8, 12);
    expect(logitScore("max-logit", logits)).toBeCloseTo(Math.log(5), 12);
    expect(logitScore("energy", logits)).toBeCloseTo(Math.log(8), 12);
    expect(logitScore("energy", [1000, 1000])).toBeCloseTo(1000 + Math.log(2), 9);
  });

  const features = Array.from({ length: 30 }, (_, j) =>
    [0, 1, 2, 3, 4].map((k) => round(Math.sin(1.1 * j * (k + 1) + 0.3 * k) * (k + 1) + (j % 2) * 2, 3)),
  );
  const labels = features.map((_, j) => j % 2);
  const query = [1, -1, 0.5, 2, 0];

  it("computes the Mahalanobis distance of NumPy with scikit-learn's Ledoit-Wolf covariance", () => {
    // sklearn.covariance.ledoit_wolf(C, assume_centered=True) with C centered by class; -min((x-m) @ inv(cov) @ (x-m) for m in means)
    const { covariance, shrinkage } = pooledCovariance({ features, labels });
    expect(shrinkage).toBeCloseTo(0.23332314350142452, 12);
    expect(covariance[0]).toBeCloseTo(1.6884283929107131, 12);
    expect(covariance[1]).toBeCloseTo(0.01805910742935089, 12);
    expect(mahalanobisScore({ features, labels })(query)).toBeCloseTo(-1.629828474923927, 10);
  });

  it.each([
    [1, 0.54234157],
    [2, 0.73612617],
    [3, 0.85245082],
  ])("computes the distance to neighbor %d like scikit-learn", (k, distance) => {
    // sklearn.neighbors.NearestNeighbors on rows of length 1
    expect(neighborScore(features, k)(query)).toBeCloseTo(-distance, 7);
  });

  it("works with fewer vectors than features, and refuses what has no covariance and no neighbor", () => {
    const few = { features: features.slice(0, 4), labels: labels.slice(0, 4) };
    expect(mahalanobisScore(few)(query)).toBeLessThan(0);
    const same = { features: [query, query], labels: [0, 0] };
    expect(() => mahalanobisScore(same)).toThrowError(
      "Cannot compute a covariance: the features of 2 images do not differ within their classes",
    );
    const message = "Cannot use the distance to neighbor 3: expected an integer from 1 to 2, the number of known images";
    expect(() => neighborScore([query, query], 3)).toThrowError(message);
  });
});

describe("detection", () => {
  const known = Array.from({ length: 50 }, (_, i) => round(3 * Math.sin(i * 1.3) + 1.5, 1));
  const others = Array.from({ length: 30 }, (_, i) => round(3 * Math.cos(i * 0.7) - 0.5, 1));

  it("computes scikit-learn's AUROC and FPR at 95% TPR", () => {
    // roc_auc_score(t, s); fpr[argmax(tpr >= 0.95)] of roc_curve(t, s, drop_intermediate=False). There are ties.
    expect(areaUnderRoc(known, others)).toBeCloseTo(0.7206666666666667, 12);
    expect(falsePositiveRate(known, others)).toBeCloseTo(0.6, 12);
    expect(() => areaUnderRoc([], others)).toThrowError("Cannot compare 0 known images with 30 others: expected at least 1 of each");
  });

  it("rejects a new image with the stated probability at most", () => {
    // Of 20 distinct scores each is as likely to be the new one: the threshold of the other 19 must reject at most 5% of them, one.
    const scores = Array.from({ length: 20 }, (_, i) => (i * 7) % 20);
    const rejected = scores.filter((score, i) => score < rejectionThreshold(scores.toSpliced(i, 1), 0.05));
    expect(rejected).toEqual([0]);
    expect(rejectionThreshold([5, 1, 2, 3], 0.4)).toBe(2);
  });

  it("refuses too few images and rates that are none", () => {
    const few = "Cannot choose a threshold for a false rejection rate of 0.05 on 18 images: expected at least 19";
    expect(() => rejectionThreshold(others.slice(0, 18), 0.05)).toThrowError(few);
    for (const rate of [0, 1, Number.NaN]) {
      expect(() => rejectionThreshold(others, rate)).toThrowError(`Cannot use falseRejection ${rate}: expected a number between 0 and 1`);
    }
  });
});
