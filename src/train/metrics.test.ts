import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { ClassificationMetrics, crossEntropy, type Evaluation, rankOf, topKCorrect } from "./metrics.js";

const nameOf = (index: number): string => `photo ${index}`;

function measure(numClasses: number, rows: readonly (readonly [label: number, logits: readonly number[]])[], mistakes = 24): Evaluation {
  const metrics = new ClassificationMetrics({ numClasses, nameOf, mistakes });
  metrics.update({
    logits: Float32Array.from(rows.flatMap(([, logits]) => logits)),
    labels: rows.map(([label]) => label),
    indices: rows.map((_, index) => index),
  });
  return metrics.result();
}

/** Logits whose largest value is at `answer`. */
function answering(answer: number, numClasses = 3): readonly number[] {
  return Array.from({ length: numClasses }, (_, index) => (index === answer ? 2 : 0));
}

describe("the rank of a class", () => {
  test("among equal logits the lower index comes first", () => {
    expect([0, 1, 2, 3].map((label) => rankOf(label, [1, 3, 3, 0], 0, 4))).toEqual([2, 0, 1, 3]);
    expect([0, 1, 2].map((label) => rankOf(label, [9, 9, 5, 5, 5], 2, 3))).toEqual([0, 1, 2]);
  });

  test("NaN ranks above every number", () => {
    expect([0, 1, 2, 3].map((label) => rankOf(label, [1, Number.NaN, Infinity, Number.NaN], 0, 4))).toEqual([3, 0, 2, 1]);
  });

  test("is a permutation for any row", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double(), fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 8 }), (row) => {
        const ranks = row.map((_, label) => rankOf(label, row, 0, row.length));
        expect(ranks.toSorted((a, b) => a - b)).toEqual(row.map((_, index) => index));
      }),
    );
  });

  test("top-k counts", () => {
    const logits = Float32Array.of(5, 4, 3, 0, 1, 2, 7, 7, 7);
    expect([1, 2, 3, 5].map((k) => topKCorrect(logits, [1, 0, 1], 3, k))).toEqual([0, 2, 3, 3]);
  });
});

describe("cross entropy", () => {
  test("by hand", () => {
    expect(crossEntropy(0, [0, 0], 0, 2)).toBeCloseTo(Math.LN2, 15);
    // softmax(ln 1, ln 2, ln 5) = 1/8, 2/8, 5/8
    expect(crossEntropy(1, [0, Math.log(2), Math.log(5)], 0, 3)).toBeCloseTo(Math.log(4), 14);
  });

  test("does not overflow, and stays exact where float32 would round to zero", () => {
    expect(crossEntropy(0, [1000, 0], 0, 2)).toBe(0);
    expect(crossEntropy(1, [1000, 0], 0, 2)).toBe(1000);
    expect(crossEntropy(0, [0, -30], 0, 2)).toBeCloseTo(Math.exp(-30), 15);
    expect(crossEntropy(1, [0, -Infinity], 0, 2)).toBe(Infinity);
    expect(crossEntropy(0, [Infinity, 0], 0, 2)).toBe(Number.NaN);
    expect(crossEntropy(0, [0, Number.NaN], 0, 2)).toBe(Number.NaN);
  });
});

