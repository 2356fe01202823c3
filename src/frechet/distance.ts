import { InceptionError } from "../errors.js";
import { pivotedCholesky } from "./cholesky.js";
import { symmetricEigenvalues } from "./eigenvalues.js";
import type { FeatureStatistics } from "./moments.js";
import { gramMatrix, transposedProduct } from "./products.js";

/** Options of the Fréchet distance of two Gaussians. */
export interface FrechetOptions {
  /**
   * Added to the diagonals of both covariances, but not to their traces: what pytorch-fid does with 1e-6 where its square root of a matrix fails and
   * it prints "fid calculation produces singular product". Here nothing fails, so the default is 0.
   */
  readonly epsilon?: number;
}

/** Covariances may differ from their mirror images by this part of their largest value: files hold some of them in 32 bits. */
const SYMMETRY_TOLERANCE = 1e-4;

/**
 * The Fréchet distance of two normal distributions, squared, as everybody reports it:
 * |m₁ - m₂|² + tr(C₁ + C₂ - 2·(C₁·C₂)^½).
 *
 * No square root of a matrix is formed. With C₁ = L₁·L₁ᵀ and C₂ = L₂·L₂ᵀ the eigenvalues of C₁·C₂ that are not 0 are those of
 * B·Bᵀ, B = L₁ᵀ·L₂, which is symmetric: they are never complex, and the trace is the sum of their roots. Covariances of less than full rank
 * only make B smaller. Equals pytorch-fid's `calculate_frechet_distance` wherever SciPy's `sqrtm` succeeds. Rounding may make it slightly negative.
 *
 * Work is some 7·n³ additions and multiplications at full rank n: seconds for 2048 features. Memory beside the statistics: 4·n² doubles.
 *
 * @throws InceptionError OPTION_INVALID where sizes differ, values are not finite, or a covariance is not symmetric or has negative eigenvalues
 *
 * @example
 * ```ts
 * import { frechetDistance } from "inceptionkit/frechet";
 * const a = { mean: Float64Array.of(0, 0), covariance: Float64Array.of(1, 0, 0, 4), count: null };
 * const b = { mean: Float64Array.of(3, 0), covariance: Float64Array.of(4, 0, 0, 1), count: null };
 * frechetDistance(a, b); // 11: 9 + (1 - 2)² + (2 - 1)²
 * ```
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics, options: FrechetOptions = {}): number {
  const { epsilon = 0 } = options;
  if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
    throw new InceptionError("OPTION_INVALID", `Cannot use epsilon ${epsilon}: expected a number of at least 0`, { epsilon });
  }
  checkStatistics(a, "A");
  checkStatistics(b, "B");
  if (a.mean.length !== b.mean.length) {
    const fact = `A has ${a.mean.length} features, B has ${b.mean.length}`;
    throw new InceptionError("OPTION_INVALID", `Cannot compare statistics: ${fact}`, { a: a.mean.length, b: b.mean.length });
  }
  const between = a.mean.reduce((sum, value, j) => sum + (value - b.mean[j]!) ** 2, 0);
  return between + trace(a) + trace(b) - 2 * traceOfRoot(a, b, epsilon);
}

/** @throws InceptionError OPTION_INVALID naming the set that is not a mean with a covariance */
export function checkStatistics({ mean, covariance, count }: FeatureStatistics, name: string): void {
  const n = mean.length;
  const fault = (fact: string) => new InceptionError("OPTION_INVALID", `Cannot use the statistics of ${name}: ${fact}`, { name });
  if (n < 1 || covariance.length !== n * n) throw fault(`a mean of ${n} and a covariance of ${covariance.length} values do not fit`);
  if (count !== null && !(Number.isSafeInteger(count) && count >= 2)) throw fault(`they summarize ${count} images, expected at least 2`);
  if (!mean.every(Number.isFinite) || !covariance.every(Number.isFinite)) throw fault("a value is not finite");
  const largest = covariance.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 1; i < n; i++) {
    for (let j = 0; j < i; j++) {
      if (!(Math.abs(covariance[i * n + j]! - covariance[j * n + i]!) <= SYMMETRY_TOLERANCE * largest))
        throw fault(`the covariance is not symmetric at ${i}, ${j}`);
    }
  }
}

function trace({ mean: { length: n }, covariance }: FeatureStatistics): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += covariance[i * n + i]!;
  return sum;
}

/** tr((C₁·C₂)^½) */
function traceOfRoot(a: FeatureStatistics, b: FeatureStatistics, epsilon: number): number {
  const factors = [factorOf(a, "A", epsilon), factorOf(b, "B", epsilon)].sort((x, y) => x.columns - y.columns);
  const [small, large] = factors;
  if (small === undefined || large === undefined || small.columns === 0) return 0;
  // [rank of the larger, rank of the smaller]: half of the smaller factor is zero, which the product leaves out.
  const b12 = transposedProduct(large, small, { order: small.order, triangular: true });
  // Pivoting puts large columns first. The reduction starts at the end and keeps small eigenvalues better when large ones stand there
  // (the order that EISPACK's tred2 asks for). Reversing all values of a symmetric matrix reverses its rows and columns.
  const eigenvalues = symmetricEigenvalues(gramMatrix(b12).data.reverse(), small.columns);
  return eigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
}

function factorOf({ mean: { length: n }, covariance, count }: FeatureStatistics, name: string, epsilon: number) {
  if (epsilon === 0) return pivotedCholesky(covariance, n, name, count === null ? n : count - 1);
  const shifted = Float64Array.from(covariance);
  for (let i = 0; i < n; i++) shifted[i * n + i] = shifted[i * n + i]! + epsilon;
  return pivotedCholesky(shifted, n, name);
}
