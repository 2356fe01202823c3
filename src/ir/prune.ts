import { InceptionError } from "../errors.js";
import type { Graph, GraphOutput } from "./graph.js";

/**
 * The same network with other outputs, without what they do not need: a feature extractor, a network without its
 * auxiliary heads, or one that shows inner values. Outputs may name graph outputs or module paths.
 *
 * @param names - output names, in the order wanted; a module path gives the value that leaves the module
 * @throws InceptionError OPTION_INVALID listing the outputs when a name is neither
 */
export function selectOutputs(graph: Graph, names: readonly string[]): Graph {
  const outputs = names.map((name) => findOutput(graph, name));
  const needed = new Set<string>(outputs.map((output) => output.value));
  const nodes = [...graph.nodes]
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((output) => needed.has(output))) return false;
      for (const input of node.inputs) needed.add(input);
      return true;
    })
    .reverse();
  const kept = new Set([...needed, ...nodes.flatMap((node) => node.outputs)]);
  return {
    ...graph,
    outputs,
    nodes,
    inputs: graph.inputs.filter((input) => kept.has(input.name)),
    parameters: graph.parameters.filter((parameter) => kept.has(parameter.path)),
    modules: graph.modules.filter((module) => kept.has(module.output)),
    stages: graph.stages.filter((stage) => kept.has(stage.output)),
    types: new Map([...graph.types].filter(([value]) => kept.has(value))),
  };
}

function findOutput(graph: Graph, name: string): GraphOutput {
  const output = graph.outputs.find((candidate) => candidate.name === name);
  if (output) return output;
  const module = graph.modules.find((candidate) => candidate.path === name);
  if (module) return { name, value: module.output };
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot select output "${name}" of "${graph.name}": expected ${graph.outputs.map((o) => o.name).join(", ")} or the path of a module`,
    { graph: graph.name, name },
  );
}
