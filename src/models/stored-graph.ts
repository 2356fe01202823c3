/**
 * Graphs as text: what a run directory and an exported file contain of a custom network, so that it is described again without
 * the code that built it. Graphs of listed models are not stored; their id and options describe them.
 */
import { InceptionError, messageOf } from "../errors.js";
import { decodeJson, type JsonData, type JsonRecord } from "../formats/json.js";
import { quoted } from "../formats/quoted.js";
import type { Attributes, AttributeValue, Graph, GraphInput, Node, Parameter, ParameterRole } from "../ir/graph.js";
import { checkGraph, inferNode, isOpName } from "../ops/index.js";
import type { DType } from "../tensor/dtype.js";
import { elementsPerImage, type Shape, type TensorType } from "../tensor/shape.js";

const FORMAT = "inceptionkit-graph";
const VERSION = 1;

/** Five times the nodes of the largest listed network in training. */
const MAX_NODES = 20_000;
/** As many axes as ONNX tensors of this package may have. */
const MAX_RANK = 8;
/** Elements of one value for one image: 2 GiB of float32, the limit for values of untrusted files. */
const MAX_ELEMENTS = 2 ** 29;
/** Elements of all values that depend on no other, which may be written as one number: 64 MiB of float32. */
const MAX_CONSTANT_ELEMENTS = 2 ** 24;

/** A graph as text. Every value's type is left out: the ops infer it again. */
export function encodeGraph(graph: Graph): string {
  const lists: Readonly<Record<string, readonly JsonData[]>> = {
    inputs: graph.inputs.map(({ name, type }) => ({ name, dtype: type.dtype, shape: type.shape })),
    parameters: graph.parameters.map(({ path, type, role, stage }) => ({ path, shape: type.shape, role, stage })),
    nodes: graph.nodes.map(nodeJson),
    outputs: graph.outputs.map(({ name, value }) => [name, value]),
    modules: graph.modules.map(({ path, output }) => [path, output]),
    stages: graph.stages.map(({ path, output }) => [path, output]),
  };
  const head = [`"format":"${FORMAT}"`, `"version":${VERSION}`, `"name":${JSON.stringify(graph.name)}`];
  const rows = (items: readonly JsonData[]): string => items.map((item) => `\n${JSON.stringify(item)}`).join(",");
  return `{${[...head, ...Object.entries(lists).map(([name, items]) => `"${name}":[${rows(items)}]`)].join(",\n")}}\n`;
}

function nodeJson({ op, path, inputs, outputs, attributes, stage, sizeDependent }: Node): JsonRecord {
  const size = sizeDependent === true ? { sizeDependent } : {};
  return { op, path, inputs, outputs, attributes, stage, ...size };
}

/**
 * The graph that `encodeGraph` wrote, of a file that may be untrusted: every field is checked, every op's rule runs, and
 * the result is validated.
 *
 * @param place - names the text in messages: `network.json of run "x"`
 * @throws InceptionError FILE_CORRUPT for anything that is no such graph, FILE_UNSUPPORTED for a newer version, FILE_LIMIT
 */
export function decodeGraph(text: string, place: string): Graph {
  const json = record(decodeJson(text, place));
  if (json?.format !== FORMAT) throw corrupt(place, `its format is not "${FORMAT}"`);
  if (json.version !== VERSION) {
    const found = typeof json.version === "number" ? String(json.version) : "missing";
    const message = `Cannot read ${place}: its version is ${found}, expected ${VERSION}`;
    throw new InceptionError("FILE_UNSUPPORTED", message, { place });
  }
  if (typeof json.name !== "string") throw corrupt(place, "it has no name");
  const nodes = list(json, "nodes", place).map((item) => readNode(item, place));
  if (nodes.length > MAX_NODES) {
    throw new InceptionError("FILE_LIMIT", `Cannot read ${place}: it has ${nodes.length} nodes, the limit is ${MAX_NODES}`, { place });
  }
  const pairs = (name: string) => list(json, name, place).map((item) => readPair(item, name, place));
  const draft = {
    name: json.name,
    inputs: list(json, "inputs", place).map((item) => readInput(item, place)),
    parameters: list(json, "parameters", place).map((item) => readParameter(item, place)),
    nodes,
    outputs: pairs("outputs").map(([name, value]) => ({ name, value })),
    modules: pairs("modules").map(([path, output]) => ({ path, output })),
    stages: pairs("stages").map(([path, output]) => ({ path, output })),
  };
  try {
    return checkGraph({ ...draft, types: inferTypes(draft, place) });
  } catch (thrown) {
    if (thrown instanceof InceptionError && thrown.code.startsWith("FILE_")) throw thrown;
    // A rule meets attributes of other kinds than its op has, too.
    throw corrupt(place, messageOf(thrown), thrown);
  }
}

