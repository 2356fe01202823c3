import type { Graph } from "../ir/graph.js";
import { checkGraph } from "../ops/index.js";

/**
 * A graph without the nodes that do nothing at inference (dropout): what read their output reads their input.
 * The result computes the same values and is checked.
 */
export function dropInferenceIdentities(graph: Graph): Graph {
  const replaced = new Map<string, string>();
  const resolve = (value: string): string => replaced.get(value) ?? value;
  const nodes = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(resolve);
    const [input] = inputs;
    if (node.op === "dropout" && input !== undefined) for (const output of node.outputs) replaced.set(output, input);
    else nodes.push({ ...node, inputs });
  }
  return checkGraph({
    ...graph,
    nodes,
    outputs: graph.outputs.map((output) => ({ ...output, value: resolve(output.value) })),
    modules: graph.modules.map((module) => ({ ...module, output: resolve(module.output) })),
    stages: graph.stages.map((stage) => ({ ...stage, output: resolve(stage.output) })),
    types: new Map([...graph.types].filter(([value]) => !replaced.has(value))),
  });
}
