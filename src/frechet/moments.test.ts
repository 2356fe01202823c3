import { describe, expect, test } from "vitest";
import { goldenRows, readFrechetGolden, statisticsOfRows } from "./goldens.cases.js";
import { MomentAccumulator, mergeMoments, statisticsOf } from "./moments.js";

const GOLDEN = readFrechetGolden();

describe("mean and covariance of a stream", () => {
  test.each(GOLDEN.distances)(
    "$name as NumPy's mean and cov",
    ({ name, dim, counts, mean_a, covariance_a_first_row, covariance_a_trace }) => {
      const { mean, covariance, count } = statisticsOfRows(goldenRows(`frechet:${name}:a`, counts[0], dim, 0));
      expect(count).toBe(counts[0]);
      for (let j = 0; j < dim; j++) {
        expect(mean[j]).toBeCloseTo(mean_a[j]!, 12);
        expect(covariance[j]).toBeCloseTo(covariance_a_first_row[j]!, 11);
        expect(covariance[j * dim]).toBe(covariance[j]);
      }
      const trace = mean.reduce((sum, _, j) => sum + covariance[j * dim + j]!, 0);
      expect(trace / covariance_a_trace).toBeCloseTo(1, 12);
    },
  );

  test("parts in any order merge to what one stream gives", () => {
    const rows = goldenRows("merge", 333, 9, 4);
    const whole = statisticsOfRows(rows);
    const parts = [rows.slice(200), rows.slice(0, 1), [], rows.slice(1, 130), rows.slice(130, 200)].map((part) => {
      const moments = new MomentAccumulator(9);
      for (const row of part) moments.add(row);
      return moments.finish();
    });
    const merged = statisticsOf(mergeMoments(parts));
    expect(merged.count).toBe(333);
    for (let i = 0; i < 81; i++) expect(merged.covariance[i]).toBeCloseTo(whole.covariance[i]!, 11);
    for (let j = 0; j < 9; j++) expect(merged.mean[j]).toBeCloseTo(whole.mean[j]!, 13);
  });

  test("a large mean costs no digits: a million and 0, 1, 2, … has the variance of 0, 1, 2, …", () => {
    const shifted = (offset: number) => statisticsOfRows(Array.from({ length: 1000 }, (_, k) => [offset + k])).covariance[0]!;
    // (n² - 1) / 12 · n / (n - 1) of the integers 0 to n - 1.
    expect(shifted(0)).toBeCloseTo(83416.66666666667, 7);
    expect(shifted(1e9)).toBeCloseTo(83416.66666666667, 6);
  });

  test("an accumulator goes on after it was asked", () => {
    const moments = new MomentAccumulator(1);
    for (const value of [1, 3]) moments.add([value]);
    expect(statisticsOf(moments.finish())).toEqual({ mean: Float64Array.of(2), covariance: Float64Array.of(2), count: 2 });
    moments.add([5]);
    expect(statisticsOf(moments.finish())).toEqual({ mean: Float64Array.of(3), covariance: Float64Array.of(4), count: 3 });
  });

  test("what cannot be is refused", () => {
    expect(() => new MomentAccumulator(5000)).toThrow("Cannot compute statistics of 5000 features: expected an integer from 1 to 4,096");
    const moments = new MomentAccumulator(2);
    expect(() => moments.add([1])).toThrow("Cannot add a row of features: it has 1 values, expected 2");
    expect(() => moments.add([1, Number.NaN])).toThrow("Cannot add a row of features: value 1 is NaN");
    expect(() => statisticsOf(moments.finish())).toThrow("Cannot compute the covariance of no image: expected at least 2");
    moments.add([1, 2]);
    expect(() => statisticsOf(moments.finish())).toThrow("Cannot compute the covariance of 1 image: expected at least 2");
    expect(() => mergeMoments([moments.finish(), new MomentAccumulator(3).finish()])).toThrow(
      "Cannot merge statistics: expected one or more of equal features, found [2, 3]",
    );
  });
});
