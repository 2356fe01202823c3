import { describe, expect, test } from "vitest";
import { softmax, topPredictions } from "./predict.js";

describe("softmax", () => {
  test("of equal logits is uniform, of 0 and ln 3 a quarter and three quarters", () => {
    expect([...softmax([5, 5])]).toEqual([0.5, 0.5]);
    const [a, b] = softmax([0, Math.log(3)]);
    expect(a).toBeCloseTo(0.25, 15);
    expect(b).toBeCloseTo(0.75, 15);
  });

  test("does not overflow", () => {
    expect([...softmax([1000, 0, -1000])]).toEqual([1, 0, 0]);
  });
});

describe("topPredictions", () => {
  test("is sorted, ties by index, with names where they are known", () => {
    expect(topPredictions([0, 2, 2, 1], 3, ["a", "b", "c", "d"]).map(({ index, className }) => [index, className])).toEqual([
      [1, "b"],
      [2, "c"],
      [3, "d"],
    ]);
    expect(topPredictions([1, 0], 5, null).map(({ className }) => className)).toEqual(["0", "1"]);
  });

  test("refuses more classes than memory can rank", () => {
    expect(() => topPredictions({ length: 1_000_001 }, 5, null)).toThrow(
      expect.objectContaining({
        code: "FILE_LIMIT",
        message: "Cannot rank the predictions of a model with 1,000,001 classes: the limit is 1,000,000",
      }),
    );
  });
});
