import type { Graph } from "../ir/graph.js";
import { rewriteGraph } from "../ir/rewrite.js";
import { checkGraph } from "../ops/index.js";

/**
 * A graph without the nodes that do nothing at inference (dropout): what read their output reads their input.
 * The result computes the same values and is checked.
 */
export function dropInferenceIdentities(graph: Graph): Graph {
  const dropped = graph.nodes.filter(({ op }) => op === "dropout");
  const pairs = dropped.flatMap(({ inputs: [input], outputs: [output] }) =>
    input === undefined || output === undefined ? [] : [[output, input] as const],
  );
  return checkGraph(rewriteGraph(graph, { pieces: new Map(dropped.map(({ path }) => [path, []])), replaced: new Map(pairs) }));
}
