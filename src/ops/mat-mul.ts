import { at } from "../tensor/at.js";
import { formatShape, type Shape } from "../tensor/shape.js";
import { checkFloats } from "./kit/axes.js";
import { broadcastShapes, unbroadcast } from "./kit/elementwise.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type Fixed, type Form, type LoweredNode, type LowerSite, type OpDef, shapeError } from "./op.js";

interface MatMulAttributes {
  readonly [name: string]: boolean;
  /** Whether the last two axes of a are swapped first. */
  readonly transposeA: boolean;
  /** Whether the last two axes of b are swapped first. */
  readonly transposeB: boolean;
}

export const matMul: OpDef<MatMulAttributes, Fixed<2>> = {
  doc: `a […, M, K] · b […, K, P] → […, M, P], matrix products over the last two axes; the axes before them broadcast as
in NumPy. With transposeA a is […, K, M], with transposeB b is […, P, K].`,

  operands: exactly(2),
  infer: (inputs, { transposeA, transposeB }, site) => {
    const [a, b] = inputs;
    checkFloats(inputs, site);
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw shapeError(site, `expected two tensors of rank 2 or more, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
    }
    const [m, k] = lastTwo(a.shape, transposeA);
    const [inner, p] = lastTwo(b.shape, transposeB);
    if (k !== inner) {
      throw shapeError(site, `a ${formatShape(a.shape)} has ${k} columns, b ${formatShape(b.shape)} has ${inner} rows: they must be equal`);
    }
    return [{ dtype: a.dtype, shape: [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), site), m, p] }];
  },

  // With Y = A·B: dA = dY·Bᵀ and dB = Aᵀ·dY, for A = aᵀ: da = dAᵀ = B·dYᵀ, for B = bᵀ: db = dBᵀ = dYᵀ·A.
  // Leading axes that were broadcast are summed.
  grad: (g, { inputs: [a, b], attributes: { transposeA, transposeB }, needed }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const da = () =>
      transposeA
        ? g.add("matMul", "da", [b, dy], { transposeA: transposeB, transposeB: true })
        : g.add("matMul", "da", [dy, b], { transposeA: false, transposeB: !transposeB });
    const db = () =>
      transposeB
        ? g.add("matMul", "db", [dy, a], { transposeA: true, transposeB: transposeA })
        : g.add("matMul", "db", [a, dy], { transposeA: !transposeA, transposeB: false });
    return [
      needed[0] ? unbroadcast(g, "da_sum", da(), a.type.shape) : null,
      needed[1] ? unbroadcast(g, "db_sum", db(), b.type.shape) : null,
    ];
  },

  lower: (site, { transposeA, transposeB }) => {
    const swaps: LoweredNode[] = [];
    const operands = [transposeA, transposeB].map((transpose, index) => {
      const input = at(site.inputs, index);
      if (!transpose) return input;
      swaps.push(swapLastTwo(site, index));
      return site.inner(`transposed_${index}`);
    });
    return [...swaps, { opType: "MatMul", inputs: operands, outputs: site.outputs, attributes: {} }];
  },

  macs: ([a], [y], { transposeA }) => {
    const columns = lastTwo(a.shape, transposeA)[1];
    return y.shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), Number(columns));
  },
  window: () => "all",
};

/** ONNX Runtime's own product, where an operand is transposed: it does so while it packs. */
export const fusedMatMul: Form<MatMulAttributes, Fixed<2>> = (site, given) => {
  const { transposeA, transposeB } = given;
  if (!transposeA && !transposeB) return matMul.lower(site, given);
  const attributes = { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 } };
  return [{ opType: "FusedMatMul", domain: "com.microsoft", inputs: site.inputs, outputs: site.outputs, attributes }];
};

/** Rows and columns of a matrix after the transposition. */
function lastTwo(shape: Shape, transpose: boolean) {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) throw new RangeError(`Cannot read rows and columns of ${formatShape(shape)}`);
  return transpose ? ([columns, rows] as const) : ([rows, columns] as const);
}

function swapLastTwo(site: LowerSite, index: number): LoweredNode {
  const rank = at(site.inputTypes, index).shape.length;
  const perm = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  return {
    opType: "Transpose",
    inputs: [at(site.inputs, index)],
    outputs: [site.inner(`transposed_${index}`)],
    attributes: { perm: { ints: perm } },
  };
}

declare module "./op.js" {
  interface Ops {
    readonly matMul: typeof matMul;
  }
}
