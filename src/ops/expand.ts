import { checkIntegers, int64Vector } from "./kit/axes.js";
import { broadcastShapes, unbroadcast } from "./kit/elementwise.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE } from "./op.js";

interface ExpandAttributes {
  readonly [name: string]: readonly number[];
  /** Sizes to broadcast to; 1 keeps the size of x. */
  readonly shape: readonly number[];
}

export const expand: OpDef<ExpandAttributes> = {
  doc: "x copied along axes of size 1 to the broadcast of its shape with `shape`, where 1 keeps the size of x (also one without a number).",
  operands: exactly(1),
  infer: ([x], { shape }, site) => {
    checkIntegers("shape", shape, shape.length, 1, site);
    return [{ dtype: x.dtype, shape: broadcastShapes(x.shape, shape, site) }];
  },
  // An element gets the sum of what its copies get.
  grad: (b, { inputs: [x] }, outputGradients) => [unbroadcast(b, "dx", onlyGradient(outputGradients), x.type.shape)],
  lower: (site, { shape }) => [
    { opType: "Expand", inputs: [...site.inputs, site.constant("shape", int64Vector(shape))], outputs: site.outputs, attributes: {} },
  ],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly expand: typeof expand;
  }
}
