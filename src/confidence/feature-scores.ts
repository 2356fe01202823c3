/** Scores of feature vectors for "one of the classes": larger values mean a more familiar image. */
import { InceptionError } from "../errors.js";
import { pivotedCholesky } from "../frechet/cholesky.js";
import { at } from "../tensor/at.js";
import { type LabeledFeatures, pooledCovariance } from "./pooled-covariance.js";

/**
 * The negative squared Mahalanobis distance to the nearest class mean, under one covariance for all classes that is shrunk by Ledoit and
 * Wolf's rule. Source: Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples", NeurIPS 2018.
 *
 * @throws InceptionError DATASET_INVALID for fewer than 2 vectors, or vectors that do not differ within classes
 */
export function mahalanobisScore(data: LabeledFeatures): (features: ArrayLike<number>) => number {
  const { means, covariance, size } = pooledCovariance(data);
  const factor = pivotedCholesky(covariance, size, "the features");
  return (features) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (const mean of means) {
      const whitened = solveLower(
        factor,
        mean.map((value, k) => features[k]! - value),
      );
      nearest = Math.min(
        nearest,
        whitened.reduce((sum, value) => sum + value * value, 0),
      );
    }
    return -nearest;
  };
}

/**
 * The negative distance to the k-th nearest of the known vectors, all scaled to length 1.
 * Source: Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML 2022.
 *
 * @param k - from 1 to the number of vectors
 * @throws InceptionError OPTION_INVALID for another k
 */
export function neighborScore(known: readonly ArrayLike<number>[], k: number): (features: ArrayLike<number>) => number {
  if (!Number.isInteger(k) || k < 1 || k > known.length) {
    const message = `Cannot use the distance to neighbor ${k}: expected an integer from 1 to ${known.length}, the number of known images`;
    throw new InceptionError("OPTION_INVALID", message, { k, known: known.length });
  }
  const units = known.map(unitVector);
  return (features) => {
    const unit = unitVector(features);
    const distances = Float64Array.from(units, (other) => Math.sqrt(squaredDistance(unit, other))).sort();
    return -at(distances, k - 1);
  };
}

/** A vector of length 1; zeros, which have no direction, stay zeros. */
function unitVector(values: ArrayLike<number>): Float64Array {
  const vector = Float64Array.from(values);
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return norm === 0 ? vector : vector.map((value) => value / norm);
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return sum;
}

/** The x with L·x = b, of the rows in the order of their pivots. */
function solveLower({ columns, stride, data, order }: ReturnType<typeof pivotedCholesky>, b: Float64Array): Float64Array {
  const x = new Float64Array(columns);
  for (let i = 0; i < columns; i++) {
    const row = order[i]!;
    let sum = b[row]!;
    for (let k = 0; k < i; k++) sum -= data[row * stride + k]! * x[k]!;
    x[i] = sum / data[row * stride + i]!;
  }
  return x;
}
