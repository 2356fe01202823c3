import { at } from "../tensor/at.js";
import { type Dim, formatShape } from "../tensor/shape.js";
import { onlyGradient } from "./kit/gradient.js";
import { nodeList } from "./kit/lowering.js";
import { type Join, joinAtOnce } from "./kit/shader-buffers.js";
import { atLeastOne, concrete, type Form, type OpDef, type Operands, POINTWISE, shapeError } from "./op.js";

interface ConcatAttributes {
  readonly [name: string]: number;
  /** The axis along which the inputs are joined; 1 for channels. */
  readonly axis: number;
}

export const concat: OpDef<ConcatAttributes, Operands> = {
  doc: "Inputs that agree on every other axis, joined along `axis` in order.",
  operands: atLeastOne,
  infer: (inputs, { axis }, site) => {
    const first = at(inputs, 0);
    if (!Number.isInteger(axis) || axis < 0 || axis >= first.shape.length) {
      throw shapeError(site, `axis ${axis} must be an integer from 0 to ${first.shape.length - 1}`);
    }
    for (const { shape } of inputs.slice(1)) {
      if (shape.length !== first.shape.length || shape.some((dim, i) => i !== axis && dim !== first.shape[i])) {
        throw shapeError(site, `input ${formatShape(shape)} differs from ${formatShape(first.shape)} on another axis than ${axis}`);
      }
    }
    const joined = inputs.reduce((sum, { shape }) => sum + concrete(shape[axis], `size on axis ${axis}`, site), 0);
    return [{ dtype: first.dtype, shape: first.shape.map((dim, i): Dim => (i === axis ? joined : dim)) }];
  },
  // Every element keeps its value, so the gradient is cut where the inputs were joined.
  grad: (b, { inputs, attributes: { axis }, needed }, outputGradients) => {
    const sizes = inputs.map(({ type }) => Number(type.shape[axis]));
    const parts = b.addAll("split", "dx", [onlyGradient(outputGradients)], { axis, sizes });
    return inputs.map((_, index) => (needed[index] ? at(parts, index) : null));
  },
  lower: concatForm(joinAtOnce),
  ...POINTWISE,
};

/** The form that joins in one way. */
export function concatForm(join: Join): Form<ConcatAttributes, Operands> {
  return (site, { axis }) => {
    const list = nodeList(site);
    join(list, 0, site.inputs, axis);
    return list.nodes;
  };
}

declare module "./op.js" {
  interface Ops {
    readonly concat: typeof concat;
  }
}
