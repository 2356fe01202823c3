import { onnxTensor } from "../formats/onnx/tensor.js";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../formats/onnx/types.js";
import { type Graph, type Node, typeOf } from "../ir/graph.js";
import { producersOf } from "../ir/uses.js";
import { opDef } from "../ops/index.js";
import type { LoweredAttribute, LoweredNode, LowerSite, MapLayout } from "../ops/op.js";
import { arrangeLater } from "./arrange.js";
import { quantizeRule } from "./quantize/rules.js";
import { formOf, type TargetOptions } from "./targets/index.js";

/** The nodes of a graph as ONNX nodes of the default domain, and the constants that they need. */
export interface LoweredGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
}

/** How a graph is written. */
interface LowerOptions extends TargetOptions {
  readonly layout: MapLayout;
}

/** Each node in the form that the target has for its op. Value names stay ours; names that a form adds are `<path>:<suffix>`. */
export function lowerGraph(graph: Graph, options: LowerOptions): LoweredGraph {
  const constants: OnnxTensor[] = [];
  const producers = producersOf(graph.nodes);
  const parts = graph.nodes.map((node) => {
    const lower = isOnLevels(producers, node) ? opDef(node.op).lower : formOf(node.op, options);
    return { node, lowered: lower(lowerSite(graph, node, options.layout, constants), node.attributes) };
  });
  const nodes = arrangeLater(graph, parts).flatMap(({ node, lowered }) =>
    lowered.map((part, index) => toOnnxNode(part, lowered.length === 1 ? node.path : `${node.path}:${index}`)),
  );
  return { nodes, constants };
}

/** Maps of a network for inference lie image by image; one that is described for a single image has it as both layouts do. */
export function inferenceLayout({ inputs }: Graph): MapLayout {
  return inputs.some(({ type }) => type.shape[0] === 1) ? "chwn" : "nchw";
}

/** Whether a layer has a kernel of levels: it stays the op's own form, one operator, which a runtime joins with the pairs around it. */
function isOnLevels(producers: ReadonlyMap<string, Node>, { op, inputs: [, kernel] }: Node): boolean {
  return quantizeRule(op)?.kind === "weighted" && kernel !== undefined && producers.get(kernel)?.op === "dequantizeLinear";
}

function lowerSite(graph: Graph, { op, path, inputs, outputs }: Node, layout: MapLayout, constants: OnnxTensor[]): LowerSite {
  const inner = (suffix: string): string => `${path}:${suffix}`;
  return {
    op,
    path,
    layout,
    inputs,
    outputs,
    inputTypes: inputs.map((input) => typeOf(graph, input)),
    outputTypes: outputs.map((output) => typeOf(graph, output)),
    inner,
    constant: (suffix, tensor) => {
      constants.push(onnxTensor(inner(suffix), tensor));
      return inner(suffix);
    },
  };
}

/** Of ONNX's own operators. */
const ONNX_DOMAIN = "";

function toOnnxNode(node: LoweredNode, name: string): OnnxNode {
  const attributes = Object.entries(node.attributes).map(([attribute, value]) => toOnnxAttribute(attribute, value));
  return { opType: node.opType, domain: node.domain ?? ONNX_DOMAIN, name, inputs: node.inputs, outputs: node.outputs, attributes };
}

function toOnnxAttribute(name: string, value: LoweredAttribute): OnnxAttribute {
  if ("int" in value) return { name, type: "int", value: value.int };
  if ("float" in value) return { name, type: "float", value: value.float };
  if ("ints" in value) return { name, type: "ints", value: value.ints };
  if ("tensor" in value) return { name, type: "tensor", value: onnxTensor("", value.tensor) };
  return { name, type: "string", value: value.string };
}
