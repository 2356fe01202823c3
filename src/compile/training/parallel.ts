import type { Graph, Node } from "../../ir/graph.js";
import { consumersOf, onlyConsumer } from "../../ir/uses.js";

/** A convolution with a 1×1 kernel and what follows it: a batch normalization, if any, and a ReLU. */
export interface PointwiseUnit {
  readonly conv: Node;
  readonly norm: Node | null;
  readonly relu: Node;
}

/**
 * Units that begin the branches of a block: they read one value, and nothing else reads what is inside of them. With their
 * kernels, scales and shifts side by side they are one unit with more channels, which gives the same numbers: each channel
 * is a product and a normalization of its own.
 *
 * @param usesBatch - whether a batch normalization uses the statistics of its batch
 * @returns groups of two or more units, in the order of the network
 */
export function parallelUnits(network: Graph, usesBatch: (norm: Node) => boolean): readonly (readonly PointwiseUnit[])[] {
  const consumers = consumersOf(network);
  const groups = new Map<string, PointwiseUnit[]>();
  for (const conv of network.nodes) {
    if (!isPointwise(conv)) continue;
    const next = onlyConsumer(consumers, conv);
    const norm = next?.op === "batchNormalization" ? next : null;
    const relu = norm ? onlyConsumer(consumers, norm) : next;
    if (relu?.op !== "relu" || (norm && !usesBatch(norm))) continue;
    // Together with those that are normalized alike and have a bias or none alike.
    const key = [conv.inputs[0], conv.inputs.length, norm ? norm.attributes.epsilon : "plain"].join(" ");
    groups.set(key, [...(groups.get(key) ?? []), { conv, norm, relu }]);
  }
  return [...groups.values()].filter((units) => units.length > 1);
}

function isPointwise({ op, attributes: { kernelShape, strides, pads, groups } }: Node): boolean {
  const every = (values: unknown, value: number): boolean => Array.isArray(values) && values.every((one) => one === value);
  return op === "conv" && groups === 1 && every(kernelShape, 1) && every(strides, 1) && every(pads, 0);
}
