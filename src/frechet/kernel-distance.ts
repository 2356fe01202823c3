import { randomStream } from "../data/random.js";
import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { denseMatrix, gramMatrix, type Matrix, transposedProduct } from "./products.js";

/** Features of images, row by row. */
export interface FeatureRows {
  /** Images. */
  readonly count: number;
  readonly features: number;
  /** count · features values. */
  readonly data: Float32Array;
}

/** Options of the kernel distance (KID, Bińkowski et al. 2018). */
export interface KernelDistanceOptions {
  /** Subsets of both sets that are compared. Default 100. */
  readonly subsets?: number;
  /** Images of a subset, 2 to the smaller set. Default 1000, or half of the smaller set where that is less. */
  readonly subsetSize?: number;
  /** Which subsets: an integer of 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** Called after every subset. */
  readonly onSubset?: (done: number, subsets: number) => void;
}

/** A kernel distance (KID). */
export interface KernelDistance {
  /** Mean over the subsets. Unbiased, so about equal sets give values on either side of 0. */
  readonly value: number;
  /** Of the value; null where the subsets are the whole of the smaller set, which leaves nothing to estimate it from. */
  readonly standardError: number | null;
  /** Standard deviation (divisor subsets - 1) of the subsets' values, which other tools print behind ±. */
  readonly deviation: number;
  readonly subsets: number;
  readonly subsetSize: number;
}

/** Kernels of one subset: three products of subsetSize² elements. Published values use 1000 or less. */
const MAX_SUBSET_SIZE = 5000;
const MAX_SUBSETS = 10_000;

/**
 * The kernel inception distance: squared maximum mean discrepancy under the kernel (x·y / features + 1)³, unbiased, averaged over random subsets.
 * Source: Bińkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs", arXiv:1801.01401; clean-fid, torch-fidelity and torchmetrics compute the same, on subsets of their
 * own drawing.
 *
 * The standard error is that of the delete-d jackknife (Shao and Wu, Annals of Statistics 17, 1989): of n images of the smaller set
 * each subset keeps m, so that the variance of the whole is that of the subsets times m / (n - m); to it the error is added of taking a
 * finite number of subsets, the variance divided by that number. The deviation divided by the root of that number alone, which is sometimes reported, says only the latter.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { kernelDistance } from "inceptionkit/frechet";
 * const a = { count: 4, features: 1, data: Float32Array.of(0, 0, 0, 0) };
 * const b = { count: 4, features: 1, data: Float32Array.of(1, 1, 1, 1) };
 * kernelDistance(a, b).value; // 7: 1 + 8 - 2 · 1
 * ```
 */
export function kernelDistance(a: FeatureRows, b: FeatureRows, options: KernelDistanceOptions = {}): KernelDistance {
  const smaller = Math.min(a.count, b.count);
  const { subsets = 100, seed = 0, subsetSize = Math.max(2, Math.min(1000, Math.floor(smaller / 2))), onSubset } = options;
  checkRows(a, b);
  checkSubsets(subsets, subsetSize, smaller);
  const values = Array.from({ length: subsets }, (_, index) => {
    const x = drawSubset(a, subsetSize, seed, index, "a");
    const y = drawSubset(b, subsetSize, seed, index, "b");
    const value = discrepancy(x, y, a.features);
    onSubset?.(index + 1, subsets);
    return value;
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const variance = subsets < 2 ? 0 : values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (subsets - 1);
  const whole = subsetSize === smaller || subsets < 2;
  return {
    value: mean,
    standardError: whole ? null : Math.sqrt(variance * (subsetSize / (smaller - subsetSize) + 1 / subsets)),
    deviation: Math.sqrt(variance),
    subsets,
    subsetSize,
  };
}

function checkRows(a: FeatureRows, b: FeatureRows): void {
  const fault = (fact: string) => new InceptionError("OPTION_INVALID", `Cannot compute a kernel distance: ${fact}`, {});
  if (a.features !== b.features) throw fault(`A has ${a.features} features, B has ${b.features}`);
  for (const [name, { count, features, data }] of [["A", a] as const, ["B", b] as const]) {
    if (count < 2) throw fault(`${name} has ${count} images, expected at least 2`);
    if (data.length !== count * features) throw fault(`${name} has ${data.length} values, expected ${count} × ${features}`);
  }
}

function checkSubsets(subsets: number, subsetSize: number, smaller: number): void {
  const most = Math.min(smaller, MAX_SUBSET_SIZE);
  const whole = (value: number, least: number, limit: number) => Number.isSafeInteger(value) && value >= least && value <= limit;
  const fact =
    (!whole(subsets, 1, MAX_SUBSETS) && `subsets is ${subsets}, expected an integer from 1 to ${formatCount(MAX_SUBSETS)}`) ||
    (!whole(subsetSize, 2, most) && `subsetSize is ${subsetSize}, expected an integer from 2 to ${formatCount(most)}`);
  if (fact) throw new InceptionError("OPTION_INVALID", `Cannot compute a kernel distance: ${fact}`, { subsets, subsetSize });
}

/** [features, size]: different rows of the set, transposed for the products. */
function drawSubset({ count, features, data }: FeatureRows, size: number, seed: number, index: number, purpose: string): Matrix {
  const random = randomStream({ seed, purpose: `kernel distance ${purpose}`, index });
  const drawn = denseMatrix(features, size);
  // The beginning of a shuffle: only `size` places of it are made.
  const moved = new Map<number, number>();
  for (let k = 0; k < size; k++) {
    const at = k + random.below(count - k);
    const row = moved.get(at) ?? at;
    moved.set(at, moved.get(k) ?? k);
    for (let j = 0; j < features; j++) drawn.data[j * size + k] = data[row * features + j]!;
  }
  return drawn;
}

/** Unbiased: an image is not compared with itself. */
function discrepancy(x: Matrix, y: Matrix, features: number): number {
  const m = x.columns;
  const within = (k: Matrix) => sumOfKernel(k, features) - sumOfDiagonal(k, features);
  const own = within(gramMatrix(x)) + within(gramMatrix(y));
  return own / (m * (m - 1)) - (2 * sumOfKernel(transposedProduct(x, y), features)) / (m * m);
}

function sumOfKernel({ data }: Matrix, features: number): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i]! / features + 1) ** 3;
  return sum;
}

function sumOfDiagonal({ data, rows }: Matrix, features: number): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += (data[i * rows + i]! / features + 1) ** 3;
  return sum;
}
