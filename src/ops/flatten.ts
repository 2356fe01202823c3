import { at } from "../tensor/at.js";
import { reshapeTo } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { concrete, exactly, type NoAttributes, type OpDef, POINTWISE } from "./op.js";

export const flatten: OpDef<NoAttributes> = {
  doc: "x [N, …] → [N, product of the rest], in row-major (C, H, W) order.",
  operands: exactly(1),
  infer: ([x], _attributes, site) => {
    const features = x.shape.slice(1).reduce<number>((product, dim, axis) => product * concrete(dim, `size ${axis + 1}`, site), 1);
    return [{ dtype: x.dtype, shape: [at(x.shape, 0), features] }];
  },
  // Every element keeps its place in row-major order, so its gradient does.
  grad: (b, { inputs: [x] }, outputGradients) => [reshapeTo(b, "dx", onlyGradient(outputGradients), x.type.shape)],
  lower: (site) => [{ opType: "Flatten", inputs: site.inputs, outputs: site.outputs, attributes: { axis: { int: 1 } } }],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly flatten: typeof flatten;
  }
}
