import { InceptionError } from "../errors.js";
import type { Attributes } from "../ir/graph.js";
import { windowSizes } from "../ops/kit/window.js";
import type { Dim, Shape } from "../tensor/shape.js";

/** Shapes of a node's inputs, null where one is not known. */
type Inputs = readonly (Shape | null)[];
/** The whole numbers in a constant input: a shape, axes. */
type Integers = (index: number) => readonly number[] | null;
type Rule = (inputs: Inputs, attributes: Attributes, integers: Integers) => Shape | null;

/** Nodes whose output is as large as their first input. */
const POINTWISE = [
  ...["BatchNormalization", "Cast", "Ceil", "Clip", "Elu", "Exp", "Floor", "HardSigmoid", "InstanceNormalization", "LRN", "LeakyRelu"],
  ...["Log", "LogSoftmax", "LpNormalization", "Neg", "PRelu", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softmax", "Sqrt", "Tanh"],
  ...["QuantizeLinear", "DequantizeLinear"],
];
const BROADCAST = ["Add", "Div", "Max", "Mean", "Min", "Mul", "Pow", "Sub", "Sum"];

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...POINTWISE.map((op) => [op, ([x = null]: Inputs) => x] as const),
  ...BROADCAST.map((op) => [op, (inputs: Inputs) => broadcast(inputs)] as const),
  ["AveragePool", ([x = null], attributes) => pooled(x, attributes)],
  ["Concat", concatenated],
  ["Conv", ([x = null, w = null], attributes) => (x && w ? windowed(x, w[0] ?? "?", attributes, false) : null)],
  ["ConvTranspose", transposedConv],
  ["Flatten", ([x = null], { axis }) => (x && axis === 1 ? [x[0] ?? "?", product(x.slice(1))] : null)],
  ["Gemm", linear],
  ["GlobalAveragePool", ([x = null]) => x?.map((dim, axis) => (axis < 2 ? dim : 1)) ?? null],
  ["GlobalMaxPool", ([x = null]) => x?.map((dim, axis) => (axis < 2 ? dim : 1)) ?? null],
  ["MatMul", ([x = null, w = null]) => (x && w && w.length === 2 ? [...x.slice(0, -1), w[1] ?? "?"] : null)],
  ["MaxPool", ([x = null], attributes) => pooled(x, attributes)],
  ["Reshape", ([x = null], _attributes, integers) => reshaped(x, integers(1))],
  ["Transpose", ([x = null], { perm }) => (x && Array.isArray(perm) ? perm.map((axis: unknown): Dim => x[Number(axis)] ?? "?") : null)],
]);

/** The shape of a node's first output by the laws of its operator; null where it does not follow from what is known. */
export function onnxShape(op: string, inputs: Inputs, attributes: Attributes, integers: Integers): Shape | null {
  try {
    return RULES.get(op)?.(inputs, attributes, integers) ?? null;
  } catch (thrown) {
    // A stranger's file may break the laws; then its shapes are not known.
    if (thrown instanceof InceptionError) return null;
    throw thrown;
  }
}

/** Multiply-adds of a node for one input, by its weight; 0 for operators that have none, null where a size is not known. */
export function onnxMacs(op: string, [x = null, w = null]: Inputs, shape: Shape | null): number | null {
  if (op === "Gemm" || op === "MatMul") return w === null ? null : count(w);
  if (op === "Conv") return w === null || shape === null ? null : times(count(shape.slice(1)), count(w.slice(1)));
  if (op === "ConvTranspose") return w === null || x === null ? null : times(count(x.slice(1)), count(w.slice(1)));
  return 0;
}

function times(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a * b;
}

function count(shape: Shape): number | null {
  return shape.every((dim) => typeof dim === "number") ? shape.reduce<number>((size, dim) => size * Number(dim), 1) : null;
}

function product(shape: Shape): Dim {
  return count(shape) ?? "?";
}

function pooled(x: Shape | null, attributes: Attributes): Shape | null {
  return x && windowed(x, x[1] ?? "?", attributes, attributes.ceilMode === 1);
}

function windowed(x: Shape, channels: Dim, attributes: Attributes, ceilMode: boolean): Shape | null {
  const sizes = x.slice(2);
  if (!sizes.every((size) => typeof size === "number")) return [x[0] ?? "?", channels, ...sizes.map(() => "?")];
  const list = (name: string): readonly number[] => {
    const value = attributes[name];
    return typeof value === "object" ? value : [];
  };
  const window = { kernelShape: list("kernelShape"), strides: list("strides"), pads: list("pads"), dilations: list("dilations") };
  return [x[0] ?? "?", channels, ...windowSizes(sizes.map(Number), window, ceilMode, { op: "window", path: "" })];
}

function transposedConv([x = null, w = null]: Inputs, { strides, kernelShape, pads, group }: Attributes): Shape | null {
  if (x === null || w === null || typeof strides !== "object" || typeof kernelShape !== "object" || typeof pads !== "object") return null;
  const rank = kernelShape.length;
  const sizes = x.slice(2).map((size, axis): Dim => {
    const padding = (pads[axis] ?? 0) + (pads[axis + rank] ?? 0);
    return typeof size === "number" ? (size - 1) * (strides[axis] ?? 1) + (kernelShape[axis] ?? 1) - padding : "?";
  });
  const channels = w[1];
  return [x[0] ?? "?", typeof channels === "number" ? channels * Number(group ?? 1) : "?", ...sizes];
}

function concatenated(inputs: Inputs, { axis }: Attributes): Shape | null {
  const [first] = inputs;
  if (!first || typeof axis !== "number") return null;
  const place = axis < 0 ? axis + first.length : axis;
  const sizes = inputs.map((shape) => shape?.[place]);
  if (!sizes.every((size) => typeof size === "number")) return null;
  const sum = sizes.reduce<number>((total, size) => total + Number(size), 0);
  return first.map((dim, index) => (index === place ? sum : dim));
}

function linear([x = null, w = null]: Inputs, { transA, transB }: Attributes): Shape | null {
  if (x === null || w === null || x.length !== 2 || w.length !== 2) return null;
  return [x[transA === 1 ? 1 : 0] ?? "?", w[transB === 1 ? 0 : 1] ?? "?"];
}

/** NumPy's rule; a name meets 1 and itself. */
function broadcast(inputs: Inputs): Shape | null {
  const shapes = inputs.filter((shape) => shape !== null);
  if (shapes.length !== inputs.length) return null;
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis): Dim => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((dim) => dim !== 1);
    return dims[0] ?? 1;
  });
}

function reshaped(x: Shape | null, sizes: readonly number[] | null): Shape | null {
  if (x === null || sizes === null) return null;
  const kept = sizes.map((size, axis): Dim => (size === 0 ? (x[axis] ?? "?") : size));
  if (!kept.includes(-1)) return kept;
  // The batch may be a name: a first axis that is inferred then is the batch, where the rest agrees.
  const rest = count(kept.filter((size) => size !== -1));
  const [batch = "?"] = x;
  if (kept[0] === -1 && typeof batch === "string") return rest !== null && rest === count(x.slice(1)) ? [batch, ...kept.slice(1)] : null;
  const [whole, known] = kept[0] === batch ? [count(x.slice(1)), count(kept.slice(1).filter((size) => size !== -1))] : [count(x), rest];
  if (whole === null || known === null || known === 0) return null;
  return kept.map((size) => (size === -1 ? whole / known : size));
}
