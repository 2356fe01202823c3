/** Vectors to search, and how two of them are compared. */
import { InceptionError } from "../errors.js";

/** How vectors are compared: cosine similarity (the larger the closer), or Euclidean distance (the smaller the closer). */
export type Metric = "cosine" | "euclidean";

/** Row-major vectors [size, dimension], prepared for a metric. */
export interface VectorSet {
  readonly metric: Metric;
  readonly size: number;
  readonly dimension: number;
  /** For the cosine each row has length 1, or is zero. */
  readonly data: Float32Array;
  /** For the Euclidean distance -|x|²/2 of each row; null for the cosine. */
  readonly offsets: Float32Array | null;
}

/** A vector of the set, and how close it is. */
export interface Match {
  /** Row of the set. */
  readonly index: number;
  /** Cosine similarity in [-1, 1], or Euclidean distance. */
  readonly score: number;
}

/**
 * Prepares vectors for searching.
 *
 * @param data - [size, dimension], given away: rows are normalized in place for the cosine
 * @throws InceptionError NOT_FINITE naming the first row with NaN or infinity
 */
export function prepareVectors(data: Float32Array, dimension: number, metric: Metric): VectorSet {
  const size = data.length / dimension;
  if (!Number.isSafeInteger(size)) throw new RangeError(`Cannot read ${data.length} values as vectors of ${dimension}`);
  const offsets = metric === "euclidean" ? new Float32Array(size) : null;
  for (let row = 0; row < size; row++) {
    const vector = data.subarray(row * dimension, (row + 1) * dimension);
    const squares = dot(vector, vector);
    if (!Number.isFinite(squares)) throw notFinite(`vector ${row}`, { row });
    if (offsets !== null) offsets[row] = -squares / 2;
    else if (squares > 0) scaleInPlace(vector, 1 / Math.sqrt(squares));
  }
  return { metric, size, dimension, data, offsets };
}

/**
 * Queries as the set compares them: for the cosine of length 1.
 *
 * @throws InceptionError OPTION_INVALID for another length, NOT_FINITE
 */
export function prepareQueries(set: VectorSet, queries: readonly Float32Array[]): readonly Float32Array[] {
  return queries.map((query, index) => {
    if (query.length !== set.dimension) {
      const message = `Cannot search with a vector of ${query.length} values: the index has vectors of ${set.dimension}`;
      throw new InceptionError("OPTION_INVALID", message, { found: query.length, expected: set.dimension });
    }
    const squares = dot(query, query);
    if (!Number.isFinite(squares)) throw notFinite(`query ${index}`, { index });
    const own = Float32Array.from(query);
    if (set.metric === "cosine" && squares > 0) scaleInPlace(own, 1 / Math.sqrt(squares));
    return own;
  });
}

/** Score of a prepared query and a row, in double precision. */
export function exactScore({ metric, data, dimension }: VectorSet, query: Float32Array, row: number): number {
  const vector = data.subarray(row * dimension, (row + 1) * dimension);
  if (metric === "cosine") return Math.max(-1, Math.min(1, dot(query, vector)));
  let sum = 0;
  for (let i = 0; i < dimension; i++) sum += ((query[i] ?? 0) - (vector[i] ?? 0)) ** 2;
  return Math.sqrt(sum);
}

/** Matches best first: by score, equal ones by row. */
export function sortMatches(matches: Match[], metric: Metric): readonly Match[] {
  const sign = metric === "cosine" ? -1 : 1;
  return matches.sort((a, b) => sign * (a.score - b.score) || a.index - b.index);
}

/** Product of two vectors of one length. */
function dot(a: Float32Array, b: Float32Array): number {
  return rowProduct(a, 0, b);
}

/**
 * Product of a row, which begins at `from`, with a vector: in double precision, with four sums that do not wait for each other. A view
 * of the row would take longer than the product of a short one.
 */
export function rowProduct(data: Float32Array, from: number, vector: Float32Array): number {
  const length = vector.length;
  const whole = length - (length % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    const at = from + i;
    s0 += data[at]! * vector[i]!;
    s1 += data[at + 1]! * vector[i + 1]!;
    s2 += data[at + 2]! * vector[i + 2]!;
    s3 += data[at + 3]! * vector[i + 3]!;
  }
  for (let i = whole; i < length; i++) s0 += data[from + i]! * vector[i]!;
  return s0 + s1 + (s2 + s3);
}

function scaleInPlace(vector: Float32Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! * factor;
}

function notFinite(what: string, details: Readonly<Record<string, unknown>>): InceptionError {
  return new InceptionError("NOT_FINITE", `Cannot search ${what}: it contains NaN or infinity, or overflows`, details);
}
