/** Operators that only arrange elements: reshapes, joins, parts, and the constants that shapes are computed from. */
import { isDType, viewBytes } from "../../../tensor/dtype.js";
import { elementCount } from "../../../tensor/tensor.js";
import { MAX_RANK } from "../decode-tensor.js";
import type { OnnxDType, OnnxTensor } from "../types.js";
import { broadcast, computed, constant, type Inferred, MAX_NUMBERS, type NodeView, shown, type Value } from "./value.js";

export function identity(node: NodeView): Inferred {
  return { outputs: [node.input(0)] };
}

export function constantOf(node: NodeView): Inferred {
  const given = ["value", "value_float", "value_floats", "value_int", "value_ints"].flatMap((name) => node.attribute(name) ?? []);
  const [attribute] = given;
  if (attribute === undefined || given.length > 1) node.fail(`has ${given.length} values, expected one`);
  if (attribute.type === "tensor") return { outputs: [valueOfTensor(attribute.value)] };
  if (attribute.type === "float") return { outputs: [constant("float32", [], [attribute.value])] };
  if (attribute.type === "int") return { outputs: [constant("int64", [], [Number(attribute.value)])] };
  if (attribute.type === "floats") return { outputs: [constant("float32", [attribute.value.length], attribute.value)] };
  if (attribute.type === "ints") return { outputs: [constant("int64", [attribute.value.length], attribute.value.map(Number))] };
  return node.fail(`has a value of type ${attribute.type}, expected numbers`);
}

/** A tensor, or only its type. */
export type TypedTensor = Pick<OnnxTensor, "dtype" | "shape"> & Partial<OnnxTensor>;

/** Types whose elements decide sizes somewhere; bit patterns of half floats are no numbers. */
const NUMERIC: ReadonlySet<OnnxDType> = new Set(["bool", "float32", "float64", "int32", "int64", "int8", "uint8"]);

/** The type of a tensor, with its elements where they are few. */
export function valueOfTensor({ dtype, shape, data, external }: TypedTensor): Value {
  const few = data !== undefined && external === undefined && elementCount(shape) <= MAX_NUMBERS;
  const numbers = few && NUMERIC.has(dtype) && isDType(dtype) ? Array.from(viewBytes(dtype, data), Number) : null;
  return { dtype, shape: [...shape], numbers };
}

export function shapeOf(node: NodeView): Inferred {
  const { shape } = node.input(0);
  const numbers = shape.slice(node.int("start", 0), node.attribute("end") === null ? undefined : node.int("end", 0));
  return { outputs: [constant("int64", [numbers.length], numbers)] };
}

export function reshape(node: NodeView): Inferred {
  const [x, sizes] = [node.input(0), node.numbers(1)];
  const misfit = (): never => node.fail(`cannot reshape ${shown(x)} to [${sizes.join(", ")}]`);
  const kept = sizes.map((size, axis) => (size === 0 && node.int("allowzero", 0) === 0 ? (x.shape[axis] ?? misfit()) : size));
  if (kept.some((size) => size < -1) || kept.filter((size) => size === -1).length > 1) misfit();
  const known = elementCount(kept.filter((size) => size !== -1));
  const rest = known === 0 ? 0 : elementCount(x.shape) / known;
  const shape = kept.map((size) => (size === -1 ? rest : size));
  if (!Number.isInteger(rest) || elementCount(shape) !== elementCount(x.shape)) misfit();
  return arranged(x, shape);
}

export function flatten(node: NodeView): Inferred {
  const x = node.input(0);
  const given = node.int("axis", 1);
  const axis = given === x.shape.length ? given : node.axis(given, Math.max(1, x.shape.length));
  return arranged(x, [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis))]);
}

