import { at } from "../tensor/at.js";
import type { Dim } from "../tensor/shape.js";
import { checkAxes, checkIntegers, int64Vector } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { concrete, exactly, type GradientBuilder, type OpDef, POINTWISE, type Ref, shapeError } from "./op.js";

interface SliceAttributes {
  readonly [name: string]: readonly number[];
  /** Per axis, the first index that is taken. */
  readonly starts: readonly number[];
  /** Per axis, the first index that is not taken any more. */
  readonly ends: readonly number[];
  /** The axes that are sliced, increasing; the others stay whole. */
  readonly axes: readonly number[];
  /** Per axis, the distance between indices; negative goes backwards. */
  readonly steps: readonly number[];
}

export const slice: OpDef<SliceAttributes> = {
  doc: `Elements start, start + step, … before end along each of \`axes\`, as in Python and ONNX: negative starts and ends
count from the end of the axis, both are clamped to it, and a negative step goes backwards (an end of −size − 1 or less
then takes index 0 too).`,

  operands: exactly(1),
  infer: ([x], { starts, ends, axes, steps }, site) => {
    checkAxes(axes, x.shape.length, site);
    for (const [name, values] of Object.entries({ starts, ends, steps })) {
      checkIntegers(name, values, axes.length, Number.NEGATIVE_INFINITY, site);
    }
    if (steps.includes(0)) throw shapeError(site, `steps [${steps.join(", ")}] must not be 0`);
    const shape = x.shape.map((dim, axis): Dim => {
      const index = axes.indexOf(axis);
      if (index < 0) return dim;
      const size = concrete(dim, `size on axis ${axis}`, site);
      const { count } = range(size, at(starts, index), at(ends, index), at(steps, index));
      if (count > 0) return count;
      throw shapeError(
        site,
        `start ${starts[index]}, end ${ends[index]} and step ${steps[index]} take nothing of size ${size} on axis ${axis}`,
      );
    });
    return [{ dtype: x.dtype, shape }];
  },

  // An element that was taken gets the gradient of its copy, all others 0: per axis the gradient is put in increasing
  // order, zeros are set between its elements, and it is padded to the size of x.
  grad: (b, { inputs: [x], attributes: { starts, ends, axes, steps } }, outputGradients) => {
    const shape = x.type.shape;
    const pads = shape.map((): readonly [number, number] => [0, 0]);
    let gradient = onlyGradient(outputGradients);
    for (const [index, axis] of axes.entries()) {
      const step = at(steps, index);
      const size = Number(shape[axis]);
      const { first, count } = range(size, at(starts, index), at(ends, index), step);
      const last = first + (count - 1) * step;
      if (step < 0 && count > 1) gradient = reverse(b, `reversed_${axis}`, gradient, axis);
      if (Math.abs(step) > 1 && count > 1) gradient = dilate(b, `dilated_${axis}`, gradient, axis, Math.abs(step));
      pads[axis] = [Math.min(first, last), size - 1 - Math.max(first, last)];
    }
    const flat = [...pads.map(([begin]) => begin), ...pads.map(([, end]) => end)];
    return [flat.every((pad) => pad === 0) ? gradient : b.add("pad", "dx", [gradient], { pads: flat, value: 0 })];
  },

  lower: (site, { starts, ends, axes, steps }) => {
    const lists = Object.entries({ starts, ends, axes, steps }).map(([name, values]) => site.constant(name, int64Vector(values)));
    return [{ opType: "Slice", inputs: [...site.inputs, ...lists], outputs: site.outputs, attributes: {} }];
  },
  ...POINTWISE,
};

/** The indices that a slice takes of an axis: the first, and how many. */
function range(size: number, start: number, end: number, step: number): { readonly first: number; readonly count: number } {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (index: number): number => Math.min(Math.max(index < 0 ? index + size : index, low), high);
  return { first: clamp(start), count: Math.max(Math.ceil((clamp(end) - clamp(start)) / step), 0) };
}

/** The elements of an axis in reverse order. */
function reverse(b: GradientBuilder, name: string, x: Ref, axis: number): Ref {
  return b.add("slice", name, [x], { starts: [-1], ends: [-Number(x.type.shape[axis]) - 1], axes: [axis], steps: [-1] });
}

/** step − 1 zeros between the elements of an axis: a new axis of size `step` behind it, joined with it, less the last zeros. */
function dilate(b: GradientBuilder, name: string, x: Ref, axis: number, step: number): Ref {
  const { shape } = x.type;
  const count = Number(shape[axis]);
  // Sizes without a number can only be kept on their own axis, before the one that is split.
  const before = shape.slice(0, axis).map(() => 0);
  const after = shape.slice(axis + 1).map(Number);
  const column = b.add("reshape", `${name}_column`, [x], { shape: [...before, count, 1, ...after] });
  const rank = shape.length + 1;
  const pads = Array.from({ length: 2 * rank }, (_, index) => (index === rank + axis + 1 ? step - 1 : 0));
  const padded = b.add("pad", `${name}_padded`, [column], { pads, value: 0 });
  const joined = b.add("reshape", `${name}_joined`, [padded], { shape: [...before, count * step, ...after] });
  return b.add("slice", name, [joined], { starts: [0], ends: [(count - 1) * step + 1], axes: [axis], steps: [1] });
}

declare module "./op.js" {
  interface Ops {
    readonly slice: typeof slice;
  }
}
