import type { NoAttributes } from "./global-average-pool.js";
import { exactly, type OpDef, POINTWISE } from "./op.js";

export const relu: OpDef<NoAttributes> = {
  doc: "x of any shape → max(x, 0).",
  infer: (inputs, _attributes, site) => exactly(1, inputs, site),
  grad: null,
  lower: (site) => [{ opType: "Relu", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  ...POINTWISE,
};
