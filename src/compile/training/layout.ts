import type { Attributes } from "../../ir/graph.js";
import type { GraphBuilder, Ref } from "../../ops/build.js";

/** A node of the network as it is to be added: its op, or the one that stands for it in training. */
export interface LayoutNode {
  readonly op: string;
  readonly path: string;
  readonly attributes: Attributes;
}

/**
 * How a training graph holds the maps [N, C, H, W] of its network. Everything else (kernels, vectors, rows of features) is
 * held as it is.
 */
export interface Layout {
  /** Whether 1×1 units on one value are one unit: where joining and parting channels is cheap. */
  readonly joinsUnits: boolean;
  /** A value of the network's own shape, as it is held. */
  enter(value: Ref): Ref;
  /** A held value in the network's own shape. */
  leave(value: Ref): Ref;
  /** Adds a node of the network to held values; returns its outputs as they are held. */
  emit(node: LayoutNode, inputs: readonly Ref[]): readonly Ref[];
}

/** Maps as the network describes them. */
export function nchwLayout(b: GraphBuilder): Layout {
  return {
    joinsUnits: false,
    enter: (value) => value,
    leave: (value) => value,
    emit: ({ op, path, attributes }, inputs) => b.addNode(op, path, inputs, attributes),
  };
}
