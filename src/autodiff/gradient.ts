/**
 * Reverse-mode differentiation of a graph under construction. The backward graph is made of ops like any other, in the
 * same builder, so that it is checked, lowered and run by the same code.
 */

import type { Node } from "../ir/graph.js";
import { producersOf, reachedFrom } from "../ir/uses.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { opDef } from "../ops/index.js";
import { type GradientBuilder, shapeError } from "../ops/op.js";
import { at } from "../tensor/at.js";
import { formatShape, sameShape } from "../tensor/shape.js";

/** How a backward pass is built. */
export interface GradientOptions {
  /**
   * Parts of the forward pass (`segments`) whose inner values are computed again when the backward pass reaches them,
   * instead of being kept until then. Gradients are the same. Default none.
   */
  readonly recompute?: readonly (readonly Node[])[];
}

/**
 * Gradients of a scalar with respect to values that it was computed from.
 *
 * Walks the nodes backwards from `loss`, asks each op for its rule and adds what reaches a value on several ways. Nodes
 * are named `gradient.<path of the node>.<name>`; parts of the graph that lie on no way from `wrt` to `loss` get none.
 *
 * @param loss - a value of one element
 * @param wrt - the values to differentiate with respect to
 * @returns one gradient for each, of its shape; null for a value that the loss does not depend on
 * @throws InceptionError SHAPE_INVALID where an op on the way has no gradient, naming the op and the node
 */
export function gradients(b: GraphBuilder, loss: Ref, wrt: readonly Ref[], options: GradientOptions = {}): readonly (Ref | null)[] {
  const nodes = b.nodes();
  const again = recomputation(b, nodes, options.recompute ?? []);
  const reached = reachedFrom(
    nodes,
    wrt.map(({ id }) => id),
  );
  const pending = new Map<string, Ref[]>();
  if (reached.has(loss.id)) {
    // A value of one element, whatever its rank.
    pending.set(loss.id, [b.add("constant", "gradient.one", [], { shape: loss.type.shape.map(Number), values: [1] })]);
  }
  for (const node of [...nodes].reverse()) {
    const outputGradients = node.outputs.map((output) => total(b, output, pending));
    if (outputGradients.every((gradient) => gradient === null)) continue;
    const needed = node.inputs.map((input) => reached.has(input));
    if (!needed.includes(true)) continue;
    const valueAt = again(node, outputGradients.find((gradient) => gradient !== null) ?? null);
    for (const [index, gradient] of nodeGradients(b, node, needed, outputGradients, valueAt).entries()) {
      const input = node.inputs[index];
      if (gradient === null || input === undefined || !needed[index]) continue;
      checkShape(node, index, gradient, b.ref(input));
      pending.set(input, [...(pending.get(input) ?? []), gradient]);
    }
  }
  return wrt.map(({ id }) => total(b, id, pending));
}

/** The sum of what reached a value so far; null where nothing did. Asked once all readers of the value are done. */
function total(b: GraphBuilder, value: string, pending: Map<string, Ref[]>): Ref | null {
  const parts = pending.get(value) ?? [];
  if (parts.length < 2) return parts[0] ?? null;
  const sum = b.add("sum", `gradient.${value}.sum`, parts, {});
  pending.set(value, [sum]);
  return sum;
}

function nodeGradients(
  b: GraphBuilder,
  node: Node,
  needed: readonly boolean[],
  outputGradients: readonly (Ref | null)[],
  valueAt: (value: string) => Ref,
): readonly (Ref | null)[] {
  const { grad } = opDef(node.op);
  if (grad === null) throw shapeError(node, "it is not differentiable, but the loss depends on a trained value through it");
  const prefix = `gradient.${node.path}`;
  const builder: GradientBuilder = {
    add: (op, name, inputs, attributes) => b.add(op, `${prefix}.${name}`, inputs, attributes),
    addAll: (op, name, inputs, attributes) => b.addAll(op, `${prefix}.${name}`, inputs, attributes),
  };
  const refs = (values: readonly string[]) => values.map(valueAt);
  return grad(
    builder,
    { path: node.path, inputs: refs(node.inputs), outputs: refs(node.outputs), attributes: node.attributes, needed },
    outputGradients,
  );
}