export function transpose(node: NodeView): Inferred {
  const x = node.input(0);
  const rank = x.shape.length;
  const order = node.axes(node.ints("perm") ?? x.shape.map((_, axis) => rank - 1 - axis), rank);
  if (order.length !== rank) node.fail(`has perm [${order.join(", ")}], expected ${rank} axes`);
  const shape = order.map((axis) => x.shape[axis] ?? 0);
  return { outputs: [constant(x.dtype, shape, rank <= 1 ? x.numbers : null)] };
}

/** Axes are an attribute before operator set 13, then an input. */
export function squeeze(node: NodeView): Inferred {
  const x = node.input(0);
  const given = node.ints("axes") ?? node.optionalNumbers(1);
  const axes = given === null ? x.shape.flatMap((size, axis) => (size === 1 ? [axis] : [])) : node.axes(given, x.shape.length);
  const other = axes.find((axis) => x.shape[axis] !== 1);
  if (other !== undefined) node.fail(`cannot squeeze axis ${other} of ${shown(x)}, expected size 1`);
  return arranged(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );
}

export function unsqueeze(node: NodeView): Inferred {
  const x = node.input(0);
  const given = node.ints("axes") ?? node.numbers(1);
  const rank = x.shape.length + given.length;
  if (rank > MAX_RANK) node.fail(`gives ${rank} axes, expected at most ${MAX_RANK}`);
  const axes = node.axes(given, rank);
  const sizes = x.shape.values();
  return arranged(
    x,
    Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (sizes.next().value ?? 0))),
  );
}

export function concat(node: NodeView): Inferred {
  const inputs = node.inputs.map((_, index) => node.input(index));
  const first = node.input(0);
  const axis = node.axis(node.int("axis", 0), first.shape.length);
  for (const input of inputs) {
    const fits = input.shape.length === first.shape.length && input.shape.every((size, at) => at === axis || size === first.shape[at]);
    if (!fits || input.dtype !== first.dtype) node.fail(`cannot join ${shown(first)} and ${shown(input)} along axis ${axis}`);
  }
  const total = inputs.reduce((sum, input) => sum + (input.shape[axis] ?? 0), 0);
  const known = first.shape.length === 1 && total <= MAX_NUMBERS && inputs.every(({ numbers }) => numbers !== null);
  const numbers = known ? inputs.flatMap((input) => input.numbers ?? []) : null;
  return {
    outputs: [
      constant(
        first.dtype,
        first.shape.map((size, at) => (at === axis ? total : size)),
        numbers,
      ),
    ],
  };
}

/** Parts are stated by an attribute, from operator set 13 on by an input, or equal. */
export function split(node: NodeView): Inferred {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const size = x.shape[axis] ?? 0;
  const parts = node.ints("split") ?? node.optionalNumbers(1) ?? equalParts(node, size);
  if (parts.length !== node.outputs || parts.some((part) => part < 0) || parts.reduce((sum, part) => sum + part, 0) !== size)
    node.fail(`cannot split axis ${axis} of ${shown(x)} into [${parts.slice(0, 8).join(", ")}] for ${node.outputs} outputs`);
  let start = 0;
  const outputs = parts.map((part) => {
    const numbers = x.shape.length === 1 ? (x.numbers?.slice(start, start + part) ?? null) : null;
    start += part;
    return constant(
      x.dtype,
      x.shape.map((other, at) => (at === axis ? part : other)),
      numbers,
    );
  });
  return { outputs };
}

/** From operator set 18 on the last part may be smaller. */
function equalParts(node: NodeView, size: number): readonly number[] {
  const count = node.int("num_outputs", node.outputs);
  if (count !== node.outputs) node.fail(`has num_outputs ${count} and ${node.outputs} outputs`);
  const part = Math.ceil(size / count);
  return Array.from({ length: count }, (_, index) => Math.min(part, size - index * part));
}

