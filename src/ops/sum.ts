import { at } from "../tensor/at.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import { onlyGradient } from "./kit/gradient.js";
import { atLeastOne, type Form, type NoAttributes, type OpDef, type Operands, POINTWISE, shapeError } from "./op.js";

export const sum: OpDef<NoAttributes, Operands> = {
  doc: "The sum of one or more tensors of the same shape.",
  operands: atLeastOne,
  infer: (inputs, _attributes, site) => {
    const first = at(inputs, 0);
    for (const { shape } of inputs.slice(1)) {
      if (!sameShape(shape, first.shape)) throw shapeError(site, `${formatShape(first.shape)} and ${formatShape(shape)} differ`);
    }
    return [first];
  },
  // d(Σ xᵢ)/dxᵢ = 1: each summand gets the gradient of the sum.
  grad: (_b, site, outputGradients) => site.inputs.map(() => onlyGradient(outputGradients)),
  lower: (site) => [{ opType: "Sum", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  ...POINTWISE,
};

/** One Add after the other. */
export const sumByAdditions: Form<NoAttributes, Operands> = (site) => {
  const { inputs, outputs } = site;
  const rest = inputs.slice(1);
  if (rest.length === 0) return [{ opType: "Identity", inputs, outputs, attributes: {} }];
  const totals = rest.map((_, index) => (index === rest.length - 1 ? at(outputs, 0) : site.inner(`sum_${index}`)));
  return rest.map((summand, index) => ({
    opType: "Add",
    inputs: [index === 0 ? at(inputs, 0) : at(totals, index - 1), summand],
    outputs: [at(totals, index)],
    attributes: {},
  }));
};

declare module "./op.js" {
  interface Ops {
    readonly sum: typeof sum;
  }
}
