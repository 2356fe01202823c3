/**
 * Eigenvalues of symmetric matrices, without eigenvectors, in double precision. Why not a library: docs/decisions/0006.
 *
 * Householder reflections make the matrix tridiagonal, the implicit QL method with Wilkinson's shift finds the eigenvalues of
 * that. Sources: Martin, Reinsch, Wilkinson, "Householder's tridiagonalization of a symmetric matrix", Numer. Math. 11
 * (1968); Dubrulle, Martin, Wilkinson, "The implicit QL algorithm", Numer. Math. 12 (1968).
 */
import { InceptionError } from "../errors.js";

/** A diagonal and the values beside it: `beside[i]` couples i - 1 and i; `beside[0]` is 0. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly beside: Float64Array;
}

/** Sweeps for one eigenvalue. Two are usual; LAPACK gives up after 30 on average. */
const MAX_SWEEPS = 60;

/**
 * The eigenvalues of a symmetric matrix, ascending. Errors are some rounding errors of the largest one in magnitude.
 *
 * @param matrix - [n, n], row-major; only the lower triangle is read, and what lies there is lost
 * @throws InceptionError OPTION_INVALID where the length is not n², or a value is not finite
 *
 * @example
 * ```ts
 * import { symmetricEigenvalues } from "inceptionkit/frechet";
 * symmetricEigenvalues(Float64Array.of(2, 0, 0, 1), 2); // Float64Array [1, 2]: in ascending order
 * ```
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  if (!Number.isSafeInteger(n) || n < 0 || matrix.length !== n * n) {
    const fact = `${matrix.length} values are not an ${n} × ${n} matrix`;
    throw new InceptionError("OPTION_INVALID", `Cannot compute eigenvalues: ${fact}`, { n, length: matrix.length });
  }
  if (!matrix.every(Number.isFinite))
    throw new InceptionError("OPTION_INVALID", "Cannot compute eigenvalues: a value is not finite", { n });
  return eigenvaluesOfTridiagonal(tridiagonalForm(matrix, n)).sort();
}

/**
 * For row i from the last up, a reflection I - u·uᵀ / h leaves of its values left of the diagonal only the last. Applied from both
 * sides it changes the rows above by u·qᵀ + q·uᵀ, with q = p - K·u, p = A·u / h and K = uᵀ·p / (2h). That change waits until the
 * next u is known, so that both the change and the next A·u take one pass through memory: the matrix is larger than any cache.
 */
function tridiagonalForm(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  let pending: Reflection = { u: new Float64Array(n), q: new Float64Array(n) };
  let next: Reflection = { u: new Float64Array(n), q: new Float64Array(n) };
  for (let i = n - 1; i >= 0; i--) {
    applyToRow(a, i, n, pending);
    diagonal[i] = a[i * n + i]!;
    if (i === 0) break;
    const h = reflect(a.subarray(i * n, i * n + i), next.u, beside, i);
    next.q.fill(0, 0, i);
    sweep(a, i, n, pending, next);
    finish(next, i, h);
    [pending, next] = [next, pending];
  }
  return { diagonal, beside };
}

interface Reflection {
  readonly u: Float64Array;
  readonly q: Float64Array;
}

/** The pending change of one row, up to the diagonal. */
function applyToRow(a: Float64Array, i: number, n: number, { u, q }: Reflection): void {
  const [ui, qi] = [u[i]!, q[i]!];
  for (let j = 0, at = i * n; j <= i; j++, at++) a[at] = a[at]! - ui * q[j]! - qi * u[j]!;
}

/** Fill u from the row, note what stays of the row, and give h = |u|² / 2; 0 where the row needs no reflection. */
function reflect(row: Float64Array, u: Float64Array, beside: Float64Array, i: number): number {
  let scale = 0;
  for (let j = 0; j < i; j++) scale = Math.max(scale, Math.abs(row[j]!));
  const last = row[i - 1]!;
  let others = 0;
  for (let j = 0; j < i - 1; j++) others += (row[j]! / scale) ** 2;
  if (scale === 0 || others === 0) {
    u.fill(0, 0, i);
    beside[i] = last;
    return 0;
  }
  const [f, h] = [last / scale, others + (last / scale) ** 2];
  // The sign for which nothing cancels in f - g.
  const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h);
  beside[i] = scale * g;
  for (let j = 0; j < i - 1; j++) u[j] = row[j]! / scale;
  u[i - 1] = f - g;
  return h - f * g;
}

