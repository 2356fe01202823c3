/** Exact nearest neighbors by products of all vectors with the queries, in plain JavaScript. */
import { largestPositions } from "./top-k.js";
import { exactScore, type Match, prepareQueries, rowProduct, sortMatches, type VectorSet } from "./vectors.js";

/** Rows whose values, 512 KiB at a dimension of 512, stay in the second-level cache while all queries of a group are multiplied. */
const BLOCK_ROWS = 256;
/** Scores that are kept at once, 16 MiB. */
const MAX_SCORES = 2 ** 22;
/**
 * Candidates beyond those asked for. Products are rounded to single precision; the best of them are compared again in double
 * precision, so that neither the order nor the choice depends on how a product was summed.
 */
export const SPARE_CANDIDATES = 16;

/**
 * The nearest vectors of each query, best first.
 *
 * @param queries - each of the set's dimension
 * @param top - at least 1
 * @throws InceptionError OPTION_INVALID for a query of another length, NOT_FINITE
 */
export function searchExactly(set: VectorSet, queries: readonly Float32Array[], top: number): readonly (readonly Match[])[] {
  return queryGroups(set, queries).flatMap((group) => bestMatches(set, group, productScores(set, group), top));
}

/** Prepared queries in groups whose scores are kept at once. @throws InceptionError as `prepareQueries` */
export function queryGroups(set: VectorSet, queries: readonly Float32Array[]): readonly (readonly Float32Array[])[] {
  const prepared = prepareQueries(set, queries);
  const size = Math.max(1, Math.floor(MAX_SCORES / Math.max(1, set.size)));
  return Array.from({ length: Math.ceil(prepared.length / size) }, (_, k) => prepared.slice(k * size, (k + 1) * size));
}

/**
 * The best rows of each query of a group by their products.
 *
 * @param scores - [group, size]: x·q, and for the Euclidean distance x·q - |x|²/2, which orders rows as the distance does
 */
export function bestMatches(
  set: VectorSet,
  group: readonly Float32Array[],
  scores: Float32Array,
  top: number,
): readonly (readonly Match[])[] {
  return group.map((query, k) => {
    const own = scores.subarray(k * set.size, (k + 1) * set.size);
    return rankCandidates(set, query, largestPositions(own, top + SPARE_CANDIDATES), top);
  });
}

/** The best of some rows, compared in double precision. @param query - as `prepareQueries` returns it */
export function rankCandidates(set: VectorSet, query: Float32Array, candidates: readonly number[], top: number): readonly Match[] {
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
