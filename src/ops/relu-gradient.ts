import { formatShape, sameShape } from "../tensor/shape.js";
import { float32Tensor } from "../tensor/tensor.js";
import { checkFloats } from "./kit/axes.js";
import { exactly, type Fixed, type Form, type NoAttributes, type OpDef, POINTWISE, shapeError } from "./op.js";

export const reluGradient: OpDef<NoAttributes, Fixed<2>> = {
  doc: `y, dy of the same shape → dy where y > 0, else 0: the gradient of relu, which is 0 at 0. Lowered as
dy · clip(y · 1e30, 0, 1), several times faster than a comparison: exact for y ≤ 0 and y ≥ 1e-30; a smaller positive y,
subnormal numbers among them, lets only the part y · 1e30 pass. An infinite dy gives NaN where y ≤ 0. Not
differentiable: it is used in backward graphs alone.`,
  operands: exactly(2),
  infer: (inputs, _attributes, site) => {
    const [y, dy] = inputs;
    checkFloats(inputs, site);
    if (!sameShape(y.shape, dy.shape)) throw shapeError(site, `${formatShape(y.shape)} and ${formatShape(dy.shape)} differ`);
    return [dy];
  },
  grad: null,
  lower: (site) => {
    const [y, dy] = site.inputs;
    const mask = site.inner("mask");
    return [
      { opType: "HardSigmoid", inputs: [y], outputs: [mask], attributes: { alpha: { float: 1e30 }, beta: { float: 0 } } },
      { opType: "Mul", inputs: [dy, mask], outputs: site.outputs, attributes: {} },
    ];
  },
  ...POINTWISE,
};

/** The same without HardSigmoid. */
export const reluGradientByClip: Form<NoAttributes, Fixed<2>> = (site) => {
  const [y, dy] = site.inputs;
  const scalar = (name: string, value: number): string => site.constant(name, float32Tensor([], Float32Array.of(value)));
  const [large, mask] = [site.inner("large"), site.inner("mask")];
  return [
    { opType: "Mul", inputs: [y, scalar("factor", 1e30)], outputs: [large], attributes: {} },
    { opType: "Clip", inputs: [large, scalar("zero", 0), scalar("one", 1)], outputs: [mask], attributes: {} },
    { opType: "Mul", inputs: [dy, mask], outputs: site.outputs, attributes: {} },
  ];
};

declare module "./op.js" {
  interface Ops {
    readonly reluGradient: typeof reluGradient;
  }
}
