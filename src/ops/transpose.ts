import { at } from "../tensor/at.js";
import type { Dim } from "../tensor/shape.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface TransposeAttributes {
  readonly [name: string]: readonly number[];
  /** Axis i of the result is axis perm[i] of x. */
  readonly perm: readonly number[];
}

export const transpose: OpDef<TransposeAttributes> = {
  doc: "x with its axes reordered: axis i of the result is axis perm[i] of x.",
  operands: exactly(1),
  infer: ([x], { perm }, site) => {
    const rank = x.shape.length;
    if (perm.length !== rank || x.shape.some((_, axis) => !perm.includes(axis))) {
      throw shapeError(site, `perm [${perm.join(", ")}] must contain each of 0 to ${rank - 1} once`);
    }
    return [{ dtype: x.dtype, shape: perm.map((axis): Dim => at(x.shape, axis)) }];
  },
  // Every element moves, so its gradient moves back: the inverse permutation.
  grad: (b, { attributes: { perm } }, outputGradients) => [
    b.add("transpose", "dx", [onlyGradient(outputGradients)], { perm: perm.map((_, axis) => perm.indexOf(axis)) }),
  ],
  lower: (site, { perm }) => [{ opType: "Transpose", inputs: site.inputs, outputs: site.outputs, attributes: { perm: { ints: perm } } }],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly transpose: typeof transpose;
  }
}
