import type { Graph, Node } from "../../ir/graph.js";

/**
 * The same graph with its nodes in an order that lets memory be given back early. ONNX Runtime begins with what the last
 * nodes need, so updates come last, first layer to last layer: then the gradient of the last layer's kernel is computed
 * first, and what it was computed from is free before the pass goes on to the layers before. In the order in which the
 * backward pass is built, all kernels' gradients would wait for its end.
 *
 * @param layerOf - the number of the layer whose update gives an output, null for outputs that are no update's. An update
 *   of several layers counts as that of the first.
 */
export function memoryOrder(graph: Graph, layerOf: (output: string) => number | null): Graph {
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
  const ranked = graph.outputs.map(({ name, value }) => ({ value, layer: layerOf(name) }));
  const early = takeFor(ranked.filter(({ layer }) => layer === null).map(({ value }) => value));
  const late = ranked.filter(({ layer }) => layer !== null).sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0));
  return { ...graph, nodes: [...early, ...late.flatMap(({ value }) => takeFor([value]))] };
}
