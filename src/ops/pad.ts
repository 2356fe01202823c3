import type { Dim } from "../tensor/shape.js";
import { float32Tensor } from "../tensor/tensor.js";
import { checkFloats, checkIntegers, int64Vector } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { concrete, exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface PadAttributes {
  readonly [name: string]: number | readonly number[];
  /** ONNX's pads: what is put before each axis, then what is put behind each. */
  readonly pads: readonly number[];
  /** What is put there. */
  readonly value: number;
}

export const pad: OpDef<PadAttributes> = {
  doc: "x with `pads` elements of a constant value before and behind each axis (all begins, then all ends).",
  operands: exactly(1),
  infer: ([x], { pads, value }, site) => {
    checkFloats([x], site);
    const rank = x.shape.length;
    checkIntegers("pads", pads, 2 * rank, 0, site);
    if (!Number.isFinite(value)) throw shapeError(site, `value ${value} must be finite`);
    const shape = x.shape.map((dim, axis): Dim => {
      const added = Number(pads[axis]) + Number(pads[axis + rank]);
      return added === 0 ? dim : concrete(dim, `size on axis ${axis}`, site) + added;
    });
    return [{ dtype: x.dtype, shape }];
  },
  // What was put there is constant; each element of x gets the gradient at its new place.
  grad: (b, { inputs: [x], attributes: { pads } }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const shape = x.type.shape;
    const axes = shape.flatMap((_, axis) => (pads[axis] || pads[axis + shape.length] ? [axis] : []));
    if (axes.length === 0) return [dy];
    const starts = axes.map((axis) => Number(pads[axis]));
    const ends = axes.map((axis) => Number(pads[axis]) + Number(shape[axis]));
    return [b.add("slice", "dx", [dy], { starts, ends, axes, steps: axes.map(() => 1) })];
  },
  lower: (site, { pads, value }) => {
    const constants = [site.constant("pads", int64Vector(pads)), site.constant("value", float32Tensor([], Float32Array.of(value)))];
    return [{ opType: "Pad", inputs: [...site.inputs, ...constants], outputs: site.outputs, attributes: { mode: { string: "constant" } } }];
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly pad: typeof pad;
  }
}
