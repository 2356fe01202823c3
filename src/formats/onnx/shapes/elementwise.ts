/** Operators that compute each element of their result from one element of each input. */

import { elementCount } from "../../../tensor/tensor.js";
import { dtypeOfCode } from "../data-type.js";
import type { OnnxDType } from "../types.js";
import { broadcast, computed, constant, type Inferred, MAX_NUMBERS, type NodeView, type Rule, shown, type Value } from "./value.js";

/** The elements of a result from those of the inputs; not finite or not exact means not known. */
type Fold = (...numbers: readonly number[]) => number;

/** As the first input. */
export function sameAsInput(node: NodeView): Inferred {
  const { dtype, shape } = node.input(0);
  return { outputs: [computed(dtype, shape)] };
}

/** As the first input, with elements that are known where the input's are. */
export function unary(fold: Fold): Rule {
  return (node) => {
    const x = node.input(0);
    return { outputs: [folded(x.dtype, x.shape, [x], fold)] };
  };
}

/** Broadcast inputs of one type. */
export function broadcasting(fold?: Fold): Rule {
  return (node) => {
    const inputs = sameTypes(node);
    const [{ dtype } = node.input(0)] = inputs;
    return { outputs: [folded(dtype, broadcastShape(node, inputs), inputs, fold)] };
  };
}

/** Broadcast inputs of one type, compared or combined to bool. */
export function predicate(fold?: Fold): Rule {
  return (node) => {
    const inputs = sameTypes(node);
    return { outputs: [folded("bool", broadcastShape(node, inputs), inputs, fold)] };
  };
}

/** Of any type to bool. */
export function test(node: NodeView): Inferred {
  return { outputs: [computed("bool", node.input(0).shape)] };
}

/** Base and exponent may be of different types. */
export function power(node: NodeView): Inferred {
  const inputs = [node.input(0), node.input(1)];
  return { outputs: [computed(node.input(0).dtype, broadcastShape(node, inputs))] };
}

/**
 * Division and remainder. Of 32 and 64-bit integers the smallest by −1 does not fit its type; ONNX Runtime 1.30 computes
 * it all the same, and the processor ends the process. So the divisor must be known, and not be −1.
 */
export function division(fold: Fold): Rule {
  const rule = broadcasting(fold);
  return (node) => {
    const [{ dtype }, divisor] = [node.input(0), node.input(1)];
    const inDoubles = node.op === "Mod" && node.int("fmod", 0) === 1;
    if ((dtype === "int32" || dtype === "int64") && !inDoubles) {
      const { numbers } = divisor;
      if (numbers === null) return node.fail("divides integers by values that depend on data, of which -1 can end the process");
      if (numbers.some((number) => number === 0 || number === -1)) node.fail("divides integers by 0 or -1");
    }
    return rule(node);
  };
}

/** The sign is the divisor's, or with `fmod` the dividend's. */
export function remainder(node: NodeView): Inferred {
  const fold: Fold = node.int("fmod", 0) === 1 ? (a = 0, b = 1) => a % b : (a = 0, b = 1) => ((a % b) + b) % b;
  return division(fold)(node);
}

export function where(node: NodeView): Inferred {
  const [condition, x, y] = [node.input(0), node.input(1), node.input(2)];
  if (condition.dtype !== "bool") node.fail(`has condition ${shown(condition)}, expected bool`);
  if (x.dtype !== y.dtype) node.fail(`has inputs ${shown(x)} and ${shown(y)}, expected one type`);
  const inputs = [condition, x, y];
  const output = folded(x.dtype, broadcastShape(node, inputs), inputs, (which = 0, a = 0, b = 0) => (which === 0 ? b : a));
  // The runtime selects each side into a tensor of its own.
  return { outputs: [output], scratch: 2 * elementCount(output.shape) * 8 };
}

/** The slope is broadcast to the input, not the other way round. */
export function slope(node: NodeView): Inferred {
  const [x, factor] = [node.input(0), node.input(1)];
  const shape = broadcast([x.shape, factor.shape]);
  if (shape === null || elementCount(shape) !== elementCount(x.shape)) node.fail(`cannot broadcast slope ${shown(factor)} to ${shown(x)}`);
  return { outputs: [computed(x.dtype, x.shape)] };
}

