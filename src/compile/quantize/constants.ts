import type { Graph, Node, Parameter, ParameterRole } from "../../ir/graph.js";
import { typeOf } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { rewriteGraph } from "../../ir/rewrite.js";
import { checkGraph } from "../../ops/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Network } from "./network.js";

/**
 * The part of a network that depends on parameters alone, such as a kernel that is cut in two: a graph without inputs whose
 * outputs are the values that the rest reads, under their own names. null where there is none.
 */
export function constantGraph(graph: Graph): Graph | null {
  const values = constantValues(graph);
  const read = new Set([
    ...graph.nodes.filter(({ outputs }) => !outputs.some((output) => values.has(output))).flatMap(({ inputs }) => inputs),
    ...graph.outputs.map(({ value }) => value),
  ]);
  const shown = [...values].filter((value) => read.has(value));
  if (shown.length === 0) return null;
  const outputs = shown.map((value) => ({ name: value, value }));
  return checkGraph(selectOutputs({ ...graph, outputs, modules: [], stages: [] }, shown));
}

/** What nodes make that read nothing but parameters and other such values. */
function constantValues({ parameters, nodes }: Graph): ReadonlySet<string> {
  const known = new Set(parameters.map(({ path }) => path));
  const made = new Set<string>();
  for (const { inputs, outputs } of nodes) {
    if (!inputs.every((input) => known.has(input))) continue;
    for (const output of outputs) {
      known.add(output);
      made.add(output);
    }
  }
  return made;
}

/**
 * The network with these values as parameters in place of the nodes that make them.
 *
 * @param values - of the outputs of `constantGraph`
 */
export function withConstants({ graph, parameters }: Network, values: ReadonlyMap<string, Tensor>): Network {
  const made = constantValues(graph);
  const nodes = graph.nodes.filter(({ outputs }) => !outputs.some((output) => made.has(output)));
  const added = [...values.keys()].map(
    (path): Parameter => ({ path, type: typeOf(graph, path), role: roleOf(nodes, path), stage: stageOf(graph, path) }),
  );
  return {
    graph: checkGraph(rewriteGraph(graph, { nodes, parameters: [...graph.parameters, ...added] })),
    parameters: new Map([...parameters, ...values]),
  };
}

function stageOf({ nodes }: Graph, value: string): string {
  const maker = nodes.find(({ outputs }) => outputs.includes(value));
  if (maker === undefined) throw new RangeError(`Cannot find the node that makes "${value}"`);
  return maker.stage;
}

/** What a value is to the layer that reads it. */
function roleOf(nodes: readonly Node[], value: string): ParameterRole {
  const reader = nodes.find(({ inputs }) => inputs.includes(value));
  if (reader?.inputs[1] !== value) return "bias";
  if (reader.op === "conv") return "conv_kernel";
  return reader.op === "convTranspose" ? "conv_transpose_kernel" : "linear_kernel";
}