/** The type of every value, and the limits of all. */
function inferTypes({ inputs, parameters, nodes }: Omit<Graph, "types">, place: string): ReadonlyMap<string, TensorType> {
  const types = new Map<string, TensorType>();
  let constants = 0;
  const define = (value: string, type: TensorType): void => {
    const elements = elementsPerImage(type.shape);
    if (!(type.shape.length <= MAX_RANK && elements <= MAX_ELEMENTS)) {
      const message = `Cannot read ${place}: value ${quoted(value)} has shape [${type.shape.join(", ")}], the limits are ${MAX_RANK} axes and ${MAX_ELEMENTS} elements`;
      throw new InceptionError("FILE_LIMIT", message, { place, value });
    }
    types.set(value, type);
  };
  for (const { name, type } of inputs) define(name, type);
  for (const { path, type } of parameters) define(path, type);
  for (const node of nodes) {
    const given = node.inputs.map((input) => {
      const type = types.get(input);
      if (type !== undefined) return type;
      throw corrupt(place, `node ${quoted(node.path)} reads ${quoted(input)}, which is not defined before it`);
    });
    const found = inferNode(node, given);
    for (const [index, output] of node.outputs.entries()) {
      const type = found[index];
      if (type === undefined) throw corrupt(place, `node ${quoted(node.path)} has more outputs than ${node.op} gives`);
      if (node.inputs.length === 0) constants += elementsPerImage(type.shape);
      define(output, type);
    }
  }
  if (constants > MAX_CONSTANT_ELEMENTS) {
    const message = `Cannot read ${place}: its constants have ${constants} elements, the limit is ${MAX_CONSTANT_ELEMENTS}`;
    throw new InceptionError("FILE_LIMIT", message, { place });
  }
  return types;
}

const DTYPES: readonly DType[] = ["float32", "int32", "int64"];

function readInput(item: JsonData, place: string): GraphInput {
  const { name, dtype, shape } = record(item) ?? {};
  const known = DTYPES.find((each) => each === dtype);
  if (typeof name === "string" && known !== undefined && isShape(shape)) return { name, type: { dtype: known, shape } };
  throw corrupt(place, "an input is not a name with a type and a shape");
}

const ROLES: readonly ParameterRole[] = [
  "conv_kernel",
  "conv_transpose_kernel",
  "linear_kernel",
  "bias",
  "norm_scale",
  "norm_shift",
  "running_mean",
  "running_var",
];

function readParameter(item: JsonData, place: string): Parameter {
  const { path, shape, role, stage } = record(item) ?? {};
  const known = ROLES.find((each) => each === role);
  if (typeof path === "string" && typeof stage === "string" && known !== undefined && isShape(shape) && shape.every(isSize)) {
    return { path, type: { dtype: "float32", shape }, role: known, stage };
  }
  throw corrupt(place, "a parameter is not a path with a shape, a role and a stage");
}

function readNode(item: JsonData, place: string): Node {
  const { op, path, inputs, outputs, attributes, stage, sizeDependent } = record(item) ?? {};
  const values = record(attributes);
  if (typeof op !== "string" || typeof path !== "string" || typeof stage !== "string" || values === null) {
    throw corrupt(place, "a node has no op, path, attributes and stage");
  }
  if (!isTexts(inputs) || !isTexts(outputs)) throw corrupt(place, `node ${quoted(path)} has no lists of inputs and outputs`);
  if (outputs[0] !== path) throw corrupt(place, `the first output of node ${quoted(path)} has another name`);
  if (!isOpName(op)) throw corrupt(place, `node ${quoted(path)} is of op ${quoted(op)}, which does not exist`);
  const size = sizeDependent === true ? { sizeDependent } : {};
  return { op, path, inputs, outputs, attributes: readAttributes(values, path, place), stage, ...size };
}

/** In the order in which they are stored. Whether they are those of the op shows when its rules run. */
function readAttributes(values: JsonRecord, path: string, place: string): Attributes {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (isAttribute(value)) return [name, value];
      throw corrupt(place, `attribute ${quoted(name)} of node ${quoted(path)} is not a number, text, true, false or list of numbers`);
    }),
  );
}

function isAttribute(value: JsonData): value is AttributeValue & JsonData {
  if (isList(value)) return value.every((item) => typeof item === "number" && Number.isFinite(item));
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "string" || typeof value === "boolean";
}

function readPair(item: JsonData, name: string, place: string): readonly [string, string] {
  if (isTexts(item)) {
    const [first, second] = item;
    if (first !== undefined && second !== undefined && item.length === 2) return [first, second];
  }
  throw corrupt(place, `one of its ${name} is not a pair of names`);
}

function list(json: JsonRecord, name: string, place: string): readonly JsonData[] {
  const items = json[name];
  if (isList(items)) return items;
  throw corrupt(place, `its ${name} are not a list`);
}

function record(value: JsonData | undefined): JsonRecord | null {
  return typeof value === "object" && value !== null && !isList(value) ? value : null;
}

/** Array.isArray, which does not narrow readonly lists. */
function isList(value: JsonData | undefined): value is readonly JsonData[] {
  return Array.isArray(value);
}

function isTexts(value: JsonData | undefined): value is readonly string[] {
  return isList(value) && value.every((item) => typeof item === "string");
}

function isShape(value: JsonData | undefined): value is Shape & readonly JsonData[] {
  return isList(value) && value.every((dim, axis) => isSize(dim) || (axis === 0 && typeof dim === "string"));
}

function isSize(value: JsonData): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function corrupt(place: string, fact: string, cause?: unknown): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read ${place}: ${fact}`, { place }, { cause });
}
