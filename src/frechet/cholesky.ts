/**
 * A = L·Lᵀ for symmetric A without negative eigenvalues, of any rank: Cholesky's factorization that takes the largest diagonal
 * value that is left, and stops when nothing is left. Source: Higham, "Analysis of the Cholesky decomposition of a semi-definite matrix" (1990);
 * LAPACK's dpstrf has the same rule.
 */
import { InceptionError } from "../errors.js";
import type { Matrix } from "./products.js";

/** L with the rows of A: [n, rank]. */
interface CholeskyFactor extends Matrix {
  /** Row `order[k]` of L is zero from column k + 1 on. */
  readonly order: Uint32Array;
}

/** A remainder that is more negative than this part of the largest diagonal value was no rounding, also not one to 32 bits. */
const NEGATIVE_TOLERANCE = 1e-4;

/**
 * @param name - how messages name A
 * @param maxRank - a rank that A is known not to exceed, such as observations less one; default n
 * @throws InceptionError OPTION_INVALID where A has a clearly negative eigenvalue
 */
export function pivotedCholesky(a: Float64Array, n: number, name: string, maxRank = n): CholeskyFactor {
  const capacity = Math.min(n, maxRank);
  const l = new Float64Array(n * capacity);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const left = Float64Array.from({ length: n }, (_, i) => a[i * n + i]!);
  const largest = left.reduce((most, value) => Math.max(most, value), 0);
  let rank = 0;
  for (; rank < capacity; rank++) {
    const { at, pivot, least } = extremes(left, order, rank);
    checkNegative(name, least, largest);
    // What is as small as the negative rest is noise as well: dividing by it would make numbers out of nothing.
    if (pivot <= Math.max(n * Number.EPSILON * largest, -least)) break;
    const chosen = order[at]!;
    order[at] = order[rank]!;
    order[rank] = chosen;
    const root = Math.sqrt(pivot);
    l[chosen * capacity + rank] = root;
    fillColumn(a.subarray(chosen * n, (chosen + 1) * n), l, capacity, order, rank, root, left);
  }
  if (rank < n) checkNegative(name, extremes(left, order, rank).least, largest);
  return { rows: n, columns: rank, stride: capacity, data: l, order };
}

function extremes(left: Float64Array, order: Uint32Array, from: number): { at: number; pivot: number; least: number } {
  let [at, pivot, least] = [from, Number.NEGATIVE_INFINITY, 0];
  for (let k = from; k < order.length; k++) {
    const value = left[order[k]!]!;
    if (value > pivot) [at, pivot] = [k, value];
    if (value < least) least = value;
  }
  return { at, pivot, least };
}

function checkNegative(name: string, least: number, largest: number): void {
  if (least >= -NEGATIVE_TOLERANCE * largest) return;
  const fact = `it has negative eigenvalues (${least.toPrecision(3)} beside a variance of ${largest.toPrecision(3)}), a covariance has none`;
  throw new InceptionError("OPTION_INVALID", `Cannot use the covariance of ${name}: ${fact}`, { least, largest });
}

/** Column `rank` of L below the pivot, for four rows at a time. */
function fillColumn(
  column: Float64Array,
  l: Float64Array,
  stride: number,
  order: Uint32Array,
  rank: number,
  root: number,
  left: Float64Array,
): void {
  const pivotRow = order[rank]! * stride;
  const n = order.length;
  for (let k = rank + 1; k < n; k += 4) {
    const rows = [order[k]!, order[Math.min(k + 1, n - 1)]!, order[Math.min(k + 2, n - 1)]!, order[Math.min(k + 3, n - 1)]!] as const;
    const [r0, r1, r2, r3] = [rows[0] * stride, rows[1] * stride, rows[2] * stride, rows[3] * stride];
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let t = 0; t < rank; t++) {
      const p = l[pivotRow + t]!;
      s0 += l[r0 + t]! * p;
      s1 += l[r1 + t]! * p;
      s2 += l[r2 + t]! * p;
      s3 += l[r3 + t]! * p;
    }
    const sums = [s0, s1, s2, s3];
    for (let c = 0; c < Math.min(4, n - k); c++) {
      const row = rows[c]!;
      const value = (column[row]! - sums[c]!) / root;
      l[row * stride + rank] = value;
      left[row] = left[row]! - value * value;
    }
  }
}
