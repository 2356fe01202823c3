import { checkAxis, checkFloats, int64Vector } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type Form, type OpDef } from "./op.js";
import type { SoftmaxAttributes } from "./softmax.js";

export const logSoftmax: OpDef<SoftmaxAttributes> = {
  doc: "x of any shape → x − max − ln Σ exp(x − max) along `axis`: the logarithm of softmax without its underflow.",
  operands: exactly(1),
  infer: ([x], { axis }, site) => {
    checkFloats([x], site);
    checkAxis(axis, x.shape.length, site);
    return [x];
  },
  // ∂yᵢ/∂xⱼ = δᵢⱼ − softmax(x)ⱼ, so dxⱼ = dyⱼ − exp(yⱼ)·Σᵢ dyᵢ.
  grad: (b, { outputs, attributes: { axis } }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const total = b.add("reduceSum", "total", [dy], { axes: [axis], keepDims: true });
    const share = b.add("mul", "share", [b.add("exp", "softmax", outputs, {}), total], {});
    return [b.add("sub", "dx", [dy, share], {})];
  },
  lower: (site, { axis }) => [{ opType: "LogSoftmax", inputs: site.inputs, outputs: site.outputs, attributes: { axis: { int: axis } } }],
  macs: () => 0,
  window: () => "all",
};

/** Step by step, as the formula is. */
export const logSoftmaxByParts: Form<SoftmaxAttributes> = (site, { axis }) => {
  const [x] = site.inputs;
  const axes = site.constant("axes", int64Vector([axis]));
  const keepdims = { keepdims: { int: 1 } };
  const [max, shifted, exponentials] = [site.inner("max"), site.inner("shifted"), site.inner("exponentials")];
  const [total, log] = [site.inner("total"), site.inner("log")];
  return [
    { opType: "ReduceMax", inputs: [x, axes], outputs: [max], attributes: keepdims },
    { opType: "Sub", inputs: [x, max], outputs: [shifted], attributes: {} },
    { opType: "Exp", inputs: [shifted], outputs: [exponentials], attributes: {} },
    { opType: "ReduceSum", inputs: [exponentials, axes], outputs: [total], attributes: keepdims },
    { opType: "Log", inputs: [total], outputs: [log], attributes: {} },
    { opType: "Sub", inputs: [shifted, log], outputs: site.outputs, attributes: {} },
  ];
};

declare module "./op.js" {
  interface Ops {
    readonly logSoftmax: typeof logSoftmax;
  }
}
