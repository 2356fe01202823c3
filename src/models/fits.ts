/** Which networks a weight file fits, by the names and shapes of its tensors. */
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { type OptionInput, readOptionInput } from "../options.js";
import { compareWeights } from "../weights/apply.js";
import type { NameMap } from "../weights/name-map.js";
import type { WeightFile } from "../weights/weight-file.js";
import { classifierDifference } from "./classifier.js";
import { MODELS, type Model } from "./index.js";
import { OWN_NAMES, weightSetsOf } from "./weights.js";

/** A network whose parameters a file has. */
export interface WeightFit {
  /** Model id. */
  readonly model: string;
  /** Id of the weight set whose names the file uses, or null for inceptionkit's own names. */
  readonly weightSet: string | null;
  /** Whose names they are: "torchvision", "caffe", "keras", …. */
  readonly names: string;
  /** Classes of the file's classifier; 0 where it has none, or one that the network does not know. */
  readonly classes: number;
  /** Tensors of another classifier, which the network does not use. */
  readonly foreign: readonly string[];
}

/**
 * Lists the networks that a file fits. Only the best kind is listed: networks with as many classes as the file; else those
 * with another number of classes; else those whose classifier the file does not have. Compares names and shapes with every
 * network at its default options, and reads no values. Takes about 0.3 s.
 *
 * @param saved - the network that the metadata of a file of inceptionkit names; its options may be any
 *
 * @example
 * ```ts
 * import { openWeights, weightFits } from "inceptionkit/node";
 * const { file, close } = await openWeights("assets/hippocampus.safetensors");
 * const saved = { model: "inception_resnet_3d.table", options: { inputSize: [40, 56, 40], numClasses: 3, widthMultiplier: 0.5, fullResolutionSkip: true } };
 * weightFits(file, saved).map(({ model, names }) => `${model}, ${names}`); // ["inception_resnet_3d.table, inceptionkit"]
 * await close();
 * ```
 */
export function weightFits(file: WeightFile, saved: SavedNetwork | null = null): readonly WeightFit[] {
  const found = MODELS.flatMap((model) => {
    const own = saved?.model === model.id ? savedFits(model, file, saved.options) : [];
    return own.length > 0 ? own : modelFits(model, file, {});
  });
  const best = Math.min(...found.map(({ rank }) => rank));
  return found.filter(({ rank }) => rank === best).map(({ fit }) => fit);
}

/** A network as the metadata of a file names it; nothing of it is checked. */
interface SavedNetwork {
  readonly model: string;
  readonly options: OptionInput;
}

/** Metadata may say anything; options that no network has fit none. */
function savedFits(model: Model, file: WeightFile, options: OptionInput): readonly Ranked[] {
  try {
    return modelFits(model, file, options);
  } catch (thrown) {
    if (thrown instanceof InceptionError) return [];
    throw thrown;
  }
}

interface Ranked {
  readonly rank: number;
  readonly fit: WeightFit;
}

function modelFits(model: Model, file: WeightFile, saved: OptionInput): readonly Ranked[] {
  const graphs = new Map<string, Graph>();
  const described = (options: OptionInput): Graph => {
    const given = readOptionInput(model.id, model.options, options);
    const key = JSON.stringify(given);
    const graph = graphs.get(key) ?? model.describe(given);
    graphs.set(key, graph);
    return graph;
  };
  const fits = (weightSet: string | null, map: NameMap, options: OptionInput): readonly Ranked[] => {
    const graph = described(options);
    const report = compareWeights(graph, file, map);
    const base = { model: model.id, weightSet, names: map.source };
    if (report.missing.length + report.unexpected.length + report.reshaped.length + report.mismatched.length === 0) {
      return [{ rank: 0, fit: { ...base, classes: classesOf(graph) + (report.background ? 1 : 0), foreign: [] } }];
    }
    const difference = classifierDifference(graph, file, map, report);
    if (difference === null) return [];
    const { classes, foreign } = difference;
    return [{ rank: classes > 0 ? 1 : 2, fit: { ...base, classes, foreign } }];
  };
  const published = weightSetsOf(model.id).flatMap(({ id, map, options }) => fits(id, map, { ...saved, ...options }));
  return published.length > 0 ? published : fits(null, OWN_NAMES, saved);
}

function classesOf(graph: Graph): number {
  const logits = graph.outputs.find(({ name }) => name === "logits");
  return logits === undefined ? 0 : Number(graph.types.get(logits.value)?.shape[1] ?? 0);
}
