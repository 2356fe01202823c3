import type { Graph, Node } from "../../ir/graph.js";
import { producersOf } from "../../ir/uses.js";

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
  const producers = producersOf(graph.nodes);
  const position = new Map(graph.nodes.map((node, index) => [node, index] as const));
  const taken = new Set<Node>();
  const takeFor = (values: readonly string[]): readonly Node[] => {
    const found: Node[] = [];
    const waiting = [...values];
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      const node = producers.get(value);
      if (node === undefined || taken.has(node)) continue;
      taken.add(node);
      found.push(node);
      waiting.push(...node.inputs);
    }
    return found.sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
  };
  const ranked = graph.outputs.map(({ name, value }) => ({ value, layer: layerOf(name) }));
  const early = takeFor(ranked.filter(({ layer }) => layer === null).map(({ value }) => value));
  const late = ranked.filter(({ layer }) => layer !== null).sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0));
  return { ...graph, nodes: [...early, ...late.flatMap(({ value }) => takeFor([value]))] };
}