describe("a measured classifier", () => {
  // Truth a a a a b b b c, answers a a b c b b a b.
  const truth = [0, 0, 0, 0, 1, 1, 1, 2];
  const answers = [0, 0, 1, 2, 1, 1, 0, 1];
  const result = measure(
    3,
    truth.map((label, index) => [label, answering(answers[index] ?? 0)]),
  );

  test("counts and accuracies", () => {
    expect(result.images).toBe(8);
    expect(result.confusion).toEqual([
      [2, 1, 1],
      [1, 2, 0],
      [0, 1, 0],
    ]);
    expect(result.top1).toBe(0.5);
    expect(result.top5).toBe(1);
    // 4 right with loss log(e² + 2) − 2, 4 wrong with loss log(e² + 2).
    expect(result.loss).toBeCloseTo(Math.log(Math.exp(2) + 2) - 1, 14);
  });

  test("precision, recall and F1 per class and their means", () => {
    expect(result.classes).toEqual([
      { support: 4, predicted: 3, precision: 2 / 3, recall: 0.5, f1: 4 / 7 },
      { support: 3, predicted: 4, precision: 0.5, recall: 2 / 3, f1: 4 / 7 },
      { support: 1, predicted: 1, precision: 0, recall: 0, f1: 0 },
    ]);
    expect(result.macro.precision).toBeCloseTo((2 / 3 + 1 / 2) / 3, 15);
    expect(result.macro.recall).toBeCloseTo((1 / 2 + 2 / 3) / 3, 15);
    expect(result.macro.f1).toBeCloseTo(8 / 21, 15);
  });

  test("ratios without a denominator are null, and only classes with images enter the means", () => {
    const sparse = measure(4, [
      [0, answering(0, 4)],
      [1, answering(3, 4)],
    ]);
    expect(sparse.classes.map(({ precision, recall, f1 }) => [precision, recall, f1])).toEqual([
      [1, 1, 1],
      [null, 0, 0],
      [null, null, null],
      [0, null, 0],
    ]);
    expect(sparse.macro).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5 });
  });

  test("top-5 among six classes", () => {
    const row = [6, 5, 4, 3, 2, 1];
    expect(measure(6, [[4, row], [5, row]]).top5).toBe(0.5); // biome-ignore format: one line
  });

  test("batches add up to the whole", () => {
    const metrics = new ClassificationMetrics({ numClasses: 3, nameOf });
    for (const [index, label] of truth.entries()) {
      metrics.update({ logits: Float32Array.from(answering(answers[index] ?? 0)), labels: [label], indices: [index] });
    }
    expect(metrics.result()).toEqual(result);
  });

  test("without images every mean is NaN", () => {
    const nothing = new ClassificationMetrics({ numClasses: 2, nameOf }).result();
    expect(nothing).toMatchObject({ images: 0, loss: Number.NaN, top1: Number.NaN, top5: Number.NaN, mistakes: [] });
  });

  test("has no matrix above 2,048 classes, but all else", () => {
    const metrics = new ClassificationMetrics({ numClasses: 2049, nameOf });
    metrics.update({ logits: Float32Array.from(answering(2048, 2049)), labels: [2048], indices: [0] });
    expect(metrics.result()).toMatchObject({ confusion: null, top1: 1 });
  });
});

describe("the worst mistakes", () => {
  test("are the wrong answers with the largest loss, lower index first among equals", () => {
    const { mistakes } = measure(
      2,
      [
        [0, [0, 1]],
        [0, [0, 3]],
        [0, [3, 0]],
        [1, [3, 0]],
        [0, [0, 2]],
      ],
      3,
    );
    expect(mistakes.map(({ index, name, label, predicted }) => [index, name, label, predicted])).toEqual([
      [1, "photo 1", 0, 1],
      [3, "photo 3", 1, 0],
      [4, "photo 4", 0, 1],
    ]);
    expect(mistakes[0]?.probability).toBeCloseTo(1 / (1 + Math.exp(-3)), 14);
    expect(mistakes[0]?.loss).toBeCloseTo(Math.log(1 + Math.exp(3)), 14);
  });

  test("with NaN before all others, and none where none are wanted", () => {
    const rows = [
      [0, [0, 9]],
      [0, [0, Number.NaN]],
    ] as const;
    expect(measure(2, rows, 1).mistakes.map(({ index }) => index)).toEqual([1]);
    expect(measure(2, rows, 0).mistakes).toEqual([]);
  });
});

describe("what cannot be measured", () => {
  const metrics = new ClassificationMetrics({ numClasses: 2, nameOf });
  const cases: readonly (readonly [string, () => void, string, string])[] = [
    [
      "a table with a hole",
      () => metrics.update({ logits: new Float32Array(3), labels: [0, 1], indices: [0, 1] }),
      "SHAPE_INVALID",
      "Cannot evaluate a batch: it has 3 logits for 2 labels, expected 2 x 2",
    ],
    [
      "a label outside the classes",
      () => metrics.update({ logits: new Float32Array(4), labels: [0, 2], indices: [0, 1] }),
      "DATASET_INVALID",
      "Cannot evaluate image 1 of a batch: its label is 2, expected an integer from 0 to 1",
    ],
    [
      "images without index",
      () => metrics.update({ logits: new Float32Array(4), labels: [0, 1], indices: [0] }),
      "SHAPE_INVALID",
      "Cannot evaluate a batch: it has 1 indices for 2 labels",
    ],
    [
      "no classes",
      () => new ClassificationMetrics({ numClasses: 0, nameOf }),
      "OPTION_INVALID",
      "Cannot evaluate a classifier: numClasses is 0 and mistakes 24, expected integers of at least 1 and 0",
    ],
  ];
  test.each(cases)("%s", (_, act, code, message) => {
    expect(act).toThrowError(expect.objectContaining({ code, message }));
    expect(act).toThrowError(InceptionError);
    expect(metrics.result().images).toBe(0);
  });
});
