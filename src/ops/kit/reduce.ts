/** What reductions over axes share. */
import type { Dim } from "../../tensor/shape.js";
import { exactly, type Fixed, type GradientBuilder, type GradientRule, type GradientSite, type OpDef, type Ref } from "../op.js";
import { checkAxes, checkFloats, int64Vector, reshapeTo } from "./axes.js";
import { onlyGradient } from "./gradient.js";

export interface ReduceAttributes {
  readonly [name: string]: boolean | readonly number[];
  /** The axes that are reduced, increasing. */
  readonly axes: readonly number[];
  /** Whether they stay, with size 1. */
  readonly keepDims: boolean;
}

/** A reduction of float32 elements over `axes`. */
export function reduceOp(opType: string, doc: string, grad: GradientRule<ReduceAttributes> | null): OpDef<ReduceAttributes> {
  return {
    doc: `${doc} The axes are left out, or stay with size 1 where \`keepDims\` is true.`,
    operands: exactly(1),
    infer: ([x], { axes, keepDims }, site) => {
      checkFloats([x], site);
      checkAxes(axes, x.shape.length, site);
      const shape = x.shape.flatMap((dim, axis): readonly Dim[] => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
      return [{ dtype: x.dtype, shape }];
    },
    grad,
    lower: (site, { axes, keepDims }) => [
      {
        opType,
        inputs: [...site.inputs, site.constant("axes", int64Vector(axes))],
        outputs: site.outputs,
        attributes: { keepdims: { int: keepDims ? 1 : 0 } },
      },
    ],
    macs: () => 0,
    window: () => "all",
  };
}

/** The gradient of the result, copied along the reduced axes to the shape of the input: the adjoint of a sum. */
export function spreadGradient(
  b: GradientBuilder,
  site: GradientSite<ReduceAttributes, Fixed<1>, Fixed<1>>,
  outputGradients: readonly (Ref | null)[],
): Ref {
  const { axes } = site.attributes;
  const shape = site.inputs[0].type.shape;
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const column = reshapeTo(b, "column", onlyGradient(outputGradients), kept);
  return b.add("expand", "spread", [column], { shape: shape.map((dim, axis) => (axes.includes(axis) ? Number(dim) : 1)) });
}
