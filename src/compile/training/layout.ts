import { type Attributes, type Graph, typeOf } from "../../ir/graph.js";
import type { GraphBuilder, Ref } from "../../ops/build.js";
import type { MapLayout } from "../../ops/op.js";
import type { TrainingOptions } from "./options.js";

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

/** The layout that is asked for; by default [N, C, H, W] on WebGPU and for volumes, else the faster one. */
export function mapLayout(network: Graph, { layout, target }: Pick<TrainingOptions, "layout" | "target">): MapLayout {
  const hasVolumes = network.nodes.some(({ outputs }) => outputs.some((output) => typeOf(network, output).shape.length > 4));
  return layout ?? (target === "webgpu" || hasVolumes ? "nchw" : "chwn");
}

/** How maps lie in the programs: one image lies as in both layouts. */
export function loweredLayout(network: Graph, options: TrainingOptions): MapLayout {
  return options.batchSize === 1 ? "chwn" : mapLayout(network, options);
}
