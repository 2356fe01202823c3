/** What ops that work element by element share: NumPy's broadcasting and its adjoint, and their definitions but for the formula. */
import { type Dim, formatShape, type Shape } from "../../tensor/shape.js";
import {
  exactly,
  type Fixed,
  type GradientBuilder,
  type GradientRule,
  type NoAttributes,
  type OpDef,
  POINTWISE,
  type Ref,
  type Site,
  shapeError,
} from "../op.js";
import { checkFloats, reshapeTo } from "./axes.js";
import { onlyGradient } from "./gradient.js";

/**
 * The shape of a ∘ b by NumPy's rule: shapes are aligned at their last axes, missing axes count as 1, and sizes on one
 * axis must be equal or one of them 1.
 */
export function broadcastShapes(a: Shape, b: Shape, site: Site): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis): Dim => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw shapeError(
      site,
      `${formatShape(a)} and ${formatShape(b)} do not broadcast: sizes ${left} and ${right} must be equal or one of them 1`,
    );
  });
}

/**
 * The adjoint of broadcasting a value of `shape` to the shape of `gradient`: an element that was used several times gets
 * the sum of what its copies get, so the copied axes are summed.
 */
export function unbroadcast(b: GradientBuilder, name: string, gradient: Ref, shape: Shape): Ref {
  const from = gradient.type.shape;
  const added = from.length - shape.length;
  const axes = from.flatMap((dim, axis) => (axis < added || (shape[axis - added] === 1 && dim !== 1) ? [axis] : []));
  if (axes.length === 0) return gradient;
  // Only axes that were added, or only axes that were stretched: the sum has the shape at once.
  const keepDims = axes.some((axis) => axis >= added);
  return reshapeTo(b, `${name}_shape`, b.add("reduceSum", name, [gradient], { axes, keepDims }), shape);
}

/** An op a ∘ b with broadcasting. */
export function binaryOp(opType: string, doc: string, grad: GradientRule<NoAttributes, Fixed<2>>): OpDef<NoAttributes, Fixed<2>> {
  return {
    doc: `${doc} Shapes broadcast as in NumPy.`,
    operands: exactly(2),
    infer: ([a, b], _attributes, site) => {
      if (a.dtype !== b.dtype) throw shapeError(site, `element types ${a.dtype} and ${b.dtype} differ`);
      return [{ dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape, site) }];
    },
    grad,
    lower: (site) => [{ opType, inputs: site.inputs, outputs: site.outputs, attributes: {} }],
    ...POINTWISE,
  };
}

/**
 * The gradient rule of a binary op from its partial derivatives times the gradient of the result. Each is only built
 * where it is wanted.
 */
export function binaryGradient(
  left: (b: GradientBuilder, operands: BinaryOperands) => Ref,
  right: (b: GradientBuilder, operands: BinaryOperands) => Ref,
): GradientRule<NoAttributes, Fixed<2>> {
  return (b, { inputs: [first, second], outputs: [y], needed }, outputGradients) => {
    const operands = { a: first, b: second, y, dy: onlyGradient(outputGradients) };
    return [
      needed[0] ? unbroadcast(b, "da_sum", left(b, operands), first.type.shape) : null,
      needed[1] ? unbroadcast(b, "db_sum", right(b, operands), second.type.shape) : null,
    ];
  };
}

interface BinaryOperands {
  readonly a: Ref;
  readonly b: Ref;
  /** The result. */
  readonly y: Ref;
  /** Its gradient. */
  readonly dy: Ref;
}

/** An op on each element of one float32 tensor; `derivative` builds dx out of x, y and dy. */
export function unaryOp(
  opType: string,
  doc: string,
  derivative: (b: GradientBuilder, operands: { readonly x: Ref; readonly y: Ref; readonly dy: Ref }) => Ref,
): OpDef<NoAttributes> {
  return {
    doc,
    operands: exactly(1),
    infer: ([x], _attributes, site) => {
      checkFloats([x], site);
      return [x];
    },
    grad: (b, { inputs: [x], outputs: [y] }, outputGradients) => [derivative(b, { x, y, dy: onlyGradient(outputGradients) })],
    lower: (site) => [{ opType, inputs: site.inputs, outputs: site.outputs, attributes: {} }],
    ...POINTWISE,
  };
}
