import type { Graph, Node } from "../ir/graph.js";
import { consumersOf } from "../ir/uses.js";
import type { LoweredNode } from "../ops/op.js";
import { at } from "../tensor/at.js";

/** A node of a graph and what it becomes in ONNX. */
interface LoweredPart {
  readonly node: Node;
  readonly lowered: readonly LoweredNode[];
}

/** Ops with one ONNX node, which work on each channel (axis 1) alike wherever its elements lie. */
const OF_CHANNELS: ReadonlySet<string> = new Set(["batchNormalization", "relu", "leakyRelu"]);

/**
 * The same nodes, with those that only arrange the result of an op (`LoweredNode.arranges`) behind the normalization and
 * the activation that follow it. The numbers are the same; ONNX Runtime folds these into a convolution only where they
 * stand next to it.
 */
export function arrangeLater(graph: Graph, parts: readonly LoweredPart[]): readonly LoweredPart[] {
  const consumers = consumersOf(graph);
  const result = [...parts];
  const makers = new Map<string, number>();
  for (const [index, { node, lowered }] of parts.entries()) {
    const [x] = node.inputs;
    const maker = x === undefined ? undefined : makers.get(x);
    const before = maker === undefined ? undefined : result[maker];
    const [own, ...more] = lowered;
    if (
      x !== undefined &&
      before &&
      maker !== undefined &&
      own &&
      more.length === 0 &&
      OF_CHANNELS.has(node.op) &&
      consumers.get(x)?.length === 1
    ) {
      const { kept, moved } = exchanged(before.lowered, node.path, own);
      result[maker] = { node: before.node, lowered: kept };
      result[index] = { node, lowered: moved };
    }
    const last = result[index]?.lowered.at(-1);
    if (last?.arranges !== undefined) makers.set(at(last.outputs, 0), index);
  }
  return result;
}

/** What stays of a part that ends in an arrangement, and the node `own` that read it with the arrangement behind. */
function exchanged(lowered: readonly LoweredNode[], path: string, own: LoweredNode) {
  const value = lowered.at(-1)?.arranges;
  if (value === undefined) throw new RangeError(`Cannot arrange "${path}": its inputs are not arranged`);
  const start = lowered.findIndex(({ outputs }) => outputs.includes(value)) + 1;
  const inner = `${path}:arranged`;
  const arrangement = lowered.slice(start).map((node, index, all) => {
    const inputs = node.inputs.map((input) => (input === value ? inner : input));
    return index === all.length - 1 ? { ...node, inputs, outputs: own.outputs, arranges: inner } : { ...node, inputs };
  });
  const first: LoweredNode = { ...own, inputs: [value, ...own.inputs.slice(1)], outputs: [inner] };
  return { kept: lowered.slice(0, start), moved: [first, ...arrangement] };
}
