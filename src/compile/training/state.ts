import type { Graph, Parameter } from "../../ir/graph.js";
import type { GraphBuilder, Ref } from "../../ops/build.js";
import { elementsPerImage } from "../../tensor/shape.js";
import type { StateKind, StateTensor, TrainingFeed } from "./options.js";

/** A training graph under construction: the builder and what its inputs and outputs mean. */
export interface TrainingContext {
  readonly b: GraphBuilder;
  readonly network: Graph;
  /** State by name, in the order in which it was declared. */
  readonly state: Map<string, { readonly tensor: StateTensor; readonly input: Ref; next: Ref | null }>;
  readonly feeds: TrainingFeed[];
  readonly outputs: { readonly name: string; readonly value: Ref }[];
}

/** Declares a flat piece of state for a parameter, once. */
export function stateInput(context: TrainingContext, parameter: Parameter, kind: StateKind, name: string, initial: number | null): Ref {
  const known = context.state.get(name);
  if (known) return known.input;
  const shape = parameter.type.shape.map(Number);
  const input = context.b.input(name, [elementsPerImage(shape)]);
  context.state.set(name, { tensor: { name, kind, parameter: parameter.path, shape, initial }, input, next: null });
  return input;
}

/** The counter of steps, a scalar that starts at 0. */
export function counterInput(context: TrainingContext): Ref {
  const known = context.state.get(COUNTER);
  if (known) return known.input;
  const input = context.b.input(COUNTER, []);
  context.state.set(COUNTER, { tensor: { name: COUNTER, kind: "counter", parameter: COUNTER, shape: [], initial: 0 }, input, next: null });
  return input;
}

const COUNTER = "step";

/** What a piece of state becomes. */
export function setNext(context: TrainingContext, name: string, next: Ref): void {
  const known = context.state.get(name);
  if (known === undefined) throw new RangeError(`Cannot set state "${name}": it was not declared`);
  known.next = next;
}

export function feedInput(context: TrainingContext, feed: TrainingFeed): Ref {
  context.feeds.push(feed);
  return context.b.input(feed.name, feed.shape, feed.dtype);
}

/** Several flat values as one vector, so that a hundred small ones take one operator and not a hundred. */
export function joined(b: GraphBuilder, path: string, parts: readonly Ref[]): Ref {
  const [only, ...more] = parts;
  return only !== undefined && more.length === 0 ? only : b.add("concat", path, parts, { axis: 0 });
}

/** The inverse of `joined`: a vector cut into parts of these sizes. */
export function parted(b: GraphBuilder, path: string, vector: Ref, sizes: readonly number[]): readonly Ref[] {
  return sizes.length === 1 ? [vector] : b.addAll("split", path, [vector], { axis: 0, sizes });
}
