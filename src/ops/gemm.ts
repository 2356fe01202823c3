import { at } from "../tensor/at.js";
import { formatShape } from "../tensor/shape.js";
import { onlyGradient } from "./kit/gradient.js";
import { concrete, type LayerOperands, layerOperands, type NoAttributes, type OpDef, shapeError } from "./op.js";

export const gemm: OpDef<NoAttributes, LayerOperands> = {
  doc: "A linear layer: x [N, C], w [M, C], optional bias [M] → x·wᵀ + bias, [N, M].",
  operands: layerOperands,
  infer: ([x, w, bias], _attributes, site) => {
    if (x.shape.length !== 2 || w.shape.length !== 2) {
      throw shapeError(site, `expected x [N, C] and w [M, C], got ${formatShape(x.shape)} and ${formatShape(w.shape)}`);
    }
    const features = concrete(x.shape[1], "number of features", site);
    const outFeatures = concrete(w.shape[0], "number of outputs", site);
    if (w.shape[1] !== features)
      throw shapeError(site, `input has ${features} features, weight ${formatShape(w.shape)} expects ${w.shape[1]}`);
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outFeatures)) {
      throw shapeError(site, `bias ${formatShape(bias.shape)} must be [${outFeatures}]`);
    }
    return [{ dtype: x.dtype, shape: [at(x.shape, 0), outFeatures] }];
  },
  // Y = X·Wᵀ + 1·biasᵀ, so dX = dY·W, dW = dYᵀ·X, and the bias, which every row has, gets the sum of all rows of dY.
  grad: (b, { inputs: [x, w], needed }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    return [
      needed[0] ? b.add("matMul", "dx", [dy, w], { transposeA: false, transposeB: false }) : null,
      needed[1] ? b.add("matMul", "dw", [dy, x], { transposeA: true, transposeB: false }) : null,
      needed[2] ? b.add("reduceSum", "dbias", [dy], { axes: [0], keepDims: false }) : null,
    ];
  },
  lower: (site) => [
    {
      opType: "Gemm",
      inputs: site.inputs,
      outputs: site.outputs,
      attributes: { alpha: { float: 1 }, beta: { float: 1 }, transA: { int: 0 }, transB: { int: 1 } },
    },
  ],
  macs: ([, w]) => w.shape.reduce<number>((product, dim) => product * Number(dim), 1),
  window: () => "all",
};

declare module "./op.js" {
  interface Ops {
    readonly gemm: typeof gemm;
  }
}
