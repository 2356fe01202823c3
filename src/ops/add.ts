import { formatShape, sameShape } from "../tensor/shape.js";
import type { NoAttributes } from "./global-average-pool.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

export const add: OpDef<NoAttributes> = {
  doc: "a + b, two tensors of the same shape.",
  infer: (inputs, _attributes, site) => {
    const [a, b] = exactly(2, inputs, site);
    if (!sameShape(a.shape, b.shape)) throw shapeError(site, `${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
    return [a];
  },
  grad: null,
  lower: (site) => [{ opType: "Add", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  ...POINTWISE,
};
