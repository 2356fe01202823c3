import { expect, test } from "vitest";
import { MultiLabelMetrics } from "./multi-label-metrics.js";

// Logits of four images and three classes; the last image has no class, and no image has class 2.
const LOGITS = [
  [2, -1, 0],
  [1, 3, -2],
  [-1, 0.5, 1],
  [0.5, -2, -3],
];
const TARGETS = [
  [1, 0, 0],
  [1, 1, 0],
  [0, 1, 0],
  [0, 0, 0],
];

function measured(thresholds?: readonly number[]) {
  const metrics = new MultiLabelMetrics({ numClasses: 3, ...(thresholds && { thresholds }) });
  for (const rows of [[0, 1, 2], [3]]) {
    metrics.update({
      logits: Float32Array.from(rows.flatMap((row) => LOGITS[row] ?? [])),
      targets: Float32Array.from(rows.flatMap((row) => TARGETS[row] ?? [])),
    });
  }
  return metrics.result();
}

test("by hand: loss, average precision, thresholds and scores", () => {
  const result = measured();
  const p = (x: number) => 1 / (1 + Math.exp(-x));
  const costs = LOGITS.flatMap((row, image) => row.map((x, c) => -Math.log(TARGETS[image]?.[c] === 1 ? p(x) : 1 - p(x))));
  expect(result.images).toBe(4);
  expect(result.loss).toBeCloseTo(costs.reduce((sum, cost) => sum + cost, 0) / 12, 12);
  expect(result.multiLabel).toEqual({
    meanAveragePrecision: 1,
    averagePrecision: [1, 1, null],
    // Between the logits 1 and 0.5 of class 0, between 0.5 and −1 of class 1; nothing to choose by for class 2.
    thresholds: [(p(1) + p(0.5)) / 2, (p(0.5) + p(-1)) / 2, 0.5],
    areThresholdsFitted: true,
  });
  expect(result.classes.map(({ support, predicted, precision, recall, f1 }) => [support, predicted, precision, recall, f1])).toEqual([
    [2, 2, 1, 1, 1],
    [2, 2, 1, 1, 1],
    // Logits 0 and 1 have probabilities of at least 0.5.
    [0, 2, 0, null, 0],
  ]);
  expect(result.macro).toEqual({ precision: 1, recall: 1, f1: 1 });
  // Of three images with a class, the third has its most probable class wrong.
  expect(result.top1).toBeCloseTo(2 / 3, 12);
  expect(result.top5).toBe(1);
});

test("given thresholds decide, and are said not to be fitted", () => {
  const result = measured([0.9, 0, 1]);
  expect(result.multiLabel?.areThresholdsFitted).toBe(false);
  expect(result.classes.map(({ predicted }) => predicted)).toEqual([0, 4, 0]);
  expect(result.classes[1]).toMatchObject({ precision: 0.5, recall: 1 });
});

test("where no image has a class, there is no mean", () => {
  const metrics = new MultiLabelMetrics({ numClasses: 2 });
  metrics.update({ logits: Float32Array.of(1, 2), targets: Float32Array.of(0, 0) });
  const { multiLabel, top1 } = metrics.result();
  expect(multiLabel).toMatchObject({ meanAveragePrecision: Number.NaN, averagePrecision: [null, null], thresholds: [0.5, 0.5] });
  expect(top1).toBe(Number.NaN);
});

test("what does not fit is refused", () => {
  const metrics = new MultiLabelMetrics({ numClasses: 2 });
  expect(() => metrics.update({ logits: new Float32Array(4), targets: new Float32Array(2) })).toThrow(
    "Cannot evaluate a batch: it has 4 logits and 2 targets, expected as many of both, 2 for each image",
  );
  expect(() => metrics.update({ logits: new Float32Array(4), targets: Float32Array.of(0, 1, 0.5, 0) })).toThrow(
    "Cannot evaluate image 1 of a batch: its target is 0.5, expected 0 or 1",
  );
  expect(() => new MultiLabelMetrics({ numClasses: 2, thresholds: [0.5] })).toThrow(
    "Cannot evaluate a classifier: numClasses is 2 and there are 1 thresholds, expected one for each class",
  );
});
