import { type Dim, formatShape } from "../tensor/shape.js";
import { float32Tensor } from "../tensor/tensor.js";
import { checkAxis, checkFloats, int64Vector } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { concrete, exactly, type Fixed, type LoweredNode, type LowerSite, type OpDef, shapeError } from "./op.js";

interface MatMulAxisAttributes {
  readonly [name: string]: number | readonly number[];
  /** The axis of x that is multiplied. */
  readonly axis: number;
  /** The number of rows of the matrix: the size of the axis in the result. */
  readonly rows: number;
  /** The constant matrix [rows, size of the axis], row-major. */
  readonly matrix: readonly number[];
}

export const matMulAxis: OpDef<MatMulAxisAttributes> = {
  doc: `y[…, r, …] = Σⱼ matrix[r, j] · x[…, j, …] along \`axis\`: a constant linear map of one axis, which is what resizing and
adaptive pooling are.`,

  operands: exactly(1),
  infer: ([x], { axis, rows, matrix }, site) => {
    checkFloats([x], site);
    checkAxis(axis, x.shape.length, site);
    const size = concrete(x.shape[axis], `size on axis ${axis}`, site);
    if (!Number.isInteger(rows) || rows < 1) throw shapeError(site, `rows ${rows} must be an integer of at least 1`);
    if (matrix.length !== rows * size) {
      throw shapeError(site, `matrix has ${matrix.length} elements, expected ${rows} rows × size ${size} of axis ${axis}`);
    }
    if (!matrix.every(Number.isFinite)) throw shapeError(site, "every element of the matrix must be finite");
    const open = x.shape.slice(axis + 1).find((dim) => typeof dim !== "number");
    if (open !== undefined) throw shapeError(site, `sizes behind axis ${axis} must be numbers, got ${formatShape(x.shape)}`);
    return [{ dtype: x.dtype, shape: x.shape.map((dim, index): Dim => (index === axis ? rows : dim)) }];
  },

  // y = M·x along the axis, so dx = Mᵀ·dy along it.
  grad: (b, { inputs: [x], attributes: { axis, rows, matrix } }, outputGradients) => {
    const size = Number(x.type.shape[axis]);
    return [b.add("matMulAxis", "dx", [onlyGradient(outputGradients)], { axis, rows: size, matrix: transposed(matrix, rows, size) })];
  },

  lower: (site, { axis, rows, matrix }) => {
    const [x] = site.inputs;
    const shape = site.inputTypes[0].shape;
    const size = Number(shape[axis]);
    if (axis === shape.length - 1) {
      const columns = site.constant("columns", float32Tensor([size, rows], Float32Array.from(transposed(matrix, rows, size))));
      return [{ opType: "MatMul", inputs: [x, columns], outputs: site.outputs, attributes: {} }];
    }
    const left = site.constant("rows", float32Tensor([rows, size], Float32Array.from(matrix)));
    if (axis === shape.length - 2) return [{ opType: "MatMul", inputs: [left, x], outputs: site.outputs, attributes: {} }];
    return joined(site, left, axis, rows);
  },

  macs: () => 0,
  window: () => "all",
};

/** The axes behind `axis` as one while the matrix is multiplied from the left. */
function joined(site: LowerSite<Fixed<1>, Fixed<1>>, left: string, axis: number, rows: number): readonly LoweredNode[] {
  const [x] = site.inputs;
  const shape = site.inputTypes[0].shape;
  // 0 keeps a size, also one without a number.
  const before = shape.slice(0, axis).map(() => 0);
  const after = shape.slice(axis + 1).map(Number);
  const flat = site.constant("flat", int64Vector([...before, Number(shape[axis]), after.reduce((product, size) => product * size, 1)]));
  const full = site.constant("full", int64Vector([...before, rows, ...after]));
  const [flattened, product] = [site.inner("flattened"), site.inner("product")];
  return [
    { opType: "Reshape", inputs: [x, flat], outputs: [flattened], attributes: {} },
    { opType: "MatMul", inputs: [left, flattened], outputs: [product], attributes: {} },
    { opType: "Reshape", inputs: [product, full], outputs: site.outputs, attributes: {} },
  ];
}

function transposed(matrix: readonly number[], rows: number, columns: number): readonly number[] {
  return Array.from({ length: rows * columns }, (_, index) => Number(matrix[(index % rows) * columns + Math.floor(index / rows)]));
}

declare module "./op.js" {
  interface Ops {
    readonly matMulAxis: typeof matMulAxis;
  }
}
