/** What ops say about axes, sizes and lists of whole numbers: checks, and the constants that ONNX takes them as. */
import { formatShape, type Shape, type TensorType } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type GradientBuilder, type Ref, type Site, shapeError } from "../op.js";

/** Throws unless `axis` counts an axis of a tensor of that rank from 0. */
export function checkAxis(axis: number, rank: number, site: Site): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < rank) return;
  throw shapeError(site, `axis ${axis} must be an integer from 0 to ${rank - 1}`);
}

/** Throws unless `axes` are at least one axis of a tensor of that rank, each once and in increasing order. */
export function checkAxes(axes: readonly number[], rank: number, site: Site): void {
  const increasing = axes.every((axis, index) => index === 0 || axis > Number(axes[index - 1]));
  if (axes.length > 0 && increasing && axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank)) return;
  throw shapeError(site, `axes [${axes.join(", ")}] must be one or more increasing integers from 0 to ${rank - 1}`);
}

/** Throws unless `values` are `length` integers of at least `least`. */
export function checkIntegers(name: string, values: readonly number[], length: number, least: number, site: Site): void {
  if (values.length === length && values.every((value) => Number.isInteger(value) && value >= least)) return;
  const bound = Number.isFinite(least) ? ` of at least ${least}` : "";
  throw shapeError(site, `${name} [${values.join(", ")}] must be ${length} integers${bound}`, { [name]: values });
}

/** Throws unless all elements are float32: what laws with real numbers ask for. */
export function checkFloats(inputs: readonly TensorType[], site: Site): void {
  const wrong = inputs.find(({ dtype }) => dtype !== "float32");
  if (wrong) throw shapeError(site, `expected float32 elements, got ${wrong.dtype}`);
}

/** Whole numbers as ONNX takes axes, shapes and bounds: a vector of int64. */
export function int64Vector(values: readonly number[]): Tensor {
  return { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** Nodes that give `x` another shape; none where it has it already. Sizes without a number must keep their axis. */
export function reshapeTo(b: GradientBuilder, name: string, x: Ref, shape: Shape): Ref {
  const from = x.type.shape;
  if (from.length === shape.length && from.every((dim, axis) => dim === shape[axis])) return x;
  const sizes = shape.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    if (from[axis] === dim) return 0;
    throw new RangeError(`Cannot reshape ${formatShape(from)} to ${formatShape(shape)}: "${dim}" changes its axis`);
  });
  return b.add("reshape", name, [x], { shape: sizes });
}
