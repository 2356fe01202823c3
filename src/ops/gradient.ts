import type { Attributes } from "../ir/graph.js";
import type { TensorType } from "../tensor/shape.js";

/** A value inside a graph under construction. */
export interface Ref {
  readonly id: string;
  readonly type: TensorType;
}

/** Adds a node of any op to the graph under construction; `build.ts` gives the typed form. */
export type EmitNode = (op: string, path: string, inputs: readonly Ref[], attributes: Attributes) => Ref;

/**
 * Gradients of the loss with respect to each input, given those with respect to each output; null for an input that
 * gets none. Only ops that can be lowered may be used, so that a backward graph is just a graph.
 */
export type GradientRule<P extends Attributes> = (
  emit: EmitNode,
  node: { readonly path: string; readonly inputs: readonly Ref[]; readonly outputs: readonly Ref[]; readonly attributes: P },
  outputGradients: readonly (Ref | null)[],
) => readonly (Ref | null)[];
