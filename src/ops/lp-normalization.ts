import type { TensorType } from "../tensor/shape.js";
import { float32Tensor } from "../tensor/tensor.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, type Site, shapeError } from "./op.js";

export interface LpNormalizationAttributes {
  readonly [name: string]: number;
  /** The axis whose elements form one vector. */
  readonly axis: number;
  /** The order of the norm; only 2. */
  readonly p: number;
  /** The least divisor, so that a zero vector stays zero. */
  readonly epsilon: number;
}

export const lpNormalization: OpDef<LpNormalizationAttributes> = {
  doc: `x → x / max(‖x‖₂, epsilon) along \`axis\` (PyTorch's normalize). ONNX's own LpNormalization has no epsilon and no
WebGPU kernel, so it is lowered as ReduceL2, Max and Div.`,
  operands: exactly(1),
  infer: ([x], attributes, site) => {
    checkLpNormalization(x, attributes, site);
    return [x];
  },
  // Derived at lpNormalizationGradient.
  grad: (b, { inputs: [x], attributes }, outputGradients) => [
    b.add("lpNormalizationGradient", "dx", [x, onlyGradient(outputGradients)], attributes),
  ],
  lower: (site, { axis, epsilon }) => {
    const [norm, divisor] = [site.inner("norm"), site.inner("divisor")];
    const least = site.constant("epsilon", float32Tensor([], Float32Array.of(epsilon)));
    const axes = site.constant("axes", { dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(axis)) });
    return [
      { opType: "ReduceL2", inputs: [...site.inputs, axes], outputs: [norm], attributes: { keepdims: { int: 1 } } },
      { opType: "Max", inputs: [norm, least], outputs: [divisor], attributes: {} },
      { opType: "Div", inputs: [...site.inputs, divisor], outputs: site.outputs, attributes: {} },
    ];
  },
  macs: () => 0,
  window: () => "all",
};

/** Throws where the attributes do not fit x: the law that the gradient obeys too. */
export function checkLpNormalization(x: TensorType, { axis, p, epsilon }: LpNormalizationAttributes, site: Site): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= x.shape.length)
    throw shapeError(site, `axis ${axis} must be an integer from 0 to ${x.shape.length - 1}`);
  if (p !== 2) throw shapeError(site, `p ${p} must be 2`);
  if (!(epsilon > 0)) throw shapeError(site, `epsilon ${epsilon} must be positive`);
}

declare module "./op.js" {
  interface Ops {
    readonly lpNormalization: typeof lpNormalization;
  }
}
