import { checkFloats } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface LeakyReluAttributes {
  readonly [name: string]: number;
  /** The slope below 0. */
  readonly alpha: number;
}

export const leakyRelu: OpDef<LeakyReluAttributes> = {
  doc: "x of any shape → x where x > 0, else alpha · x.",
  operands: exactly(1),
  infer: ([x], { alpha }, site) => {
    checkFloats([x], site);
    if (!Number.isFinite(alpha)) throw shapeError(site, `alpha ${alpha} must be finite`);
    return [x];
  },
  // dy where x > 0, else alpha·dy; that is alpha·dy + (1 − alpha)·(dy where x > 0). At 0 it is alpha·dy, as in PyTorch.
  grad: (b, { inputs, attributes: { alpha } }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const above = b.add("reluGradient", "above", [...inputs, dy], {});
    const rest = b.add("scale", "rest", [above], { factor: 1 - alpha });
    return [b.add("add", "dx", [b.add("scale", "leak", [dy], { factor: alpha }), rest], {})];
  },
  lower: (site, { alpha }) => [
    { opType: "LeakyRelu", inputs: site.inputs, outputs: site.outputs, attributes: { alpha: { float: alpha } } },
  ],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly leakyRelu: typeof leakyRelu;
  }
}
