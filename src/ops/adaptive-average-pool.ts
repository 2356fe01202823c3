import { at } from "../tensor/at.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, shapeError, spatialSizes } from "./op.js";

interface AdaptiveAveragePoolAttributes {
  readonly [name: string]: readonly number[];
  /** Output sizes [H, W]. */
  readonly outputShape: readonly number[];
}

export const adaptiveAveragePool: OpDef<AdaptiveAveragePoolAttributes> = {
  doc: `x [N, C, H, W] → y [N, C, oH, oW]: cell i of an axis of size n averages the elements floor(i·n/o) to
ceil((i + 1)·n/o) − 1 (PyTorch's AdaptiveAvgPool2d), so windows overlap where o does not divide n. Lowered as two matrix
products, A_h · x · A_wᵀ, because ONNX has no such op. Images only: a volume would need a third product.`,

  operands: exactly(1),
  infer: ([x], { outputShape }, site) => {
    if (spatialSizes(x.shape, site).length !== 2) throw shapeError(site, `expected an input [N, C, H, W], got rank ${x.shape.length}`);
    if (outputShape.length !== 2 || outputShape.some((size) => !Number.isInteger(size) || size < 1)) {
      throw shapeError(site, `outputShape [${outputShape.join(", ")}] must be 2 integers of at least 1`);
    }
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...outputShape] }];
  },

  // y = A_h · x · A_wᵀ, so dx = A_hᵀ · dy · A_w.
  grad: (b, { inputs: [x], attributes: { outputShape } }, outputGradients) => {
    const sizes = x.type.shape.slice(2).map(Number);
    const dx = sizes.reduce((gradient, size, axis) => {
      const matrix = Array.from(transpose(averagingMatrix(size, at(outputShape, axis))).data, Number);
      return b.add("matMulAxis", `dx_axis${axis}`, [gradient], { axis: axis + 2, rows: size, matrix });
    }, onlyGradient(outputGradients));
    return [dx];
  },

  lower: (site, { outputShape }) => {
    const sizes = site.inputTypes[0].shape.slice(2).map(Number);
    const rows = site.constant("rows", averagingMatrix(at(sizes, 0), at(outputShape, 0)));
    const columns = site.constant("columns", transpose(averagingMatrix(at(sizes, 1), at(outputShape, 1))));
    const averaged = site.inner("columns_averaged");
    return [
      { opType: "MatMul", inputs: [...site.inputs, columns], outputs: [averaged], attributes: {} },
      { opType: "MatMul", inputs: [rows, averaged], outputs: site.outputs, attributes: {} },
    ];
  },

  macs: () => 0,
  window: () => "all",
};

/** [o, n]: row i holds 1/width at the positions of window i. */
function averagingMatrix(size: number, outputSize: number): Tensor {
  const data = new Float32Array(outputSize * size);
  for (let i = 0; i < outputSize; i++) {
    const start = Math.floor((i * size) / outputSize);
    const end = Math.ceil(((i + 1) * size) / outputSize);
    data.fill(1 / (end - start), i * size + start, i * size + end);
  }
  return float32Tensor([outputSize, size], data);
}

function transpose(matrix: Tensor): Tensor {
  const [rows, columns] = [at(matrix.shape, 0), at(matrix.shape, 1)];
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[j * rows + i] = Number(matrix.data[i * columns + j]);
  return float32Tensor([columns, rows], data);
}

declare module "./op.js" {
  interface Ops {
    readonly adaptiveAveragePool: typeof adaptiveAveragePool;
  }
}
