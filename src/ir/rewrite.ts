import type { TensorType } from "../tensor/shape.js";
import type { Graph, Node } from "./graph.js";

/** What a rewrite changes. What is left out stays as it is. */
interface GraphChange extends Partial<Pick<Graph, "inputs" | "parameters" | "outputs">> {
  /** What takes the place of a node, by its path. An empty list drops the node. */
  readonly pieces?: ReadonlyMap<string, readonly Node[]>;
  /** All nodes, where they are made anew: neither `pieces` nor `replaced` applies to them. */
  readonly nodes?: readonly Node[];
  /** Values in whose place others are read, shown and named as ends of modules and stages. */
  readonly replaced?: ReadonlyMap<string, string>;
  /** Types of new values, and of those whose type changes. */
  readonly types?: Iterable<readonly [string, TensorType]>;
}

/**
 * A graph with other nodes. Everything that refers to nodes and values follows: inputs and parameters that nothing reads
 * any more are gone, and so are modules and stages whose value neither a node makes nor a parameter holds.
 *
 * @returns the graph unchecked: callers check it with `checkGraph`, which knows the laws of the ops
 */
export function rewriteGraph(graph: Graph, change: GraphChange): Graph {
  const { pieces, replaced = new Map<string, string>() } = change;
  const resolve = (value: string): string => {
    const other = replaced.get(value);
    return other === undefined ? value : resolve(other);
  };
  const nodes =
    change.nodes ??
    graph.nodes
      .flatMap((node) => pieces?.get(node.path) ?? [node])
      .map((node) => (replaced.size === 0 ? node : { ...node, inputs: node.inputs.map(resolve) }));
  const outputs = change.outputs ?? graph.outputs.map((output) => ({ ...output, value: resolve(output.value) }));
  const read = new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)]);
  const inputs = (change.inputs ?? graph.inputs).filter(({ name }) => read.has(name));
  const parameters = (change.parameters ?? graph.parameters).filter(({ path }) => read.has(path));
  const own = new Set([...parameters.map(({ path }) => path), ...nodes.flatMap((node) => node.outputs)]);
  const ends = <T extends { readonly output: string }>(list: readonly T[]): readonly T[] =>
    list.map((each) => ({ ...each, output: resolve(each.output) })).filter(({ output }) => own.has(output));
  const defined = new Set([...inputs.map(({ name }) => name), ...own]);
  const types = new Map([...graph.types, ...(change.types ?? [])].filter(([value]) => defined.has(value)));
  return { ...graph, inputs, parameters, nodes, outputs, modules: ends(graph.modules), stages: ends(graph.stages), types };
}
