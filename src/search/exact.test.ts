import { describe, expect, test } from "vitest";
import { fillUniform } from "../tensor/fill.js";
import { searchExactly } from "./exact.js";
import { largestPositions } from "./top-k.js";
import { type Metric, prepareVectors } from "./vectors.js";

/** By the definition, in double precision, sorting everything. */
function bruteForce(rows: readonly Float32Array[], query: Float32Array, metric: Metric): readonly { index: number; score: number }[] {
  const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
  const cosine = (a: Float32Array, b: Float32Array) => product(a, b) / Math.sqrt(product(a, a) * product(b, b));
  const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - (b[i] ?? Number.NaN)));
  const scores = rows.map((row, index) => ({ index, score: metric === "cosine" ? cosine(row, query) : distance(row, query) }));
  return scores.sort((a, b) => (metric === "cosine" ? b.score - a.score : a.score - b.score) || a.index - b.index);
}

function rowsOf(data: Float32Array, dimension: number): readonly Float32Array[] {
  return Array.from({ length: data.length / dimension }, (_, row) => data.slice(row * dimension, (row + 1) * dimension));
}

describe.each(["cosine", "euclidean"] as const)("exact search by %s", (metric) => {
  // A dimension that is not a multiple of four, and more rows than one block.
  test.each([
    [700, 13],
    [300, 64],
    [3, 5],
  ])("%i vectors of %i values as by brute force", (size, dimension) => {
    const data = fillUniform("search/vectors", size * dimension, -1, 1);
    const rows = rowsOf(data, dimension);
    const queries = [...rowsOf(fillUniform("search/queries", 4 * dimension, -1, 1), dimension), ...rows.slice(0, 1)];
    const found = searchExactly(prepareVectors(data.slice(), dimension, metric), queries, 10);
    for (const [k, query] of queries.entries()) {
      const expected = bruteForce(rows, query, metric).slice(0, 10);
      expect(found[k]?.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
      for (const [i, { score }] of expected.entries()) expect(found[k]?.[i]?.score).toBeCloseTo(score, 6);
    }
  });

  test("returns equal vectors in the order of their rows", () => {
    const data = Float32Array.of(0, 1, 1, 0, 0, 1, 1, 0, 0, 1);
    const [found] = searchExactly(prepareVectors(data, 2, metric), [Float32Array.of(1, 0)], 4);
    expect(found?.map(({ index }) => index)).toEqual([1, 3, 0, 2]);
  });
});

test("the cosine of a zero vector is 0", () => {
  const set = prepareVectors(Float32Array.of(0, 0, -1, 0), 2, "cosine");
  expect(searchExactly(set, [Float32Array.of(2, 0), Float32Array.of(0, 0)], 2)).toEqual([
    [
      { index: 0, score: 0 },
      { index: 1, score: -1 },
    ],
    [
      { index: 0, score: 0 },
      { index: 1, score: 0 },
    ],
  ]);
});

test("what cannot be compared is rejected", () => {
  expect(() => prepareVectors(Float32Array.of(1, 2, Number.NaN, 4), 2, "cosine")).toThrow(
    expect.objectContaining({ code: "NOT_FINITE", message: "Cannot search vector 1: it contains NaN or infinity, or overflows" }),
  );
  const set = prepareVectors(Float32Array.of(1, 2), 2, "cosine");
  expect(() => searchExactly(set, [Float32Array.of(1)], 1)).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: "Cannot search with a vector of 1 values: the index has vectors of 2",
    }),
  );
});

test.each([1, 2, 7, 1000])("the largest %i of many scores, as by sorting", (count) => {
  // Few distinct values, so that most are equal to others.
  const scores = fillUniform("search/scores", 500, 0, 20).map(Math.floor);
  const sorted = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  expect(largestPositions(scores, count)).toEqual(sorted.slice(0, count));
});
