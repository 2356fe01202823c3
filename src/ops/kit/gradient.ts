import type { Attributes } from "../../ir/graph.js";
import type { TensorType } from "../../tensor/shape.js";
// Types alone: which attributes belong to which op. At run time no op file reads the table of all ops.
import type { AttributesOf, OpName } from "../index.js";

/** A value inside a graph under construction. */
export interface Ref {
  readonly id: string;
  readonly type: TensorType;
}

/** What a gradient rule builds with. Nodes are named below the node whose gradient is built; `name` is unique within one rule. */
export interface GradientBuilder {
  /** Adds a node and returns its first output. */
  add<K extends OpName>(op: K, name: string, inputs: readonly Ref[], attributes: AttributesOf<K>): Ref;
  /** Adds a node and returns all its outputs. */
  addAll<K extends OpName>(op: K, name: string, inputs: readonly Ref[], attributes: AttributesOf<K>): readonly Ref[];
}

/** The node whose gradient is built. */
export interface GradientSite<P extends Attributes> {
  readonly path: string;
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Ref[];
  readonly attributes: P;
  /** Per input, whether its gradient is wanted: what is not wanted need not be built. */
  readonly needed: readonly boolean[];
}

/**
 * Gradients of the loss with respect to each input, given those with respect to each output (null for an output that
 * the loss does not depend on; never all null); null for an input that gets none. Each gradient has the shape of its
 * input. Only ops that can be lowered may be used, so that a backward graph is just a graph.
 */
export type GradientRule<P extends Attributes> = (
  b: GradientBuilder,
  site: GradientSite<P>,
  outputGradients: readonly (Ref | null)[],
) => readonly (Ref | null)[];

/** The gradient of an op's only output, which is there whenever its rule is asked. */
export function onlyGradient(outputGradients: readonly (Ref | null)[]): Ref {
  const [gradient] = outputGradients;
  if (!gradient) throw new RangeError("Cannot differentiate: the op's first output has no gradient");
  return gradient;
}
