import type { Graph, Node } from "../../ir/graph.js";

/**
 * The same graph with its nodes in an order that lets memory be given back early. ONNX Runtime begins with what the last
 * nodes need, so the update of each kernel comes last, first layer to last layer: then the gradient of the last layer's
 * kernel is computed first, and what it was computed from is free before the pass goes on to the layers before. In the
 * order in which the backward pass is built, all kernels' gradients would wait for its end.
 *
 * @param isLate - outputs whose own nodes go to the end, in the order of the graph's outputs
 */
export function memoryOrder(graph: Graph, isLate: (output: string) => boolean): Graph {
  const maker = new Map(graph.nodes.flatMap((node, index) => node.outputs.map((output) => [output, index] as const)));
  const taken = new Set<number>();
  const takeFor = (values: readonly string[]): readonly Node[] => {
    const found: number[] = [];
    const waiting = [...values];
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      const index = maker.get(value);
      if (index === undefined || taken.has(index)) continue;
      taken.add(index);
      found.push(index);
      waiting.push(...(graph.nodes[index]?.inputs ?? []));
    }
    return found.sort((a, b) => a - b).flatMap((index) => graph.nodes[index] ?? []);
  };
  const early = takeFor(graph.outputs.filter(({ name }) => !isLate(name)).map(({ value }) => value));
  const late = graph.outputs.filter(({ name }) => isLate(name)).flatMap(({ value }) => takeFor([value]));
  return { ...graph, nodes: [...early, ...late] };
}
