import { float32Tensor } from "../tensor/tensor.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface ScaleAttributes {
  readonly [name: string]: number;
  readonly factor: number;
}

export const scale: OpDef<ScaleAttributes> = {
  doc: "factor · x, a constant factor for every element: the residual scale. ONNX's Mul by a scalar.",
  operands: exactly(1),
  infer: ([x], { factor }, site) => {
    if (!Number.isFinite(factor)) throw shapeError(site, `factor ${factor} must be finite`);
    return [x];
  },
  // d(f·x)/dx = f.
  grad: (b, { attributes }, outputGradients) => [b.add("scale", "dx", [onlyGradient(outputGradients)], attributes)],
  lower: (site, { factor }) => {
    const constant = site.constant("factor", float32Tensor([], Float32Array.of(factor)));
    return [{ opType: "Mul", inputs: [...site.inputs, constant], outputs: site.outputs, attributes: {} }];
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly scale: typeof scale;
  }
}
