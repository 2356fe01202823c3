/**
 * Products of matrices in double precision, in plain JavaScript: Xᵀ·Y for row-major X and Y, which is the one product that
 * covariances, their factors and kernel matrices need.
 *
 * Rows are taken in blocks and columns in panels of four, copied so that what is read together lies together; then the inner
 * loop makes sixteen sums out of eight values that it reads.
 */

/** Row-major values of which the first `columns` of each row count; rows start `stride` values apart. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
  readonly data: Float64Array;
}

/** Where a product is added to. */
export interface ProductTarget {
  readonly data: Float64Array;
  /** Element [i, j] is `data[starts[i] + j]`. */
  readonly starts: ArrayLike<number>;
  /** Only elements with j ≥ i are there, and wanted. */
  readonly upper: boolean;
}

interface ProductOptions {
  /** In which order the rows are taken, of X and Y alike. Default: ascending. */
  readonly order?: ArrayLike<number>;
  /** Row `order[k]` of Y is zero from column k + 1 on, as in a triangular matrix whose rows were reordered. Default false. */
  readonly triangular?: boolean;
}

/** Rows of a block: a panel of X, 4 × 256 values, stays in the first-level cache. */
const BLOCK_ROWS = 256;
/** Columns of Y that are gone through for each panel of X: 256 × 128 values stay in the second-level cache. */
const BLOCK_COLUMNS = 128;
const PANEL = 4;

/** Rows that start right behind each other. */
export function denseMatrix(rows: number, columns: number, data: Float64Array = new Float64Array(rows * columns)): Matrix {
  return { rows, columns, stride: columns, data };
}

/** Where the rows of a whole matrix start. */
function fullStarts(rows: number, stride: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) => i * stride);
}

/** Where the rows of an upper triangle start that is stored without its zeros; its n (n + 1) / 2 values lie row by row. */
export function triangleStarts(n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => i * n - (i * (i + 1)) / 2);
}

/**
 * Add Xᵀ·Y to a target.
 *
 * @param x - [rows, m]
 * @param y - [rows, n]; may be x
 */
export function addTransposedProduct(x: Matrix, y: Matrix, target: ProductTarget, options: ProductOptions = {}): void {
  const { order, triangular = false } = options;
  const xPanels = new Float64Array(BLOCK_ROWS * paddedColumns(x));
  const yPanels = x === y ? xPanels : new Float64Array(BLOCK_ROWS * paddedColumns(y));
  for (let from = 0; from < x.rows; from += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, x.rows - from);
    const columns = triangular ? Math.min(y.columns, from + rows) : y.columns;
    packPanels(x, from, rows, x.columns, order, xPanels);
    if (yPanels !== xPanels) packPanels(y, from, rows, columns, order, yPanels);
    for (let left = 0; left < columns; left += BLOCK_COLUMNS) {
      const right = Math.min(columns, left + BLOCK_COLUMNS);
      const below = target.upper ? Math.min(x.columns, right) : x.columns;
      for (let i = 0; i < below; i += PANEL) {
        for (let j = left; j < right; j += PANEL) {
          if (target.upper && j + PANEL <= i) continue;
          addPanel(xPanels, i * rows, yPanels, j * rows, rows, i, j, Math.min(PANEL, x.columns - i), Math.min(PANEL, columns - j), target);
        }
      }
    }
  }
}

/** Xᵀ·Y as a new matrix [m, n]. */
export function transposedProduct(x: Matrix, y: Matrix, options: ProductOptions = {}): Matrix {
  const product = denseMatrix(x.columns, y.columns);
  addTransposedProduct(x, y, { data: product.data, starts: fullStarts(product.rows, product.stride), upper: false }, options);
  return product;
}

/** Xᵀ·X as a new matrix [m, m]; computed for one triangle, and mirrored. */
export function gramMatrix(x: Matrix): Matrix {
  const n = x.columns;
  const product = denseMatrix(n, n);
  const { data } = product;
  addTransposedProduct(x, x, { data, starts: fullStarts(n, n), upper: true });
  for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) data[i * n + j] = data[j * n + i]!;
  return product;
}

function paddedColumns({ columns }: Matrix): number {
  return Math.ceil(columns / PANEL) * PANEL;
}

/** Columns 4p to 4p + 3 of a block of rows, side by side: value [r, c] of panel p at (p · rows + r) · 4 + c. What is missing is 0. */
function packPanels(
  { stride, data }: Matrix,
  from: number,
  rows: number,
  columns: number,
  order: ArrayLike<number> | undefined,
  panels: Float64Array,
): void {
  for (let r = 0; r < rows; r++) {
    const start = (order === undefined ? from + r : order[from + r]!) * stride;
    for (let j = 0; j < columns; j += PANEL) {
      const to = j * rows + r * PANEL;
      for (let c = 0; c < PANEL; c++) panels[to + c] = j + c < columns ? data[start + j + c]! : 0;
    }
  }
}

function addPanel(
  a: Float64Array,
  aFrom: number,
  b: Float64Array,
  bFrom: number,
  rows: number,
  i: number,
  j: number,
  height: number,
  width: number,
  { data, starts, upper }: ProductTarget,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let at = 0; at < rows * PANEL; at += PANEL) {
    const p = aFrom + at;
    const q = bFrom + at;
    const b0 = b[q]!;
    const b1 = b[q + 1]!;
    const b2 = b[q + 2]!;
    const b3 = b[q + 3]!;
    const a0 = a[p]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[p + 1]!;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[p + 2]!;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[p + 3]!;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
  }
  const sums = [c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33];
  for (let r = 0; r < height; r++) {
    const start = starts[i + r]! + j;
    for (let c = upper ? Math.max(0, i + r - j) : 0; c < width; c++) data[start + c] = data[start + c]! + sums[PANEL * r + c]!;
  }
}
