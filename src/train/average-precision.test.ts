/** Against scikit-learn: the rankings of test/goldens/ops/multi_label.json. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { averagePrecision, bestThreshold } from "./average-precision.js";

interface RankingGolden {
  readonly name: string;
  readonly truth: readonly number[];
  readonly scores: readonly number[];
  readonly averagePrecision: number | null;
  readonly bestF1: number | null;
}

const { rankings } = JSON.parse(readFileSync(goldenPath("ops/multi_label.json"), "utf8")) as {
  readonly rankings: readonly RankingGolden[];
};

test.each(rankings)("$name", (golden) => {
  const found = averagePrecision(golden);
  const chosen = bestThreshold(golden, -10);
  if (golden.averagePrecision === null || golden.bestF1 === null) {
    expect([found, chosen]).toEqual([null, null]);
    return;
  }
  expect(found).toBeCloseTo(golden.averagePrecision, 12);
  expect(chosen?.f1).toBeCloseTo(golden.bestF1, 12);
  expect(f1At(golden, chosen?.threshold ?? 0)).toBeCloseTo(golden.bestF1, 12);
});

/** By counting. */
function f1At({ scores, truth }: Pick<RankingGolden, "scores" | "truth">, threshold: number): number {
  const predicted = scores.map((score) => score >= threshold);
  const count = (test: (index: number) => boolean): number => scores.filter((_, index) => test(index)).length;
  const both = count((index) => predicted[index] === true && truth[index] === 1);
  return (2 * both) / (count((index) => truth[index] === 1) + count((index) => predicted[index] === true));
}

test("no threshold has a larger F1, and of equals the highest is chosen", () => {
  const image = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 1));
  fc.assert(
    fc.property(fc.array(image, { minLength: 1, maxLength: 12 }), (images) => {
      const data = { scores: images.map(([score]) => score), truth: images.map(([, truth]) => truth) };
      const chosen = bestThreshold(data, -1);
      fc.pre(chosen !== null);
      const others = [0, 1, 2, 3, 4, 5].map((threshold) => ({ threshold, f1: f1At(data, threshold) }));
      const most = Math.max(...others.map(({ f1 }) => f1));
      expect(chosen?.f1).toBeCloseTo(most, 12);
      const highest = Math.max(...others.filter(({ f1 }) => f1 > most - 1e-12).map(({ threshold }) => threshold));
      // The highest of the equal cuts has no image between the threshold and the lowest score that is in.
      const lowestIn = Math.min(...data.scores.filter((score) => score >= (chosen?.threshold ?? 0)));
      expect(lowestIn).toBe(Math.min(...data.scores.filter((score) => score >= highest)));
    }),
  );
});

test("the order of images with equal scores changes nothing", () => {
  const [first, second] = [
    [1, 0, 1, 0],
    [0, 1, 0, 1],
  ].map((truth) => averagePrecision({ scores: [2, 2, 1, 1], truth }));
  expect(first).toBe(second);
  expect(first).toBe(0.5);
});
