import { type EncodedModel, encodeModel } from "../formats/onnx/encode.js";
import type { OnnxNode, OnnxTensor, OnnxValueInfo } from "../formats/onnx/types.js";

// 19 is the first with dilations on AveragePool; IR 9 is the format of its day. Every ONNX
// Runtime since 1.17 (January 2024) reads both.
const OPSET = 19;
const IR_VERSION = 9;

/** What is written into a file besides the format's own constants. */
interface EmittedGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  /** Public name of each output, its description, and the value that it shows. */
  readonly outputs: readonly { readonly value: string; readonly info: OnnxValueInfo }[];
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * How a value gets the public name of its output. "identity": by a node, so that inner names stay the paths (default).
   * "rename": in place where it can, so that nothing large is copied.
   */
  readonly naming?: "identity" | "rename";
}

/** Encode a lowered graph. */
export function emitModel({ name, nodes, initializers, inputs, outputs, metadata, naming = "identity" }: EmittedGraph): EncodedModel {
  const given = new Set([...inputs, ...initializers].map((value) => value.name));
  const names = new Map<string, string>();
  const renamed = outputs.filter(({ value, info }) => {
    if (naming === "identity" || given.has(value) || names.has(value)) return info.name !== value;
    names.set(value, info.name);
    return false;
  });
  const free = freeNames(new Set(renamed.map(({ info }) => info.name)));
  const inner = (value: string): string => names.get(value) ?? free(value);
  const renames = renamed.map(({ value, info }) => ({
    opType: "Identity",
    domain: "",
    name: `output:${info.name}`,
    inputs: [inner(value)],
    outputs: [info.name],
    attributes: [],
  }));
  const ownOperators = nodes.some(({ domain }) => domain === "com.microsoft");
  return encodeModel({
    irVersion: IR_VERSION,
    opsets: [{ domain: "", version: OPSET }, ...(ownOperators ? [{ domain: "com.microsoft", version: 1 }] : [])],
    producerName: "inceptionkit",
    producerVersion: "",
    metadata: new Map(Object.entries(metadata)),
    graph: {
      name,
      nodes: [...nodes.map((node) => ({ ...node, inputs: node.inputs.map(inner), outputs: node.outputs.map(inner) })), ...renames],
      initializers,
      inputs,
      outputs: outputs.map(({ info }) => info),
      valueInfo: [],
    },
  });
}

/** An inner value may have the path of a module whose output is wanted under that name (`x.bn` before its ReLU): it steps aside. */
function freeNames(taken: ReadonlySet<string>): (value: string) => string {
  return (value) => (taken.has(value) ? `${value}:inner` : value);
}
