/** What an ONNX file holds, in short, for people and programs. */

import { allNodes, qualifiedOp } from "./check-ops.js";
import { countElements } from "./data-type.js";
import type { OnnxDim, OnnxDType, OnnxGraph, OnnxModel, OnnxOpset, OnnxTensor, OnnxUnread, OnnxValueInfo } from "./types.js";

/** A graph input or output as a summary shows it. */
interface OnnxValueSummary {
  readonly name: string;
  /** null when the value is no tensor or its type is not stated. */
  readonly dtype: OnnxDType | null;
  readonly shape: readonly OnnxDim[] | null;
  /** "tensor", or what else the value is. */
  readonly kind: string;
}

/** Plain data, in the order of its keys; safe to print as JSON. */
export interface OnnxSummary {
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly producer: { readonly name: string; readonly version: string };
  /** Keys in file order; values may be long. */
  readonly metadataKeys: readonly string[];
  readonly graph: string;
  /** Inputs that a caller must feed: initializers, which old files list as inputs too, are left out. */
  readonly inputs: readonly OnnxValueSummary[];
  readonly outputs: readonly OnnxValueSummary[];
  /** Nodes, those of subgraphs included. */
  readonly nodes: number;
  /** How many nodes use each operator, sorted by name. */
  readonly ops: Readonly<Record<string, number>>;
  /** Initializers of the main graph. */
  readonly initializers: number;
  /** Elements of all initializers of the main graph. */
  readonly parameters: number;
  /** Bytes of their values in this file. */
  readonly parameterBytes: number;
  /** Other files that tensors refer to, sorted; never opened. */
  readonly externalFiles: readonly string[];
  readonly unread: OnnxUnread;
}

/** Summarize a decoded model. */
export function summarizeOnnx(model: OnnxModel): OnnxSummary {
  const { graph } = model;
  const ops = countOps(model);
  const isInitializer = new Set(graph.initializers.map((tensor) => tensor.name));
  return {
    irVersion: model.irVersion,
    opsets: model.opsets,
    producer: { name: model.producerName, version: model.producerVersion },
    metadataKeys: [...model.metadata.keys()],
    graph: graph.name,
    inputs: graph.inputs.filter((value) => !isInitializer.has(value.name)).map(summarizeValue),
    outputs: graph.outputs.map(summarizeValue),
    nodes: [...ops.values()].reduce((sum, count) => sum + count, 0),
    // Object.fromEntries defines keys, so that an operator called "__proto__" is a key like any other.
    ops: Object.fromEntries([...ops].sort(([a], [b]) => (a < b ? -1 : 1))),
    initializers: graph.initializers.length,
    parameters: graph.initializers.reduce((sum, tensor) => sum + (countElements(tensor.shape) ?? 0), 0),
    parameterBytes: graph.initializers.reduce((sum, tensor) => sum + tensor.data.byteLength, 0),
    externalFiles: externalFiles(graph),
    unread: model.unread ?? { functions: 0, trainingInfo: 0, sparseInitializers: 0 },
  };
}

function countOps(model: OnnxModel): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { node } of allNodes(model.graph)) counts.set(qualifiedOp(node), (counts.get(qualifiedOp(node)) ?? 0) + 1);
  return counts;
}

function summarizeValue(value: OnnxValueInfo): OnnxValueSummary {
  const { name, dtype, shape, otherType } = value;
  return { name, dtype, shape, kind: otherType?.kind ?? "tensor" };
}

/** Files that any tensor refers to: initializers and attribute values, those of subgraphs included. */
function externalFiles(graph: OnnxGraph): readonly string[] {
  const locations = new Set<string>();
  for (const { external } of allTensors(graph)) if (external !== undefined) locations.add(external.get("location") ?? "");
  return [...locations].sort();
}

function* allTensors(graph: OnnxGraph): Generator<OnnxTensor> {
  yield* graph.initializers;
  for (const { attributes } of graph.nodes) {
    for (const attribute of attributes) {
      if (attribute.type === "tensor") yield attribute.value;
      if (attribute.type === "tensors") yield* attribute.value;
      if (attribute.type === "graph") yield* allTensors(attribute.value);
      if (attribute.type === "graphs") for (const inner of attribute.value) yield* allTensors(inner);
    }
  }
}
