import { InceptionError } from "../errors.js";

/** Feature vectors of images whose classes are known. */
export interface LabeledFeatures {
  readonly features: readonly ArrayLike<number>[];
  readonly labels: readonly number[];
}

/** Means of the classes that occur, and the covariance around them. */
interface PooledCovariance {
  readonly size: number;
  readonly means: readonly Float64Array[];
  /** [size, size], shrunk. */
  readonly covariance: Float64Array;
  /** Weight of the identity, in [0, 1]. */
  readonly shrinkage: number;
}

/**
 * The covariance of vectors around the means of their classes, (1 − s)·S + s·μ·I with μ the mean variance and s by Ledoit and Wolf,
 * "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate Analysis 88 (2004). S divides by the number
 * of vectors. Fewer vectors than features are enough: the shrunk matrix has an inverse.
 *
 * @throws InceptionError DATASET_INVALID for vectors that do not differ within their classes
 */
export function pooledCovariance({ features, labels }: LabeledFeatures): PooledCovariance {
  const size = features[0]?.length ?? 0;
  const means = classMeans({ features, labels }, size);
  const centered = features.map((row, index) => means.get(labels[index]!)!.map((mean, k) => row[k]! - mean));
  const sample = productOf(centered, size);
  const trace = sample.reduce((sum, value, index) => (index % (size + 1) === 0 ? sum + value : sum), 0);
  if (!(trace > 0)) {
    const message = `Cannot compute a covariance: the features of ${features.length} images do not differ within their classes`;
    throw new InceptionError("DATASET_INVALID", message, { images: features.length });
  }
  const mean = trace / size;
  const shrinkage = shrinkageOf(centered, sample, mean, size);
  const covariance = sample.map((value, index) => (1 - shrinkage) * value + (index % (size + 1) === 0 ? shrinkage * mean : 0));
  return { size, means: [...means.values()], covariance, shrinkage };
}

function classMeans({ features, labels }: LabeledFeatures, size: number): ReadonlyMap<number, Float64Array> {
  const sums = new Map<number, { count: number; readonly sum: Float64Array }>();
  for (const [index, row] of features.entries()) {
    const label = labels[index]!;
    const entry = sums.get(label) ?? { count: 0, sum: new Float64Array(size) };
    sums.set(label, entry);
    entry.count++;
    for (let k = 0; k < size; k++) entry.sum[k] = entry.sum[k]! + row[k]!;
  }
  return new Map([...sums].map(([label, { count, sum }]) => [label, sum.map((value) => value / count)]));
}

/** Xᵀ·X / n of centered rows. */
function productOf(rows: readonly Float64Array[], size: number): Float64Array {
  const product = new Float64Array(size * size);
  for (const row of rows) {
    for (let i = 0; i < size; i++) {
      const value = row[i]! / rows.length;
      if (value === 0) continue;
      for (let j = 0; j <= i; j++) product[i * size + j] = product[i * size + j]! + value * row[j]!;
    }
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) product[j * size + i] = product[i * size + j]!;
  return product;
}

/** b² / d² of the paper: d² how far the sample covariance is from μ·I, b² how far single observations scatter around it. */
function shrinkageOf(rows: readonly Float64Array[], sample: Float64Array, mean: number, size: number): number {
  const squares = sample.reduce((sum, value) => sum + value * value, 0);
  const fourth = rows.reduce((sum, row) => sum + row.reduce((norm, value) => norm + value * value, 0) ** 2, 0) / rows.length;
  const scatter = (fourth - squares) / rows.length;
  const distance = squares - size * mean * mean;
  return distance > 0 ? Math.min(1, Math.max(0, scatter / distance)) : 1;
}
