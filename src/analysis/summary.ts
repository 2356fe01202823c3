import { type Graph, isTrainable, type Node, typeOf } from "../ir/graph.js";
import { opDef } from "../ops/index.js";
import { at } from "../tensor/at.js";
import { elementsPerImage, type Shape } from "../tensor/shape.js";
import { type ReceptiveField, receptiveFields } from "./receptive-field.js";

/**
 * What a network is made of and costs, for one image. params counts trained values (kernels, biases, scales, shifts),
 * not running statistics; macs counts multiply-adds of convolutions and linear layers.
 */
export interface Summary {
  readonly id: string;
  /** [N, C, …], with 1 for the batch. */
  readonly input: readonly number[];
  readonly params: number;
  /** Values that are kept but not trained: running statistics. */
  readonly nonTrainable: number;
  readonly macs: number;
  /** Number of convolutions by their kernels: one whose kernel is cut in parts counts once; linear layers are not among them. */
  readonly convs: number;
  readonly stages: readonly StageSummary[];
  readonly layers: readonly LayerSummary[];
}

/** Shape and cost of one stage: a module path and all nodes below it. */
export interface StageSummary {
  readonly path: string;
  /** [C, …] of what leaves the stage. */
  readonly shape: readonly number[];
  readonly params: number;
  readonly macs: number;
}

/** Shape and cost of one node. */
export interface LayerSummary extends StageSummary {
  readonly op: string;
  /** Pixels of the input along each axis that one output element sees; "all" behind a global pool. */
  readonly receptiveField: ReceptiveField;
}

/**
 * Counts a network, layer by layer and stage by stage.
 *
 * @example
 * ```ts
 * import { summarize } from "inceptionkit/core";
 * import { describeModel } from "inceptionkit/models";
 * summarize(describeModel("googlenet")).params; // 6624904
 * ```
 */
export function summarize(graph: Graph): Summary {
  const fields = receptiveFields(graph);
  const costOf = nodeCosts(graph);
  const layers = graph.nodes.map(
    (node): LayerSummary => ({
      path: node.path,
      op: node.op,
      shape: withoutBatch(typeOf(graph, at(node.outputs, 0)).shape),
      ...costOf(node),
      receptiveField: fields.get(node.path) ?? "all",
    }),
  );
  const stages = graph.stages.map((stage): StageSummary => {
    const inside = layers.filter((_, index) => graph.nodes[index]?.stage === stage.path);
    return {
      path: stage.path,
      shape: withoutBatch(typeOf(graph, stage.output).shape),
      params: sum(inside.map((layer) => layer.params)),
      macs: sum(inside.map((layer) => layer.macs)),
    };
  });
  return {
    id: graph.name,
    input: [1, ...withoutBatch(graph.inputs[0]?.type.shape ?? [])],
    params: sum(layers.map((layer) => layer.params)),
    nonTrainable: sum(graph.parameters.filter((parameter) => !isTrainable(parameter)).map(({ type }) => elementsPerImage(type.shape))),
    macs: sum(layers.map((layer) => layer.macs)),
    convs: graph.parameters.filter((parameter) => parameter.role === "conv_kernel").length,
    stages,
    layers,
  };
}

/** What each node has to train and to compute for one image. */
export function nodeCosts(graph: Graph): (node: Node) => Pick<LayerSummary, "params" | "macs"> {
  const trainable = new Map(graph.parameters.filter(isTrainable).map(({ path, type }) => [path, elementsPerImage(type.shape)]));
  const types = (values: readonly string[]) => values.map((value) => typeOf(graph, value));
  return (node) => ({
    params: sum([...new Set(node.inputs)].map((input) => trainable.get(input) ?? 0)),
    macs: opDef(node.op).macs(types(node.inputs), types(node.outputs), node.attributes),
  });
}

function withoutBatch(shape: Shape): readonly number[] {
  return shape.slice(1).map(Number);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
