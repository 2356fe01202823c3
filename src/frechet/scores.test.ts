import { describe, expect, test } from "vitest";
import { fillUniform } from "../tensor/fill.js";
import { readFrechetGolden } from "./goldens.cases.js";
import { assignGroups, groupCount, jackknifeInterval, statisticsExcluding } from "./groups.js";
import { InceptionScoreAccumulator } from "./inception-score.js";
import { type FeatureRows, kernelDistance } from "./kernel-distance.js";
import { MomentAccumulator } from "./moments.js";

const GOLDEN = readFrechetGolden();

describe("kernel distance", () => {
  const { dim, count, scale_b, whole } = GOLDEN.kernel;
  const a: FeatureRows = { count, features: dim, data: fillUniform("kernel:a", count * dim, 0, 1) };
  const b: FeatureRows = { count, features: dim, data: fillUniform("kernel:b", count * dim, 0, scale_b) };

  test("of whole sets is NumPy's; it then has no standard error", () => {
    const found = kernelDistance(a, b, { subsets: 2, subsetSize: count });
    expect(found.value).toBeCloseTo(whole, 12);
    expect(found.deviation).toBeCloseTo(0, 12);
    expect(found.standardError).toBeNull();
  });

  test("subsets scatter about it, as far as their standard error says, and depend on the seed alone", () => {
    const found = kernelDistance(a, b, { subsets: 400 });
    expect(found).toMatchObject({ subsets: 400, subsetSize: 18 });
    const error = found.standardError ?? 0;
    // 400 means of halves: the error of taking so many is a twentieth of their deviation.
    expect(Math.abs(found.value - whole)).toBeLessThan((4 * found.deviation) / 20);
    expect(error).toBeCloseTo(found.deviation * Math.sqrt(18 / 19 + 1 / 400), 12);
    expect(kernelDistance(a, b, { subsets: 400 })).toEqual(found);
    expect(kernelDistance(a, b, { subsets: 400, seed: 1 }).value).not.toBe(found.value);
  });

  test("by hand: points 0 and 1 of one feature", () => {
    const points = (value: number): FeatureRows => ({ count: 3, features: 1, data: Float32Array.of(value, value, value) });
    expect(kernelDistance(points(0), points(1), { subsetSize: 2 }).value).toBe(7);
    expect(kernelDistance(points(1), points(1)).value).toBe(0);
  });

  test("what cannot be is refused", () => {
    const refuse = (options: object, message: string) =>
      expect(() => kernelDistance(a, b, options)).toThrow(`Cannot compute a kernel distance: ${message}`);
    refuse({ subsetSize: 38 }, "subsetSize is 38, expected an integer from 2 to 37");
    refuse({ subsets: 0 }, "subsets is 0, expected an integer from 1 to 10,000");
    expect(() => kernelDistance(a, { ...b, features: 2 })).toThrow("Cannot compute a kernel distance: A has 48 features, B has 2");
    expect(() => kernelDistance(a, { ...b, count: 1 })).toThrow("Cannot compute a kernel distance: B has 1 images, expected at least 2");
    expect(() => kernelDistance(a, { ...b, count: 9 })).toThrow("Cannot compute a kernel distance: B has 1776 values, expected 9 × 48");
  });
});

