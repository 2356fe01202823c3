/** Graphs of allowed operators: mostly as their schemas say, so that many run, and often enough not. */
import { bytesOfElements } from "../../src/formats/onnx/data-type.js";
import { type AttributeRule, type InferenceOp, SCHEMAS, type Schema, schemaOf } from "../../src/formats/onnx/schemas.js";
import type { OnnxAttribute, OnnxDim, OnnxDType, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "../../src/formats/onnx/types.js";
import type { Draws } from "./draws.js";

/** Element types that a session takes. */
const DTYPES = [
  "float32",
  "float64",
  "float16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool",
] as const satisfies readonly OnnxDType[];

interface Known {
  readonly name: string;
  readonly dtype: OnnxDType;
  /** A guess for what nodes compute. */
  readonly shape: readonly number[];
}

/** A graph that grows. */
interface Draft {
  readonly draws: Draws;
  readonly opset: number;
  readonly values: Known[];
  readonly initializers: OnnxTensor[];
  readonly nodes: OnnxNode[];
}

const OPS = Object.keys(SCHEMAS) as InferenceOp[];
const SHAPES: readonly (readonly number[])[] = [
  [1, 3, 8, 8],
  [1, 3, 8, 8],
  [2, 4, 5, 7],
  [1, 2, 4, 4, 4],
  [2, 6],
  [3],
  [],
  [0, 3, 4, 4],
  [1, 1, 1, 1],
];
const OPSETS = [7, 9, 10, 11, 12, 13, 14, 15, 17, 17, 18, 19, 21, 22];
/** Sizes that something may overflow. */
const EXTREMES = [-(2 ** 31), 2 ** 31 - 1, 2 ** 31, 2 ** 32, -1, 0, 65_536, 2 ** 40] as const;

export function randomModel(draws: Draws, metadata: ReadonlyMap<string, string>): OnnxModel {
  const opset = draws.chance(0.97) ? draws.pick(OPSETS) : draws.int(0, 30);
  const draft: Draft = { draws, opset, values: [], initializers: [], nodes: [] };
  const inputs = draws.list(draws.int(1, 2), (index) => inputOf(draft, index === 0 ? "input" : `input${index}`));
  for (let left = draws.int(1, 6); left > 0; left--) addNode(draft);
  const made = draft.values.filter(({ name }) => name.startsWith("v"));
  const outputs = [made.at(-1), ...made.filter(() => draws.chance(0.15))].filter((each) => each !== undefined);
  return {
    irVersion: draws.pick([7, 8, 9, 10]),
    opsets: [{ domain: "", version: opset }],
    producerName: "fuzz",
    producerVersion: "",
    metadata,
    graph: {
      name: "fuzz",
      nodes: draft.nodes,
      initializers: draft.initializers,
      inputs,
      outputs: [...new Map(outputs.map((each) => [each.name, each])).values()].map(({ name, dtype }, index): OnnxValueInfo => {
        const stated = draws.chance(0.6);
        return { name: index === 0 && draws.chance(0.01) ? "nowhere" : name, dtype: stated ? dtype : null, shape: null };
      }),
      valueInfo: [],
    },
  };
}

function inputOf({ draws, values }: Draft, name: string): OnnxValueInfo {
  const shape = draws.chance(0.9) ? draws.pick(SHAPES) : draws.list(draws.int(0, 6), () => draws.int(0, 9));
  const dtype = draws.chance(0.9) ? "float32" : draws.pick(DTYPES);
  values.push({ name, dtype, shape });
  const free = draws.chance(0.2);
  const sizes = shape.map((size, axis): OnnxDim => {
    if (draws.chance(0.005)) return draws.pick(EXTREMES.filter((each) => each >= 0));
    return free && draws.chance(0.5) ? draws.pick([`d${axis}`, null]) : size;
  });
  return { name, dtype, shape: sizes };
}

function addNode(draft: Draft): void {
  const { draws, opset, values, nodes } = draft;
  const op = draws.pick(OPS);
  const forms: readonly Schema[] = SCHEMAS[op];
  const form = draws.chance(0.97) ? (schemaOf(op, opset) ?? draws.pick(forms)) : draws.pick(forms);
  const slots = form.inputs.split(" ").filter((slot) => slot !== "");
  const data = draws.chance(0.8) ? (values.at(-1) ?? draws.pick(values)) : draws.pick(values);
  const inputs = slots.flatMap((slot, index) => argumentsOf(draft, op, slot, index, data));
  while (inputs.at(-1) === "") inputs.pop();
  if (draws.chance(0.01)) inputs.splice(draws.int(0, inputs.length), draws.int(0, 1), draws.pick(values).name);
  const outputs = form.outputs.split(" ").flatMap((slot) => {
    if (slot.endsWith("...")) return draws.list(draws.int(1, 3), () => "");
    return !slot.endsWith("?") || draws.chance(0.2) ? [""] : [];
  });
  if (draws.chance(0.01)) outputs.push("");
  const named = outputs.map((_, index) => `v${nodes.length}_${index}`);
  nodes.push({ opType: op, domain: "", name: "", inputs, outputs: named, attributes: attributesOf(draft, form, data.shape.length) });
  for (const [index, name] of named.entries()) values.push({ name, dtype: dtypeOf(op, index, data.dtype), shape: shapeOf(op, data.shape) });
}

const BOOLEAN = new Set<string>(["And", "Equal", "Greater", "IsInf", "IsNaN", "Not", "Or"]);

function dtypeOf(op: InferenceOp, index: number, data: OnnxDType): OnnxDType {
  if (BOOLEAN.has(op)) return "bool";
  if (op === "Shape" || op === "ArgMax" || ((op === "TopK" || op === "MaxPool") && index === 1)) return "int64";
  if (op === "QuantizeLinear") return "uint8";
  return op === "DequantizeLinear" ? "float32" : data;
}

function shapeOf(op: InferenceOp, data: readonly number[]): readonly number[] {
  if (op === "Shape") return [data.length];
  if (op === "GlobalAveragePool" || op === "GlobalMaxPool") return data.map((size, axis) => (axis < 2 ? size : 1));
  return op === "Flatten" ? [data[0] ?? 1, data.slice(1).reduce((product, size) => product * size, 1)] : data;
}

const DATA_SLOTS = new Set(["X", "A", "data", "input", "x", "data...", "inputs..."]);
const INTEGER_SLOTS = new Set(["shape", "axes", "starts", "ends", "steps", "pads", "split", "sizes", "K", "indices"]);

/** The names of what stands in a slot: none where it is optional and left out, several where it may repeat. */
function argumentsOf(draft: Draft, op: InferenceOp, slot: string, index: number, data: Known): string[] {
  const { draws, values } = draft;
  if (slot.endsWith("?") && draws.chance(0.5)) return [""];
  if (draws.chance(0.03)) return [draws.pick(values).name];
  if (draws.chance(0.03)) return [constant(draft, draws.pick(DTYPES), draws.pick(SHAPES))];
  if (slot.endsWith("..."))
    return draws.list(draws.int(1, 3), (at) => (at === 0 || draws.chance(0.5) ? data.name : draws.pick(values).name));
  if (index === 0 && DATA_SLOTS.has(slot)) return [data.name];
  const name = slot.replace(/\?$/, "");
  const channels = data.shape[1] ?? 3;
  if (INTEGER_SLOTS.has(name)) return [integers(draft, name, data.shape)];
  if (name === "W") {
    const spatial = data.shape.slice(2).map(() => draws.int(1, 3));
    const [first, second] = op === "ConvTranspose" ? [channels, draws.int(1, 4)] : [draws.int(1, 4), channels];
    return [constant(draft, data.dtype, [first, second, ...spatial])];
  }
  if (["scale", "mean", "var"].includes(name) || (name === "B" && op.endsWith("Normalization")))
    return [constant(draft, data.dtype, [channels])];
  if (name === "B" && op.startsWith("Conv")) return [constant(draft, data.dtype, [draws.int(1, 4)])];
  if (name === "B" && (op === "MatMul" || op === "Gemm")) return [constant(draft, data.dtype, [data.shape.at(-1) ?? 1, draws.int(1, 5)])];
  if (name === "slope") return [constant(draft, data.dtype, draws.pick([[1], [channels, 1, 1], []]))];
  if (name === "scales") return [constant(draft, "float32", [draws.chance(0.9) ? data.shape.length : 2])];
  if (name === "roi") return [constant(draft, "float32", [draws.pick([0, 2 * data.shape.length])])];
  if (name.endsWith("_scale")) return [constant(draft, "float32", draws.pick([[], [1], [channels]]))];
  if (name.endsWith("zero_point"))
    return [constant(draft, draws.pick(["uint8", "int8", "int32"] as const), draws.pick([[], [1], [channels]]))];
  if (name === "training_mode" || name === "condition")
    return [constant(draft, "bool", name === "condition" ? draws.pick([[], data.shape]) : [])];
  if (name === "ratio" || name === "min" || name === "max" || name === "constant_value") return [constant(draft, data.dtype, [])];
  return [
    draws.chance(0.5) ? draws.pick(values).name : constant(draft, data.dtype, draws.pick([[], [1], data.shape, data.shape.slice(-1)])),
  ];
}

/** Integers that an operator reads as sizes, places or axes: initializer, node or what Shape computes. */
function integers(draft: Draft, slot: string, data: readonly number[]): string {
  const { draws, nodes, values } = draft;
  if (draws.chance(0.08)) {
    const name = `s${nodes.length}`;
    nodes.push({ opType: "Shape", domain: "", name: "", inputs: [draws.pick(values).name], outputs: [name], attributes: [] });
    return name;
  }
  const rank = data.length;
  const value = (axis: number): number => {
    if (draws.chance(0.02)) return draws.pick(EXTREMES);
    if (slot === "axes") return draws.int(-rank, Math.max(0, rank - 1));
    if (slot === "shape" || slot === "sizes") return draws.chance(0.7) ? (data[axis] ?? 1) : draws.int(-1, 4);
    if (slot === "steps") return draws.pick([1, 1, 2, -1]);
    return draws.int(slot === "ends" || slot === "split" ? 1 : 0, 4);
  };
  const lengths: Readonly<Record<string, number>> = { pads: 2 * rank, K: 1, sizes: rank, shape: rank, split: 2 };
  const length = draws.chance(0.9) ? (lengths[slot] ?? Math.min(2, Math.max(1, rank))) : draws.int(0, 5);
  const bytes = new Uint8Array(BigInt64Array.from({ length }, (_, axis) => BigInt(value(axis))).buffer);
  const name = `c${draft.initializers.length}_${nodes.length}`;
  const tensor: OnnxTensor = { name, dtype: "int64", shape: [length], data: bytes };
  if (draws.chance(0.7)) draft.initializers.push(tensor);
  else
    nodes.push({
      opType: "Constant",
      domain: "",
      name: "",
      inputs: [],
      outputs: [name],
      attributes: [{ name: "value", type: "tensor", value: tensor }],
    });
  return name;
}

function constant(draft: Draft, dtype: OnnxDType, shape: readonly number[]): string {
  const name = `w${draft.initializers.length}_${draft.nodes.length}`;
  draft.initializers.push(randomTensor(draft.draws, name, dtype, shape));
  return name;
}

function randomTensor(draws: Draws, name: string, dtype: OnnxDType, shape: readonly number[]): OnnxTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = new Uint8Array(bytesOfElements(dtype === "string" ? "uint8" : dtype, count));
  if (dtype === "float32") {
    const values = Float32Array.from({ length: count }, () =>
      draws.chance(0.02) ? draws.pick([0, 1e38, -1e-38, 1e9]) : draws.number() * 2 - 0.5,
    );
    data.set(new Uint8Array(values.buffer));
  } else if (dtype === "bool") {
    for (let i = 0; i < data.length; i++) data[i] = draws.int(0, 1);
  } else for (let i = 0; i < data.length; i++) data[i] = draws.chance(0.5) ? 0 : draws.int(0, 255);
  return { name, dtype, shape, data };
}

