import type { Graph, Parameter } from "../../ir/graph.js";
import { isTrainable, typeOf } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { rewriteGraph } from "../../ir/rewrite.js";
import { reachedFrom } from "../../ir/uses.js";
import { checkGraph } from "../../ops/index.js";

/** A network split before its first trained layer. */
export interface SplitNetwork {
  /** What no trained parameter comes before: an inference network whose outputs are `cut`. null where training begins at the input. */
  readonly frozen: Graph | null;
  /** The rest; its inputs are the values of `cut`. */
  readonly trained: Graph;
  /** Names of the values between the two. */
  readonly cut: readonly string[];
}

/**
 * Cuts a network into the part that training cannot change and the part that it can. The frozen part runs as an
 * inference graph, where the runtime folds each batch normalization into its convolution, and is not differentiated.
 *
 * A node is frozen where neither it nor anything before it has a trained parameter or draws a dropout mask. Batch
 * normalizations of the frozen part use their running statistics and keep them. The pool of an Inception block whose input
 * crosses the cut anyway is computed in the trained part, so that one map crosses the cut and not two.
 *
 * @throws RangeError when nothing is trained
 */
export function splitFrozen(network: Graph, isTrained: (parameter: Parameter) => boolean): SplitNetwork {
  const changing = network.parameters.filter((p) => isTrainable(p) && isTrained(p)).map(({ path }) => path);
  if (changing.length === 0) throw new RangeError(`Cannot train "${network.name}": no parameter is trained`);
  const { trainedNodes, made, cut } = narrowCut(
    network,
    reachedFrom(network.nodes, changing, ({ op }) => op === "dropout"),
  );
  const inputs = new Set(network.inputs.map(({ name }) => name));
  if (cut.every((value) => inputs.has(value))) return { frozen: null, trained: network, cut };
  const frozen = selectOutputs({ ...network, outputs: cut.map((value) => ({ name: value, value })) }, cut);
  const trained = rewriteGraph(network, {
    inputs: cut.map((name) => ({ name, type: typeOf(network, name) })),
    nodes: trainedNodes,
    outputs: network.outputs.filter(({ value }) => made.has(value)),
  });
  return { frozen: checkGraph(frozen), trained: checkGraph(trained), cut };
}

/** The nodes of the trained part and the values that it reads, where `trained` has the outputs of those that must be in it. */
function narrowCut(network: Graph, trained: ReadonlySet<string>) {
  const parameters = new Set(network.parameters.map(({ path }) => path));
  const made = new Set(trained);
  for (;;) {
    const trainedNodes = network.nodes.filter(({ outputs }) => outputs.some((output) => made.has(output)));
    for (const { outputs } of trainedNodes) for (const output of outputs) made.add(output);
    const cut = [...new Set(trainedNodes.flatMap((node) => node.inputs))].filter((value) => !made.has(value) && !parameters.has(value));
    const crossing = new Set(cut);
    const movable = network.nodes.find(
      ({ inputs, outputs }) =>
        inputs.length > 0 && outputs.some((output) => crossing.has(output)) && inputs.every((input) => crossing.has(input)),
    );
    if (movable === undefined) return { trainedNodes, made: new Set(trainedNodes.flatMap(({ outputs }) => outputs)), cut };
    for (const output of movable.outputs) made.add(output);
  }
}
