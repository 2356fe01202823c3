import { float32Tensor } from "../tensor/tensor.js";
import { checkFloats } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface PowAttributes {
  readonly [name: string]: number;
  readonly exponent: number;
}

export const pow: OpDef<PowAttributes> = {
  doc: "x of any shape → x to the power of a constant `exponent`. x must not be negative unless the exponent is whole.",
  operands: exactly(1),
  infer: ([x], { exponent }, site) => {
    checkFloats([x], site);
    if (!Number.isFinite(exponent)) throw shapeError(site, `exponent ${exponent} must be finite`);
    return [x];
  },
  // d(xᵉ)/dx = e·xᵉ⁻¹. For e = 2 that is 2·x.
  grad: (b, { inputs: [x], attributes: { exponent } }, outputGradients) => {
    const power = exponent === 2 ? x : b.add("pow", "power", [x], { exponent: exponent - 1 });
    const product = b.add("mul", "product", [onlyGradient(outputGradients), power], {});
    return [b.add("scale", "dx", [product], { factor: exponent })];
  },
  lower: (site, { exponent }) => {
    // A square as a product: correctly rounded, and the same for negative x in every runtime.
    if (exponent === 2) return [{ opType: "Mul", inputs: [...site.inputs, ...site.inputs], outputs: site.outputs, attributes: {} }];
    const constant = site.constant("exponent", float32Tensor([], Float32Array.of(exponent)));
    return [{ opType: "Pow", inputs: [...site.inputs, constant], outputs: site.outputs, attributes: {} }];
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly pow: typeof pow;
  }
}