function attributesOf({ draws }: Draft, form: Schema, rank: number): readonly OnnxAttribute[] {
  const attributes = Object.entries(form.attributes).flatMap(([name, rule]): OnnxAttribute[] => {
    if (!draws.chance(rule.required ? 0.99 : 0.35)) return [];
    return [attributeOf(draws, name, rule, rank)];
  });
  if (draws.chance(0.005))
    attributes.push({ name: draws.pick(["axis", "to", "__proto__", "k"]), type: "int", value: draws.pick(EXTREMES) });
  return attributes;
}

function attributeOf(draws: Draws, name: string, rule: AttributeRule, rank: number): OnnxAttribute {
  const type = draws.chance(0.005) ? draws.pick(["int", "ints", "float", "string"] as const) : rule.type;
  const [least, most] = rule.type === "int" || rule.type === "ints" ? [rule.least, rule.most] : [0, 4];
  const integer = (low: number, high: number): number => {
    if (draws.chance(0.01)) return draws.pick(EXTREMES);
    return Math.max(least, Math.min(most, draws.int(low, high)));
  };
  switch (type) {
    case "int":
      return {
        name,
        type,
        value:
          name === "to" || name.endsWith("type") ? integer(1, 13) : name === "axis" ? integer(-rank, Math.max(0, rank - 1)) : integer(0, 2),
      };
    case "ints":
      return { name, type, value: listOf(draws, name, rank, integer) };
    case "float":
      return { name, type, value: draws.pick([0, 1, 0.5, -1, 1e-5, 1e38, Number.POSITIVE_INFINITY]) };
    case "floats":
      return { name, type, value: draws.list(draws.int(0, 4), () => draws.number()) };
    case "string":
      return { name, type, value: rule.type === "string" && draws.chance(0.99) ? draws.pick(rule.among) : "x" };
    case "tensor":
      return { name, type, value: randomTensor(draws, "", draws.chance(0.8) ? "float32" : draws.pick(DTYPES), draws.pick(SHAPES)) };
  }
}

function listOf(draws: Draws, name: string, rank: number, integer: (low: number, high: number) => number): readonly number[] {
  const spatial = Math.max(1, rank - 2);
  if (name === "perm" && draws.chance(0.9)) {
    const axes = draws.list(rank, (axis) => [draws.number(), axis] as const);
    return axes.toSorted(([a], [b]) => a - b).map(([, axis]) => axis);
  }
  const lengths: Readonly<Record<string, number>> = { pads: 2 * spatial, axes: draws.int(1, 2), split: 2 };
  const length = draws.chance(0.95) ? (lengths[name] ?? spatial) : draws.int(0, 5);
  if (name === "axes") return draws.list(length, () => integer(-rank, Math.max(0, rank - 1)));
  return draws.list(length, () => integer(name === "pads" ? 0 : 1, name === "pads" ? 1 : 3));
}