/** Bounds are attributes before operator set 11, then scalars. */
export function clip(node: NodeView): Inferred {
  const x = node.input(0);
  for (const bound of [node.optional(1), node.optional(2)]) {
    if (bound !== null && (elementCount(bound.shape) !== 1 || bound.dtype !== x.dtype))
      node.fail(`has bound ${shown(bound)}, expected a scalar of ${x.dtype}`);
  }
  return { outputs: [computed(x.dtype, x.shape)] };
}

const INTEGERS: readonly OnnxDType[] = ["int32", "int64"];

export function cast(node: NodeView): Inferred {
  const x = node.input(0);
  const dtype = dtypeOfCode(node.int("to", 0));
  if (dtype === null || dtype === "string" || dtype.startsWith("complex"))
    node.fail(`casts to type ${node.int("to", 0)}, expected numbers or bool`);
  const fold = (number = 0) => (dtype === "bool" ? Number(number !== 0) : number);
  return { outputs: [folded(dtype, x.shape, [x], fold)] };
}

/** The mask is of bool; the ratio and the flag are scalars. */
export function dropout(node: NodeView): Inferred {
  const { dtype, shape, numbers } = node.input(0);
  const training = node.optional(2);
  if (training !== null && training.numbers?.[0] !== 0)
    node.fail("drops values as in training, expected training_mode to be constant and false");
  return { outputs: [{ dtype, shape, numbers }, computed("bool", shape)].slice(0, node.outputs) };
}

function sameTypes(node: NodeView): readonly Value[] {
  const inputs = node.inputs.map((_, index) => node.input(index));
  const [first] = inputs;
  const other = inputs.find(({ dtype }) => dtype !== first?.dtype);
  if (first && other) node.fail(`has inputs ${shown(first)} and ${shown(other)}, expected one type`);
  return inputs;
}

function broadcastShape(node: NodeView, inputs: readonly Value[]): readonly number[] {
  return broadcast(inputs.map(({ shape }) => shape)) ?? node.fail(`cannot broadcast ${inputs.slice(0, 4).map(shown).join(", ")}`);
}

/** Shapes are computed of two or three values; a file may list a hundred thousand. */
const MAX_FOLDED_INPUTS = 8;

/** Types whose arithmetic is repeated here exactly. */
const FOLDED: readonly OnnxDType[] = [...INTEGERS, "float32", "float64", "bool"];

/**
 * A result with its elements, where all those of the inputs are known and the arithmetic is exact: integers that their
 * type and a number hold, floats rounded as the runtime does.
 */
function folded(dtype: OnnxDType, shape: readonly number[], inputs: readonly Value[], fold: Fold | undefined): Value {
  const known = inputs.length <= MAX_FOLDED_INPUTS && inputs.every(({ numbers, dtype: type }) => numbers !== null && FOLDED.includes(type));
  if (fold === undefined || !known || !FOLDED.includes(dtype) || elementCount(shape) > MAX_NUMBERS) return computed(dtype, shape);
  const places = inputs.map((input) => sourcePlaces(input.shape, shape));
  const numbers = Array.from({ length: elementCount(shape) }, (_, at) =>
    rounded(dtype, fold(...inputs.map(({ numbers: given }, index) => given?.[places[index]?.[at] ?? 0] ?? 0))),
  );
  const exact = numbers.every((number) => number !== null) && inputs.every(isExact);
  return constant(dtype, shape, exact ? numbers.filter((number) => number !== null) : null);
}

function isExact({ numbers }: Value): boolean {
  return numbers?.every((number) => !Number.isInteger(number) || Number.isSafeInteger(number)) ?? false;
}

function rounded(dtype: OnnxDType, number: number): number | null {
  const value = dtype === "float32" ? Math.fround(number) : INTEGERS.includes(dtype) ? Math.trunc(number) : number;
  if (!Number.isFinite(value)) return null;
  if (dtype === "int32") return Math.abs(value) < 2 ** 31 ? value : null;
  return !Number.isInteger(value) || Number.isSafeInteger(value) ? value : null;
}

/** For each element of a broadcast shape the place in the input that it comes from. */
function sourcePlaces(from: readonly number[], to: readonly number[]): readonly number[] {
  let places: readonly number[] = [0];
  let step = 1;
  // From the last axis to the first: each repeats what the axes after it made.
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const size = from[axis - to.length + from.length] ?? 1;
    const inner = places;
    const stride = size === 1 ? 0 : step;
    places = Array.from({ length: to[axis] ?? 1 }, (_, index) => inner.map((place) => place + index * stride)).flat();
    step *= size;
  }
  return places;
}
