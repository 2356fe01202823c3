import { type Graph, typeOf } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { checkGraph, opDef } from "../ops/index.js";
import type { Window } from "../ops/op.js";

/** A map that leaves a stage. */
export interface StageFeature {
  /** Path of the stage. */
  readonly stage: string;
  readonly channels: number;
  /** Height and width, or depth, height and width. */
  readonly sizes: readonly number[];
  /** Input pixels between two neighbors of the map: the product of the strides before it, 8 where 35 is left of 299. */
  readonly reduction: number;
}

/**
 * Lists the feature map of each stage, in order, for use by detection or segmentation heads. What a global pool
 * leaves, and vectors behind it, are no maps.
 *
 * @example
 * ```ts
 * import { describeModel, stageFeatures } from "inceptionkit/models";
 * stageFeatures(describeModel("googlenet")).at(-1); // { stage: "inception5b", channels: 1024, sizes: [7, 7], reduction: 32 }
 * ```
 */
export function stageFeatures(graph: Graph): readonly StageFeature[] {
  const reductions = reductionsOf(graph);
  return graph.stages.flatMap(({ path, output }): StageFeature[] => {
    const reduction = reductions.get(output);
    const [, channels = 0, ...sizes] = typeOf(graph, output).shape.map(Number);
    return reduction === undefined || sizes.length < 2 ? [] : [{ stage: path, channels, sizes, reduction }];
  });
}

/** The reduction of each value that is a map. A global pool ends one, and what is made of it alone is none either. */
function reductionsOf(graph: Graph): ReadonlyMap<string, number> {
  const reductions = new Map<string, number>(graph.inputs.map(({ name }) => [name, 1]));
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const read = inputs.flatMap((input) => reductions.get(input) ?? []);
    const factor = strideOf(op, opDef(op).window(attributes), attributes.strides);
    if (read.length === 0 || factor === null) continue;
    for (const output of outputs) reductions.set(output, Math.max(...read) * factor);
  }
  return reductions;
}

/** By how much a node spreads the elements of its map; null where it reads the whole map. */
function strideOf(op: string, window: Window | "all" | null, strides: unknown): number | null {
  if (op === "convTranspose" && Array.isArray(strides)) return 1 / Math.max(...strides.map(Number));
  if (window === "all") return null;
  return window === null ? 1 : Math.max(...window.strides);
}

/** Which feature maps `features` returns. */
export interface FeatureOptions {
  /**
   * Paths of stages; the names of outputs, as "features", "embedding" or "logits", and paths of modules do as well. Default: of
   * each reduction the last stage, up to where the maps are smallest, which is what timm's `features_only` gives for
   * Inception-v3 and Inception-ResNet-v2.
   */
  readonly stages?: readonly string[];
}

/**
 * The same network with inner maps as its outputs, named by their stages, and nothing of it that they do not need. It is
 * compiled and run as any other; weights are those of the whole network.
 *
 * @returns outputs [N, C, H, W] (volumes [N, C, D, H, W]) in the order asked for, or from the largest map to the smallest
 * @throws InceptionError OPTION_INVALID for a name that is no stage, module or output
 *
 * @example
 * ```ts
 * import { describeModel, features } from "inceptionkit/models";
 * const pyramid = features(describeModel("inception_resnet_v2"));
 * pyramid.outputs.map(({ name }) => name); // ["conv2d_2b", "conv2d_4a", "repeat", "repeat_1", "conv2d_7b"]
 * features(describeModel("inception_v3"), { stages: ["Mixed_6e", "features"] });
 * ```
 */
export function features(graph: Graph, { stages }: FeatureOptions = {}): Graph {
  return checkGraph(selectOutputs(graph, stages ?? lastOfEachReduction(stageFeatures(graph))));
}

/** A decoder, which makes maps larger again, is left out. */
function lastOfEachReduction(all: readonly StageFeature[]): readonly string[] {
  const chosen = new Map<number, string>();
  let smallest = 0;
  for (const { stage, reduction } of all) {
    if (reduction < smallest) continue;
    smallest = reduction;
    chosen.set(reduction, stage);
  }
  return [...chosen.values()];
}
