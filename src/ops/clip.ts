import { float32Tensor } from "../tensor/tensor.js";
import { checkFloats } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface ClipAttributes {
  readonly [name: string]: number;
  readonly min: number;
  readonly max: number;
}

export const clip: OpDef<ClipAttributes> = {
  doc: `x of any shape → min(max(x, min), max). The gradient passes strictly between the bounds and is 0 on them and
outside; the bounds are constants and get none.`,
  operands: exactly(1),
  infer: ([x], { min, max }, site) => {
    checkFloats([x], site);
    if (!(Number.isFinite(min) && Number.isFinite(max) && min < max)) {
      throw shapeError(site, `bounds min ${min} and max ${max} must be finite and min < max`);
    }
    return [x];
  },
  // dy where x − min > 0 and max − x > 0: both differences are exact where they are small, so the comparison is.
  grad: (b, { inputs, attributes: { min, max } }, outputGradients) => {
    const bound = (name: string, value: number) => b.add("constant", name, [], { shape: [], values: [value] });
    const above = b.add("sub", "above", [...inputs, bound("min", min)], {});
    const below = b.add("sub", "below", [bound("max", max), ...inputs], {});
    const inner = b.add("reluGradient", "above_min", [above, onlyGradient(outputGradients)], {});
    return [b.add("reluGradient", "dx", [below, inner], {})];
  },
  lower: (site, { min, max }) => {
    const bounds = [min, max].map((value, index) => site.constant(index === 0 ? "min" : "max", float32Tensor([], Float32Array.of(value))));
    return [{ opType: "Clip", inputs: [...site.inputs, ...bounds], outputs: site.outputs, attributes: {} }];
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly clip: typeof clip;
  }
}
