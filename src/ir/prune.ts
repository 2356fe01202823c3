import { InceptionError } from "../errors.js";
import type { Graph, GraphOutput } from "./graph.js";
import { rewriteGraph } from "./rewrite.js";
import { neededFor } from "./uses.js";

/**
 * The same network with other outputs, without what they do not need: a feature extractor, a network without its
 * auxiliary heads, or one that shows inner values. Outputs may name graph outputs or module paths.
 *
 * @param names - output names, in the order wanted; a module path gives the value that leaves the module
 * @throws InceptionError OPTION_INVALID listing the outputs when a name is neither
 */
export function selectOutputs(graph: Graph, names: readonly string[]): Graph {
  const outputs = names.map((name) => findOutput(graph, name));
  const { nodes } = neededFor(
    graph.nodes,
    outputs.map(({ value }) => value),
  );
  return rewriteGraph(graph, { nodes, outputs });
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
