import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { frechetDistance } from "./distance.js";
import { goldenRows, readFrechetGolden, statisticsOfRows } from "./goldens.cases.js";
import type { FeatureStatistics } from "./moments.js";

interface PytorchFidCase {
  readonly name: string;
  readonly dim: number;
  readonly n1: number;
  readonly features_a: readonly number[];
  readonly mu1: readonly number[];
  readonly sigma1: readonly number[];
  readonly mu2: readonly number[];
  readonly sigma2: readonly number[];
  readonly fid: number;
}

const PYTORCH_FID = (JSON.parse(readFileSync(goldenPath("ops/frechet.json"), "utf8")) as { readonly cases: readonly PytorchFidCase[] })
  .cases;
/** The promise: relative to pytorch-fid's number, given equal features. */
const TOLERANCE = 1e-4;

function statistics(mean: readonly number[], covariance: readonly number[]): FeatureStatistics {
  return { mean: Float64Array.from(mean), covariance: Float64Array.from(covariance), count: null };
}

describe("Fréchet distance", () => {
  test.each(PYTORCH_FID)("$name as pytorch-fid", ({ dim, n1, features_a, mu1, sigma1, mu2, sigma2, fid }) => {
    const distance = frechetDistance(statistics(mu1, sigma1), statistics(mu2, sigma2));
    // The file's means and covariances are rounded to nine digits, which moves the trace by up to 1e-8 where they are equal.
    expect(Math.abs(distance - fid)).toBeLessThan(TOLERANCE * Math.abs(fid) + 1e-8);
    const own = statisticsOfRows(Array.from({ length: n1 }, (_, row) => features_a.slice(row * dim, (row + 1) * dim)));
    for (const [i, value] of sigma1.entries()) expect(own.covariance[i]).toBeCloseTo(value, 7);
    expect(Math.abs(frechetDistance(own, statistics(mu2, sigma2)) - fid)).toBeLessThan(TOLERANCE * Math.abs(fid) + 1e-8);
  });

  test.each(readFrechetGolden().distances)("$name as SciPy's sqrtm and as NumPy's eigenvalues", (golden) => {
    const { name, dim, counts, shift, distance, exact } = golden;
    const a = statisticsOfRows(goldenRows(`frechet:${name}:a`, counts[0], dim, 0));
    const b = statisticsOfRows(goldenRows(`frechet:${name}:b`, counts[1], dim, shift));
    expect(frechetDistance(a, b) / distance - 1).toBeCloseTo(0, 7);
    expect(Math.abs(frechetDistance(a, b) / exact - 1)).toBeLessThan(2e-8);
    expect(Math.abs(frechetDistance(b, a) / exact - 1)).toBeLessThan(2e-8);
    // As from a file: how many images there were, and so the rank, is not known.
    expect(Math.abs(frechetDistance({ ...a, count: null }, { ...b, count: null }) / exact - 1)).toBeLessThan(2e-8);
    expect(Math.abs(frechetDistance(a, b, { epsilon: 1e-6 }) / golden["with_epsilon_1e-6"] - 1)).toBeLessThan(1e-7);
  });

  test("covariances of 32 bits, which are no longer exactly positive, change little", () => {
    const rows = goldenRows("frechet:ill_conditioned:a", 400, 80, 0);
    const [exact, other] = [statisticsOfRows(rows), statisticsOfRows(goldenRows("frechet:ill_conditioned:b", 300, 80, 0))];
    const rounded = { ...exact, covariance: exact.covariance.map(Math.fround), count: null };
    expect(Math.abs(frechetDistance(rounded, other) / frechetDistance(exact, other) - 1)).toBeLessThan(1e-4);
    const deficient = statisticsOfRows(rows.slice(0, 30));
    const both = { ...deficient, covariance: deficient.covariance.map(Math.fround), count: null };
    expect(Math.abs(frechetDistance(both, other) / frechetDistance(deficient, other) - 1)).toBeLessThan(1e-3);
  });

  test("by hand: the distance of equal sets is 0, of means alone their distance squared, of axes (√a - √b)²", () => {
    const a = statisticsOfRows(goldenRows("frechet:full:a", 120, 24, 0));
    expect(Math.abs(frechetDistance(a, a))).toBeLessThan(1e-6);
    const flat = (mean: readonly number[]) => statistics(mean, [0, 0, 0, 0]);
    expect(frechetDistance(flat([1, 2]), flat([4, 6]))).toBe(25);
    expect(frechetDistance(statistics([0], [9]), statistics([0], [4]))).toBeCloseTo(1, 14);
  });

  test("what is no mean with a covariance is refused", () => {
    const good = statistics([0, 0], [1, 0, 0, 1]);
    const refuse = (a: FeatureStatistics, message: string) => expect(() => frechetDistance(a, good)).toThrow(message);
    refuse(statistics([0], [1]), "Cannot compare statistics: A has 1 features, B has 2");
    refuse(statistics([0, 0], [1, 0, 0]), "Cannot use the statistics of A: a mean of 2 and a covariance of 3 values do not fit");
    refuse(statistics([0, Number.NaN], [1, 0, 0, 1]), "Cannot use the statistics of A: a value is not finite");
    refuse(statistics([0, 0], [1, 0.5, 0, 1]), "Cannot use the statistics of A: the covariance is not symmetric at 1, 0");
    refuse({ ...good, count: 1 }, "Cannot use the statistics of A: they summarize 1 images, expected at least 2");
    refuse(
      statistics([0, 0], [1, 2, 2, 1]),
      "Cannot use the covariance of A: it has negative eigenvalues (-3.00 beside a variance of 1.00), a covariance has none",
    );
    expect(() => frechetDistance(good, good, { epsilon: -1 })).toThrow("Cannot use epsilon -1: expected a number of at least 0");
  });
});
