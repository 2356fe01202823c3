/** Exact nearest neighbors by products of all vectors with the queries, in plain JavaScript. */
import { largestPositions } from "./top-k.js";
import { exactScore, type Match, prepareQueries, sortMatches, type VectorSet } from "./vectors.js";

/** Rows whose values, 512 KiB at a dimension of 512, stay in the second-level cache while all queries of a group are multiplied. */
const BLOCK_ROWS = 256;
/** Scores that are kept at once, 16 MiB. */
export const MAX_SCORES = 2 ** 22;
/**
 * Candidates beyond those asked for. Products are rounded to single precision; the best of them are compared again in double
 * precision, so that neither the order nor the choice depends on how a product was summed.
 */
const SPARE_CANDIDATES = 16;

/**
 * The nearest vectors of each query, best first.
 *
 * @param queries - each of the set's dimension
 * @param top - at least 1
 * @throws InceptionError OPTION_INVALID for a query of another length, NOT_FINITE
 */
export function searchExactly(set: VectorSet, queries: readonly Float32Array[], top: number): readonly (readonly Match[])[] {
  const prepared = prepareQueries(set, queries);
  const group = Math.max(1, Math.floor(MAX_SCORES / Math.max(1, set.size)));
  const found: (readonly Match[])[] = [];
  for (let start = 0; start < prepared.length; start += group) {
    const some = prepared.slice(start, start + group);
    const scores = productScores(set, some);
    found.push(...some.map((query, k) => bestMatches(set, query, scores.subarray(k * set.size, (k + 1) * set.size), top)));
  }
  return found;
}

/**
 * The best rows by their products, compared again in double precision.
 *
 * @param query - as `prepareQueries` returns it
 * @param scores - of all rows: x·q, and for the Euclidean distance x·q - |x|²/2, which orders rows as the distance does
 */
export function bestMatches(set: VectorSet, query: Float32Array, scores: ArrayLike<number>, top: number): readonly Match[] {
  const candidates = largestPositions(scores, top + SPARE_CANDIDATES);
  const matches = candidates.map((index): Match => ({ index, score: exactScore(set, query, index) }));
  return sortMatches(matches, set.metric).slice(0, top);
}

/** [queries, size] */
function productScores({ size, dimension, data, offsets }: VectorSet, queries: readonly Float32Array[]): Float32Array {
  const scores = new Float32Array(queries.length * size);
  for (let start = 0; start < size; start += BLOCK_ROWS) {
    const end = Math.min(start + BLOCK_ROWS, size);
    for (const [k, query] of queries.entries()) {
      for (let row = start; row < end; row++) scores[k * size + row] = rowProduct(data, row * dimension, query) + (offsets?.[row] ?? 0);
    }
  }
  return scores;
}

/** `dot` without a view of the row, which would take longer than the product of a short one. */
function rowProduct(data: Float32Array, from: number, query: Float32Array): number {
  const length = query.length;
  const whole = length - (length % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    const at = from + i;
    s0 += data[at]! * query[i]!;
    s1 += data[at + 1]! * query[i + 1]!;
    s2 += data[at + 2]! * query[i + 2]!;
    s3 += data[at + 3]! * query[i + 3]!;
  }
  for (let i = whole; i < length; i++) s0 += data[from + i]! * query[i]!;
  return s0 + s1 + (s2 + s3);
}
