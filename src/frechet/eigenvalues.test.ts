import { describe, expect, test } from "vitest";
import { fillUniform } from "../tensor/fill.js";
import { symmetricEigenvalues } from "./eigenvalues.js";
import { readFrechetGolden } from "./goldens.cases.js";

/** Errors of a backward stable method are some rounding errors of the largest eigenvalue. */
function expectClose(found: Float64Array, expected: readonly number[]): void {
  const scale = Math.max(1e-300, ...expected.map(Math.abs));
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i]! - value) / scale).toBeLessThan(1e-13);
}

describe("eigenvalues of symmetric matrices", () => {
  test.each(readFrechetGolden().eigenvalues)("$n × $n as NumPy", ({ key, n, values }) => {
    const filled = fillUniform(key, n * n, -1, 1);
    const matrix = Float64Array.from({ length: n * n }, (_, at) => filled[at]! + filled[(at % n) * n + Math.floor(at / n)]!);
    expectClose(symmetricEigenvalues(matrix, n), values);
  });

  test("matrices with known eigenvalues: diagonal, zero, rank one, second differences, Wilkinson's", () => {
    const of = (n: number, value: (i: number, j: number) => number) =>
      symmetricEigenvalues(
        Float64Array.from({ length: n * n }, (_, at) => value(Math.floor(at / n), at % n)),
        n,
      );
    expectClose(
      of(4, (i, j) => (i === j ? 7 - 2 * i : 0)),
      [1, 3, 5, 7],
    );
    expectClose(
      of(5, () => 0),
      [0, 0, 0, 0, 0],
    );
    expectClose(
      of(6, (i, j) => (i + 1) * (j + 1)),
      [0, 0, 0, 0, 0, 91],
    );
    const n = 50;
    const cosines = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    expectClose(
      of(n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
      cosines,
    );
    // W21+: the two largest agree to 14 digits (Wilkinson, The Algebraic Eigenvalue Problem, p. 309).
    const wilkinson = of(21, (i, j) => (i === j ? Math.abs(10 - i) : Math.abs(i - j) === 1 ? 1 : 0));
    expect(wilkinson[20]).toBeCloseTo(10.746194182903393, 12);
    expect(wilkinson[19]).toBeCloseTo(10.746194182903322, 12);
    expect(wilkinson[0]).toBeCloseTo(-1.12544152211998, 12);
  });

  test("values of very different size, and very small ones, are found", () => {
    expectClose(symmetricEigenvalues(Float64Array.of(1e200, 0, 0, 1e-200), 2), [1e-200, 1e200]);
    expectClose(symmetricEigenvalues(Float64Array.of(2e-160, 1e-160, 1e-160, 2e-160), 2), [1e-160, 3e-160]);
    expect(symmetricEigenvalues(new Float64Array(0), 0)).toEqual(new Float64Array(0));
  });

  test("what is no symmetric matrix of finite numbers is refused", () => {
    expect(() => symmetricEigenvalues(new Float64Array(5), 2)).toThrow("Cannot compute eigenvalues: 5 values are not an 2 × 2 matrix");
    expect(() => symmetricEigenvalues(Float64Array.of(1, 0, Number.NaN, 1), 2)).toThrow(
      "Cannot compute eigenvalues: a value is not finite",
    );
  });
});
