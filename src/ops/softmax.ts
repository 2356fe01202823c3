import { checkAxis, checkFloats } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef } from "./op.js";

export interface SoftmaxAttributes {
  readonly [name: string]: number;
  /** The axis along which the result sums to 1. */
  readonly axis: number;
}

export const softmax: OpDef<SoftmaxAttributes> = {
  doc: "x of any shape → exp(x) / Σ exp(x) along `axis`; the maximum is subtracted first, so that nothing overflows.",
  operands: exactly(1),
  infer: ([x], { axis }, site) => {
    checkFloats([x], site);
    checkAxis(axis, x.shape.length, site);
    return [x];
  },
  // ∂yᵢ/∂xⱼ = yᵢ·(δᵢⱼ − yⱼ), so dxⱼ = Σᵢ dyᵢ·yᵢ·(δᵢⱼ − yⱼ) = yⱼ·(dyⱼ − Σᵢ dyᵢ·yᵢ).
  grad: (b, { outputs: [y], attributes: { axis } }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const weighted = b.add("reduceSum", "weighted", [b.add("mul", "product", [dy, y], {})], { axes: [axis], keepDims: true });
    return [b.add("mul", "dx", [y, b.add("sub", "centred", [dy, weighted], {})], {})];
  },
  lower: (site, { axis }) => [{ opType: "Softmax", inputs: site.inputs, outputs: site.outputs, attributes: { axis: { int: axis } } }],
  macs: () => 0,
  window: () => "all",
};

declare module "./op.js" {
  interface Ops {
    readonly softmax: typeof softmax;
  }
}
