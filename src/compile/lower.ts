import { onnxTensor } from "../formats/onnx/tensor.js";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../formats/onnx/types.js";
import { type Graph, type Node, typeOf } from "../ir/graph.js";
import { opDef } from "../ops/index.js";
import type { LoweredAttribute, LoweredNode, Profile } from "../ops/op.js";
import { arrangeLater } from "./arrange.js";

/** The nodes of a graph as ONNX nodes of the default domain, and the constants that they need. */
export interface LoweredGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
}

/** Ask each op for its ONNX form. Value names stay ours; names that a lowering adds are `<path>:<suffix>`. */
export function lowerGraph(graph: Graph, profile: Profile = "standard"): LoweredGraph {
  const constants: OnnxTensor[] = [];
  const makers = new Map(graph.nodes.flatMap(({ op, outputs }) => outputs.map((output) => [output, op] as const)));
  const parts = graph.nodes.map((node) => ({ node, lowered: lowerNode({ graph, makers, profile, constants }, node) }));
  const nodes = arrangeLater(graph, parts).flatMap(({ node, lowered }) =>
    lowered.map((part, index) => toOnnxNode(part, lowered.length === 1 ? node.path : `${node.path}:${index}`)),
  );
  return { nodes, constants };
}

interface Lowering {
  readonly graph: Graph;
  /** The op that makes each value. */
  readonly makers: ReadonlyMap<string, string>;
  readonly profile: Profile;
  readonly constants: OnnxTensor[];
}

function lowerNode({ graph, makers, profile, constants }: Lowering, node: Node): readonly LoweredNode[] {
  const inner = (suffix: string): string => `${node.path}:${suffix}`;
  return opDef(node.op).lower(
    {
      op: node.op,
      path: node.path,
      profile,
      inputs: node.inputs,
      outputs: node.outputs,
      inputTypes: node.inputs.map((input) => typeOf(graph, input)),
      outputTypes: node.outputs.map((output) => typeOf(graph, output)),
      makers: node.inputs.map((input) => makers.get(input) ?? null),
      inner,
      constant: (suffix, tensor) => {
        constants.push(onnxTensor(inner(suffix), tensor));
        return inner(suffix);
      },
    },
    node.attributes,
  );
}

function toOnnxNode(node: LoweredNode, name: string): OnnxNode {
  const attributes = Object.entries(node.attributes).map(([attribute, value]) => toOnnxAttribute(attribute, value));
  return { opType: node.opType, domain: node.domain ?? "", name, inputs: node.inputs, outputs: node.outputs, attributes };
}

function toOnnxAttribute(name: string, value: LoweredAttribute): OnnxAttribute {
  if ("int" in value) return { name, type: "int", value: value.int };
  if ("float" in value) return { name, type: "float", value: value.float };
  if ("ints" in value) return { name, type: "ints", value: value.ints };
  if ("tensor" in value) return { name, type: "tensor", value: onnxTensor("", value.tensor) };
  return { name, type: "string", value: value.string };
}
