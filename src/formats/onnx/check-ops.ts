import { InceptionError } from "../../errors.js";
import { quoted } from "../quoted.js";
import type { OnnxGraph, OnnxModel, OnnxNode } from "./types.js";

/** Every node of a graph and of the graphs in its attributes, with the place that messages call it by. */
export function* allNodes(graph: OnnxGraph, place = "graph"): Generator<{ readonly node: OnnxNode; readonly place: string }> {
  for (const [index, node] of graph.nodes.entries()) {
    const nodePlace = `${place}.node[${index}]`;
    yield { node, place: nodePlace };
    for (const [at, attribute] of node.attributes.entries()) {
      const attributePlace = `${nodePlace}.attribute[${at}]`;
      if (attribute.type === "graph") yield* allNodes(attribute.value, `${attributePlace}.g`);
      if (attribute.type !== "graphs") continue;
      for (const [inner, value] of attribute.value.entries()) yield* allNodes(value, `${attributePlace}.graphs[${inner}]`);
    }
  }
}

/** The operator of a node: `Conv` for ONNX's own, `com.microsoft:FusedConv` for those of other domains. */
export function qualifiedOp(node: OnnxNode): string {
  return node.domain === "" || node.domain === "ai.onnx" ? node.opType : `${node.domain}:${node.opType}`;
}

/**
 * Refuse a model that uses an operator outside a list, subgraphs included, before it is handed to a runtime.
 *
 * @param allowed - operators as `qualifiedOp` names them
 * @param name - how messages name the file; default "model.onnx"
 * @throws InceptionError FILE_UNSAFE naming the first foreign operator
 */
export function checkOps(model: OnnxModel, allowed: ReadonlySet<string>, name = "model.onnx"): void {
  for (const { node, place } of allNodes(model.graph)) {
    const op = qualifiedOp(node);
    if (allowed.has(op)) continue;
    throw new InceptionError(
      "FILE_UNSAFE",
      `Cannot accept ${quoted(name)}: ${place} uses operator ${quoted(op)}, which is not in the list of ${allowed.size} allowed ones`,
      {
        name,
        place,
        op,
      },
    );
  }
}