export function slice(node: NodeView): Inferred {
  const x = node.input(0);
  const rank = x.shape.length;
  const [starts, ends] = [node.ints("starts") ?? node.numbers(1), node.ints("ends") ?? node.numbers(2)];
  const axes = node.axes(node.ints("axes") ?? node.optionalNumbers(3) ?? starts.map((_, axis) => axis), rank);
  const steps = node.optionalNumbers(4) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length || steps.includes(0))
    node.fail(
      `has starts [${starts.join(", ")}], ends [${ends.join(", ")}], axes [${axes.join(", ")}] and steps [${steps.join(", ")}], which do not fit`,
    );
  const shape = [...x.shape];
  let numbers = x.numbers;
  for (const [index, axis] of axes.entries()) {
    const taken = range(x.shape[axis] ?? 0, starts[index] ?? 0, ends[index] ?? 0, steps[index] ?? 1);
    shape[axis] = taken.count;
    const from = numbers;
    numbers = rank === 1 && from !== null ? Array.from({ length: taken.count }, (_, at) => from[taken.first + at * taken.step] ?? 0) : null;
  }
  return { outputs: [constant(x.dtype, shape, numbers)] };
}

/** The places that a slice takes of an axis: counted from the end where negative, and kept within the axis. */
function range(
  size: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly count: number; readonly step: number } {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (place: number, least: number) => Math.min(Math.max(place < 0 ? place + size : place, least), high);
  const first = within(start, 0);
  const last = within(end, low);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)), step };
}

export function expand(node: NodeView): Inferred {
  const [x, sizes] = [node.input(0), node.numbers(1)];
  const shape = sizes.some((size) => size < 0) ? null : broadcast([x.shape, sizes]);
  if (shape === null) node.fail(`cannot broadcast ${shown(x)} to [${sizes.join(", ")}]`);
  const [only] = x.numbers ?? [];
  const numbers =
    only !== undefined && x.numbers?.length === 1 && elementCount(shape) <= MAX_NUMBERS
      ? Array<number>(elementCount(shape)).fill(only)
      : null;
  return { outputs: [constant(x.dtype, shape, numbers)] };
}

/** Pads are an attribute before operator set 11, then an input; negative ones crop. */
export function pad(node: NodeView): Inferred {
  const x = node.input(0);
  const rank = x.shape.length;
  const pads = node.ints("pads") ?? node.numbers(1);
  const axes = node.axes(node.optionalNumbers(3) ?? x.shape.map((_, axis) => axis), rank);
  if (pads.length !== 2 * axes.length) node.fail(`has ${pads.length} pads, expected ${2 * axes.length}`);
  const mode = node.string("mode", "constant");
  const shape = [...x.shape];
  for (const [index, axis] of axes.entries()) {
    const [begin = 0, end = 0] = [pads[index], pads[index + axes.length]];
    const size = x.shape[axis] ?? 0;
    // What remains of the axis is what the other modes take their values from.
    const rest = size + Math.min(begin, 0) + Math.min(end, 0);
    const most = mode === "constant" || mode === "edge" ? Number.POSITIVE_INFINITY : mode === "reflect" ? rest - 1 : rest;
    if (rest < 1 || begin > most || end > most) node.fail(`cannot pad axis ${axis} of ${shown(x)} by ${begin} and ${end} (${mode})`);
    shape[axis] = size + begin + end;
  }
  return { outputs: [computed(x.dtype, shape)] };
}

/**
 * ONNX Runtime works out sizes as it opens a model, also from those that are stated beside free ones, and aborts where a crop
 * leaves less than nothing of one. Where the size is not known here, a crop is not accepted.
 */
export function padOfUnknown(node: NodeView): void {
  const pads = node.ints("pads") ?? node.optional(1)?.numbers ?? [];
  const crop = pads.find((pad) => pad < 0);
  if (crop !== undefined) node.fail(`crops by ${-crop} a value whose size is not known before it runs, expected pads from 0`);
}

function arranged(x: Value, shape: readonly number[]): Inferred {
  return { outputs: [{ ...x, shape }] };
}