/** Rows 0 to i - 1: make the pending change, and add A·u to q, each stored value serving for its mirror image too. */
function sweep(a: Float64Array, i: number, n: number, pending: Reflection, next: Reflection): void {
  const { u: pu, q: pq } = pending;
  const { u, q } = next;
  let r = 0;
  // Two rows at a time share what they read of the four vectors.
  for (; r + 1 < i; r += 2) {
    const [top, low] = [r * n, (r + 1) * n];
    const [pu0, pq0, u0] = [pu[r]!, pq[r]!, u[r]!];
    const [pu1, pq1, u1] = [pu[r + 1]!, pq[r + 1]!, u[r + 1]!];
    let sum0 = 0;
    let sum1 = 0;
    for (let c = 0; c < r; c++) {
      const puc = pu[c]!;
      const pqc = pq[c]!;
      const uc = u[c]!;
      const a0 = a[top + c]! - pu0 * pqc - pq0 * puc;
      const a1 = a[low + c]! - pu1 * pqc - pq1 * puc;
      a[top + c] = a0;
      a[low + c] = a1;
      sum0 += a0 * uc;
      sum1 += a1 * uc;
      q[c] = q[c]! + a0 * u0 + a1 * u1;
    }
    const [d0, d1] = [a[top + r]! - 2 * pu0 * pq0, a[low + r + 1]! - 2 * pu1 * pq1];
    const between = a[low + r]! - pu1 * pq0 - pq1 * pu0;
    a[top + r] = d0;
    a[low + r] = between;
    a[low + r + 1] = d1;
    q[r] = q[r]! + sum0 + d0 * u0 + between * u1;
    q[r + 1] = q[r + 1]! + sum1 + between * u0 + d1 * u1;
  }
  if (r < i) {
    applyToRow(a, r, n, pending);
    let sum = 0;
    for (let c = 0; c < r; c++) {
      const value = a[r * n + c]!;
      sum += value * u[c]!;
      q[c] = q[c]! + value * u[r]!;
    }
    q[r] = q[r]! + sum + a[r * n + r]! * u[r]!;
  }
}

/** From A·u to q. Where there is no reflection nothing changes. */
function finish({ u, q }: Reflection, i: number, h: number): void {
  if (h === 0) {
    q.fill(0, 0, i);
    return;
  }
  let dot = 0;
  for (let j = 0; j < i; j++) dot += u[j]! * q[j]!;
  const k = dot / (2 * h * h);
  for (let j = 0; j < i; j++) q[j] = q[j]! / h - k * u[j]!;
}

function eigenvaluesOfTridiagonal({ diagonal: d, beside }: Tridiagonal): Float64Array {
  const n = d.length;
  // e[i] couples i and i + 1 from here on.
  const e = new Float64Array(n);
  e.set(beside.subarray(1));
  for (let l = 0; l < n; l++) {
    for (let sweeps = 0; ; sweeps++) {
      let m = l;
      while (m + 1 < n && Math.abs(e[m]!) > Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++;
      if (m === l) break;
      if (sweeps === MAX_SWEEPS) {
        const fact = `eigenvalue ${l + 1} of ${n} is not found in ${MAX_SWEEPS} sweeps`;
        throw new InceptionError("OPTION_INVALID", `Cannot compute eigenvalues: ${fact}`, { n, sweeps });
      }
      qlSweep(d, e, l, m);
    }
  }
  return d;
}

/** One implicit QL sweep over the block l..m, from below. */
function qlSweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  const half = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  const root = Math.hypot(half, 1);
  let g = d[m]! - d[l]! + e[l]! / (half + (half >= 0 ? root : -root));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      // The block falls apart here; what was done so far is a whole similarity.
      d[i + 1] = d[i + 1]! - p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
  }
  d[l] = d[l]! - p;
  e[l] = g;
  e[m] = 0;
}
