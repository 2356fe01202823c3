import { onlyGradient } from "./kit/gradient.js";
import { exactly, type NoAttributes, type OpDef, POINTWISE } from "./op.js";

export const relu: OpDef<NoAttributes> = {
  doc: "x of any shape → max(x, 0). Its gradient at 0 is 0.",
  operands: exactly(1),
  infer: (inputs) => inputs,
  // d max(x, 0)/dx is 1 for x > 0, else 0; y > 0 exactly where x > 0, and y is kept anyway.
  grad: (b, { outputs }, outputGradients) => [b.add("reluGradient", "dx", [...outputs, onlyGradient(outputGradients)], {})],
  lower: (site) => [{ opType: "Relu", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly relu: typeof relu;
  }
}