/**
 * Gives, for a node whose gradient is built, the values to build it from: those of the forward pass, or of its segment's
 * second run, which is added when the first node of the segment is asked for.
 */
function recomputation(b: GraphBuilder, nodes: readonly Node[], parts: readonly (readonly Node[])[]) {
  const segmentOf = new Map(parts.flatMap((part, index) => part.map((node) => [node.path, index] as const)));
  const runs = new Map<number, ReadonlyMap<string, Ref>>();
  return (node: Node, gradient: Ref | null): ((value: string) => Ref) => {
    const index = segmentOf.get(node.path);
    const part = index === undefined ? undefined : parts[index];
    if (index === undefined || part === undefined || gradient === null) return (value) => b.ref(value);
    const run = runs.get(index) ?? secondRun(b, nodes, part, gradient);
    runs.set(index, run);
    return (value) => run.get(value) ?? b.ref(value);
  };
}

/**
 * The inner values of a segment once more. What enters it gets 0 · gradient added, so that the second run can only begin
 * when the backward pass has come so far: otherwise a runtime would merge both runs, or do them one after the other.
 */
function secondRun(b: GraphBuilder, nodes: readonly Node[], part: readonly Node[], gradient: Ref): ReadonlyMap<string, Ref> {
  const made = new Set(part.flatMap((node) => node.outputs));
  const inside = new Set(part.map(({ path }) => path));
  const shared = new Set(nodes.filter(({ path }) => !inside.has(path)).flatMap((node) => node.inputs));
  const producers = producersOf(nodes);
  const values = new Map<string, Ref>();
  const name = `recompute.${at(part, 0).path}`;
  let nothing: Ref | null = null;
  const entering = (value: string): Ref => {
    const known = values.get(value);
    if (known) return known;
    const kept = b.ref(value);
    // Parameters are there anyway, and a view of one is no work; only what the forward pass made is held back.
    if (!producers.has(value) || isView(producers, value)) return kept;
    nothing ??= zeroOf(b, name, gradient);
    const late = b.add("add", `${name}.${value}`, [kept, nothing], {});
    values.set(value, late);
    return late;
  };
  for (const node of part) {
    // What others read is kept in any case: the end of the segment, the statistics of a batch normalization.
    if (node.outputs.every((output) => shared.has(output))) continue;
    const inputs = node.inputs.map((input) => (made.has(input) ? (values.get(input) ?? b.ref(input)) : entering(input)));
    const outputs = b.addNode(node.op, `recompute.${node.path}`, inputs, node.attributes);
    for (const [index, output] of node.outputs.entries()) if (outputs[index] && !shared.has(output)) values.set(output, outputs[index]);
  }
  return values;
}

/** 0, but known only when `gradient` is: [1]. */
function zeroOf(b: GraphBuilder, name: string, gradient: Ref): Ref {
  const axes = gradient.type.shape.map((_, axis) => axis);
  const corner = { starts: axes.map(() => 0), ends: axes.map(() => 1), axes, steps: axes.map(() => 1) };
  const element = axes.length === 0 ? gradient : b.add("slice", `${name}.element`, [gradient], corner);
  return b.add("scale", `${name}.nothing`, [b.add("reshape", `${name}.scalar`, [element], { shape: [1] })], { factor: 0 });
}

/** Whether a value is a parameter in another shape. */
function isView(producers: ReadonlyMap<string, Node>, value: string): boolean {
  const producer = producers.get(value);
  return producer?.op === "reshape" && !producer.inputs.some((input) => producers.has(input));
}

/** A rule that returns another shape is a mistake in the rule, which would surface far away. */
function checkShape(node: Node, index: number, gradient: Ref, input: Ref): void {
  if (sameShape(gradient.type.shape, input.type.shape)) return;
  throw shapeError(
    node,
    `the gradient of input ${index} is ${formatShape(gradient.type.shape)}, expected the input's ${formatShape(input.type.shape)}`,
  );
}
