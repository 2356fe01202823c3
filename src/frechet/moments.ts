/**
 * Mean and covariance of a stream of rows, in one pass, in double precision, in memory that does not depend on how many there are.
 *
 * Rows are collected in chunks; a chunk's mean and scatter are computed about its own mean, and merged into what there is by the
 * rule of Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983), so that no large numbers are
 * subtracted from each other. The same rule joins what several streams gave, in any order.
 */

import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { addTransposedProduct, denseMatrix, type ProductTarget, triangleStarts } from "./products.js";

/** Statistics of the rows added so far. */
export interface Moments {
  readonly features: number;
  readonly count: number;
  readonly mean: Float64Array;
  /** Σ (x - mean)·(x - mean)ᵀ: the upper triangle, row by row, n (n + 1) / 2 values. */
  readonly scatter: Float64Array;
}

/** A mean and a covariance, which is all of a set of images that a Fréchet distance looks at. */
export interface FeatureStatistics {
  /** [features] */
  readonly mean: Float64Array;
  /** [features, features], row-major, with divisor n - 1 (NumPy's `cov`). */
  readonly covariance: Float64Array;
  /** Images; null where it is not known. */
  readonly count: number | null;
}

/** Most features: a covariance of 4096 has 134 MB. The networks here give 2048 at most. */
export const MAX_FEATURES = 4096;
/** Rows that wait for each other: enough that merging (one pass through the scatter) is a small part of the work. */
const CHUNK_ROWS = 64;

/**
 * Collects rows of features. Besides the result it holds 64 rows.
 *
 * @example
 * ```ts
 * import { MomentAccumulator, statisticsOf } from "inceptionkit/frechet";
 * const moments = new MomentAccumulator(2);
 * for (const row of [[1, 0], [3, 0], [5, 6]]) moments.add(row);
 * statisticsOf(moments.finish()); // { mean: [3, 2], covariance: [4, 6, 6, 12], count: 3 }
 * ```
 */
export class MomentAccumulator {
  readonly features: number;
  readonly #chunk: Float64Array;
  readonly #mean: Float64Array;
  readonly #target: ProductTarget;
  #waiting = 0;
  #count = 0;

  /** @throws InceptionError OPTION_INVALID for a number of features outside 1 to 4096 */
  constructor(features: number) {
    checkFeatures(features);
    this.features = features;
    this.#chunk = new Float64Array(CHUNK_ROWS * features);
    this.#mean = new Float64Array(features);
    this.#target = { data: new Float64Array((features * (features + 1)) / 2), starts: triangleStarts(features), upper: true };
  }

  /**
   * Takes a row. It is copied.
   *
   * @throws InceptionError OPTION_INVALID where it has another length or values that are not finite
   */
  add(row: ArrayLike<number>): void {
    const at = this.#waiting * this.features;
    if (row.length !== this.features) throw rowFault(`it has ${row.length} values, expected ${this.features}`);
    for (let j = 0; j < this.features; j++) {
      const value = row[j]!;
      if (!Number.isFinite(value)) throw rowFault(`value ${j} is ${value}`);
      this.#chunk[at + j] = value;
    }
    this.#waiting++;
    if (this.#waiting === CHUNK_ROWS) this.#flush();
  }

  /** Returns the statistics so far. The result shares memory with the accumulator and is valid until the next row is added. */
  finish(): Moments {
    this.#flush();
    return { features: this.features, count: this.#count, mean: this.#mean, scatter: this.#target.data };
  }

  #flush(): void {
    const rows = this.#waiting;
    if (rows === 0) return;
    const chunk = denseMatrix(rows, this.features, this.#chunk.subarray(0, rows * this.features));
    const mean = center(chunk.data, rows, this.features);
    addTransposedProduct(chunk, chunk, this.#target);
    mergeMean(this.#mean, this.#target, this.#count, mean, rows);
    this.#count += rows;
    this.#waiting = 0;
  }
}

function checkFeatures(features: number): void {
  if (Number.isSafeInteger(features) && features >= 1 && features <= MAX_FEATURES) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot compute statistics of ${features} features: expected an integer from 1 to ${formatCount(MAX_FEATURES)}`,
    {
      features,
    },
  );
}

function rowFault(fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot add a row of features: ${fact}`, {});
}

/** Subtract the mean of the rows from each, and give it. */
function center(data: Float64Array, rows: number, features: number): Float64Array {
  const mean = new Float64Array(features);
  for (let r = 0; r < rows; r++) for (let j = 0; j < features; j++) mean[j] = mean[j]! + data[r * features + j]! / rows;
  for (let r = 0; r < rows; r++) for (let j = 0; j < features; j++) data[r * features + j] = data[r * features + j]! - mean[j]!;
  return mean;
}

/** Move the mean, and add δ·δᵀ·(n·m)/(n + m) to the scatter, with the difference δ of both means. */
function mergeMean(mean: Float64Array, { data, starts }: ProductTarget, count: number, other: Float64Array, rows: number): void {
  const features = mean.length;
  const weight = (count * rows) / (count + rows);
  const delta = other.map((value, j) => value - mean[j]!);
  if (weight > 0) {
    for (let i = 0; i < features; i++) {
      const [factor, start] = [weight * delta[i]!, starts[i]!];
      for (let j = i; j < features; j++) data[start + j] = data[start + j]! + factor * delta[j]!;
    }
  }
  for (let j = 0; j < features; j++) mean[j] = mean[j]! + (delta[j]! * rows) / (count + rows);
}

/**
 * The moments of all rows of several streams together.
 *
 * @throws InceptionError OPTION_INVALID where they are of different features, or there are none
 */
export function mergeMoments(parts: readonly Moments[]): Moments {
  const [first] = parts;
  if (first === undefined || parts.some(({ features }) => features !== first.features)) {
    const sizes = parts.map(({ features }) => features);
    const fact = `expected one or more of equal features, found [${sizes.join(", ")}]`;
    throw new InceptionError("OPTION_INVALID", `Cannot merge statistics: ${fact}`, { sizes });
  }
  const target = { data: Float64Array.from(first.scatter), starts: triangleStarts(first.features), upper: true };
  const mean = Float64Array.from(first.mean);
  let count = first.count;
  for (const part of parts.slice(1)) {
    if (part.count === 0) continue;
    for (let i = 0; i < target.data.length; i++) target.data[i] = target.data[i]! + part.scatter[i]!;
    mergeMean(mean, target, count, part.mean, part.count);
    count += part.count;
  }
  return { features: first.features, count, mean, scatter: target.data };
}

/**
 * Mean and covariance (divisor n - 1) of what was collected, in memory of their own.
 *
 * @throws InceptionError OPTION_INVALID for fewer than 2 rows, which have no covariance
 */
export function statisticsOf({ features, count, mean, scatter }: Moments): FeatureStatistics {
  if (count < 2) {
    const found = count === 1 ? "1 image" : "no image";
    throw new InceptionError("OPTION_INVALID", `Cannot compute the covariance of ${found}: expected at least 2`, { count });
  }
  const covariance = new Float64Array(features * features);
  for (let i = 0, at = 0; i < features; i++) {
    for (let j = i; j < features; j++, at++) {
      const value = scatter[at]! / (count - 1);
      covariance[i * features + j] = value;
      covariance[j * features + i] = value;
    }
  }
  return { mean: Float64Array.from(mean), covariance, count };
}
