/** Who makes the values of a graph, and who reads them. */
import type { Graph, Node } from "./graph.js";

/** What a walk needs of a node: of a graph's, or of an ONNX file's. */
interface Flow {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The node that makes each value; inputs and parameters of the graph have none. */
export function producersOf<N extends Flow>(nodes: readonly N[]): ReadonlyMap<string, N> {
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
}

/** Who reads each value, once for each time: nodes in their order, then "output" for each graph output that shows it. */
export type Consumers = ReadonlyMap<string, readonly (Node | "output")[]>;

export function consumersOf({ nodes, outputs }: Pick<Graph, "nodes" | "outputs">): Consumers {
  const consumers = new Map<string, (Node | "output")[]>();
  const add = (value: string, consumer: Node | "output"): void => {
    const known = consumers.get(value);
    if (known === undefined) consumers.set(value, [consumer]);
    else known.push(consumer);
  };
  for (const node of nodes) for (const input of node.inputs) add(input, node);
  for (const { value } of outputs) add(value, "output");
  return consumers;
}

/** The node that alone reads what a node makes; null where there are several, or an output of the graph shows it. */
export function onlyConsumer(consumers: Consumers, { outputs }: Flow): Node | null {
  const [first, ...others] = outputs.flatMap((output) => consumers.get(output) ?? []);
  return first === undefined || first === "output" || others.length > 0 ? null : first;
}

/** The nodes that some of `wanted` are computed by, in order, and all values that those read or that are wanted. */
export function neededFor<N extends Flow>(
  nodes: readonly N[],
  wanted: Iterable<string>,
): { readonly nodes: readonly N[]; readonly values: ReadonlySet<string> } {
  const values = new Set(wanted);
  const needed = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => values.has(output))) return false;
    for (const input of node.inputs) values.add(input);
    return true;
  });
  return { nodes: needed.reverse(), values };
}

/** Every value that some of `sources`, or what one of the nodes `begins`, flow into, and the sources themselves. */
export function reachedFrom<N extends Flow>(
  nodes: readonly N[],
  sources: Iterable<string>,
  begins: (node: N) => boolean = () => false,
): ReadonlySet<string> {
  const reached = new Set(sources);
  for (const node of nodes) {
    if (begins(node) || node.inputs.some((input) => reached.has(input))) for (const output of node.outputs) reached.add(output);
  }
  return reached;
}