describe("inception score", () => {
  const { images, classes, scale, one_split } = GOLDEN.inception;
  const logits = fillUniform("logits", images * classes, 0, scale);

  function scoreOf(splits: number, add = 0) {
    const score = new InceptionScoreAccumulator({ images, classes, splits });
    for (let i = images - 1; i >= 0; i--)
      score.add(
        i,
        logits.subarray(i * classes, (i + 1) * classes).map((value) => value + add),
      );
    return score.finish();
  }

  test("of one split is NumPy's, also of logits that would overflow", () => {
    expect(scoreOf(1)).toEqual({ value: expect.closeTo(one_split, 10) as number, deviation: 0, splits: 1 });
    expect(scoreOf(1, 1000).value).toBeCloseTo(one_split, 3);
  });

  test("by hand: each image a split scores 1; sure and different answers score as many as there are", () => {
    expect(scoreOf(images)).toEqual({ value: expect.closeTo(1, 12) as number, deviation: expect.closeTo(0, 12) as number, splits: images });
    const sure = new InceptionScoreAccumulator({ images: 6, classes: 3, splits: 1 });
    for (let i = 0; i < 6; i++)
      sure.add(
        i,
        [0, 1, 2].map((c) => (c === i % 3 ? 1000 : 0)),
      );
    expect(sure.finish().value).toBeCloseTo(3, 12);
  });

  test("splits have equal sizes, and those that got no image are left out", () => {
    const score = new InceptionScoreAccumulator({ images: 40, classes: 2, splits: 4 });
    for (let i = 0; i < 3; i++) score.add(i, [1, 0]);
    expect(score.finish().splits).toBeLessThanOrEqual(3);
  });

  test("what cannot be is refused", () => {
    expect(() => new InceptionScoreAccumulator({ images: 5, classes: 2 })).toThrow(
      "Cannot compute an Inception Score over 10 splits: expected an integer from 1 to 1,000, at most the number of images, 5",
    );
    const score = new InceptionScoreAccumulator({ images: 2, classes: 2, splits: 1 });
    expect(() => score.add(0, [1])).toThrow("Cannot add 1 logits of image 0: expected 2 finite numbers for an image of 0 to 1");
    expect(() => score.add(2, [1, 2])).toThrow("Cannot add 2 logits of image 2: expected 2 finite numbers for an image of 0 to 1");
    expect(() => score.finish()).toThrow("Cannot compute an Inception Score of 0 images");
  });
});

describe("jackknife", () => {
  test("by hand: three distances, Student's factor 4.303 for two degrees of freedom", () => {
    const [low, high] = jackknifeInterval(10, [9, 10, 11]) ?? [0, 0];
    expect(high - 10).toBeCloseTo(4.303 * Math.sqrt(4 / 3), 12);
    expect(10 - low).toBeCloseTo(4.303 * Math.sqrt(4 / 3), 12);
    expect(jackknifeInterval(1, [0, 2])?.[0]).toBe(0);
    expect(jackknifeInterval(-1e-9, [0, 0, 0])).toEqual([-1e-9, -1e-9]);
    expect(jackknifeInterval(1, [1])).toBeNull();
  });

  test("for the mean of numbers it is the textbook's error of the mean, s / √n", () => {
    const values = Array.from(fillUniform("jackknife", 10, 0, 1));
    const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
    const without = values.map((_, left) => mean(values.filter((_, index) => index !== left)));
    const s = Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / 9);
    const [, high] = jackknifeInterval(mean(values), without) ?? [0, 0];
    expect(high - mean(values)).toBeCloseTo((2.262 * s) / Math.sqrt(10), 12);
  });

  test("groups are of equal size but for one image, each image in one, and differ between sets and seeds", () => {
    const groups = assignGroups(103, 10, 5, "a");
    const sizes = Array.from({ length: 10 }, (_, group) => groups.filter((each) => each === group).length);
    expect(sizes.toSorted((x, y) => x - y)).toEqual([10, 10, 10, 10, 10, 10, 10, 11, 11, 11]);
    expect(assignGroups(103, 10, 5, "a")).toEqual(groups);
    expect(assignGroups(103, 10, 5, "b")).not.toEqual(groups);
    expect(assignGroups(103, 10, 6, "a")).not.toEqual(groups);
    expect([groupCount([500, 30]), groupCount([500, 7]), groupCount([500, 2])]).toEqual([10, 7, 1]);
  });

  test("without a group its images are gone", () => {
    const parts = [[1, 2], [10], [4]].map((values) => {
      const moments = new MomentAccumulator(1);
      for (const value of values) moments.add([value]);
      return moments.finish();
    });
    expect(statisticsExcluding(parts, 0)).toEqual({ mean: Float64Array.of(7), covariance: Float64Array.of(18), count: 2 });
  });
});
