import type { Node } from "../ir/graph.js";
import { at } from "../tensor/at.js";
import type { TensorType } from "../tensor/shape.js";
import { elementsPerImage } from "../tensor/shape.js";

/**
 * Cut a forward pass into segments whose inner values can be forgotten and computed again (Chen et al., arXiv:1604.06174).
 *
 * A cut lies where a single value is alive: behind each block of a residual network, behind each concatenation of an
 * Inception. Of n such places about √n are used, so that segments hold about equally much; the values at the cuts are kept.
 *
 * @param nodes - the forward pass in order
 * @param isFixed - values that are there all the time: inputs and parameters
 * @param typeOf - of a value
 * @returns the nodes of each segment; the last part, which is differentiated first, is in none
 */
export function segments(
  nodes: readonly Node[],
  isFixed: (value: string) => boolean,
  typeOf: (value: string) => TensorType,
): readonly (readonly Node[])[] {
  const sizes = nodes.map((node) => node.outputs.reduce((sum, output) => sum + elementsPerImage(typeOf(output).shape), 0));
  const cuts = cutsAfter(nodes, isFixed);
  const wanted = Math.max(1, Math.round(Math.sqrt(cuts.filter(Boolean).length)));
  const share = sizes.reduce((sum, size) => sum + size, 0) / wanted;
  const found: Node[][] = [];
  let current: Node[] = [];
  let held = 0;
  for (const [index, node] of nodes.entries()) {
    current.push(node);
    held += at(sizes, index);
    if (cuts[index] !== true || held < share) continue;
    found.push(current);
    current = [];
    held = 0;
  }
  return found;
}

/** For each node, whether exactly one value that is not fixed is needed behind it. */
function cutsAfter(nodes: readonly Node[], isFixed: (value: string) => boolean): readonly boolean[] {
  const lastUse = new Map<string, number>();
  for (const [index, node] of nodes.entries()) for (const input of node.inputs) lastUse.set(input, index);
  const alive = new Set<string>();
  return nodes.map((node, index) => {
    for (const output of node.outputs) if ((lastUse.get(output) ?? -1) > index) alive.add(output);
    for (const input of node.inputs) if (lastUse.get(input) === index) alive.delete(input);
    const moving = [...alive].filter((value) => !isFixed(value));
    return moving.length === 1;
  });
}
