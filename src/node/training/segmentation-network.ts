import type { SegmentationRecipe } from "../../data/volumes/recipe.js";
import { InceptionError } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import { findModel, type GivenOptions, readGivenOptions } from "../../models/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Checkpoint } from "../../train/checkpoint.js";
import type { SegmentationSettings } from "../../train/segmentation-settings.js";
import { initialParameters } from "../../weights/index.js";
import type { Run } from "../open-run.js";
import { hashOf } from "./prepare-network.js";
import type { RunPlan } from "./segmentation-plan.js";

/** A network that is about to learn. */
export interface Network {
  readonly model: string;
  readonly options: Readonly<Record<string, number | string | boolean | readonly number[]>>;
  readonly graph: Graph;
  readonly graphHash: string;
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/**
 * Before anything is read: whether a network is one for volumes.
 *
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID
 */
export function checkForVolumes(id: string): void {
  const model = findModel(id);
  const size = model.options.inputSize?.default;
  if (Array.isArray(size) && size.length === 3) return;
  const message = `Cannot train "${model.id}" on volumes: it is a network for images, expected one for volumes such as inception_resnet_3d`;
  throw new InceptionError("OPTION_INVALID", message, { id: model.id });
}

/** Half the width learns as well from a few hundred cases, in a third of the time. */
const USUAL_OPTIONS: GivenOptions = { widthMultiplier: 0.5 };

/** A network for a recipe, with its first parameters. */
export function describeNetwork(
  id: string,
  { patchSize: [x, y, z], normalization, labelValues }: SegmentationRecipe,
  settings: SegmentationSettings,
  given: GivenOptions,
): Network {
  const model = findModel(id);
  const fixed = { inputSize: [z, y, x], inChannels: normalization.length, numClasses: labelValues.length };
  const options = readGivenOptions(model.id, model.options, { ...USUAL_OPTIONS, ...given, ...fixed });
  const graph = model.describe(options);
  const parameters = initialParameters(graph, settings.seed, settings.initializer);
  return { model: model.id, options, graph, graphHash: hashOf(graph), parameters };
}

/**
 * The network of a run again, with the parameters of its checkpoint; without one it begins anew.
 *
 * @throws InceptionError CHECKPOINT_INVALID where this version describes it differently
 */
export function resumedNetwork(
  { config, folder }: Run,
  plan: RunPlan,
  settings: SegmentationSettings,
  checkpoint: Checkpoint | null,
): Network {
  const network = describeNetwork(config.model, plan.recipe, settings, config.options);
  if (network.graphHash === config.graphHash) {
    const parameters = network.graph.parameters.flatMap(({ path, type }) => {
      const value = checkpoint?.state.get(path);
      return value ? [[path, { ...value, shape: type.shape.map(Number) }] as const] : [];
    });
    return checkpoint ? { ...network, parameters: new Map(parameters) } : network;
  }
  throw new InceptionError(
    "CHECKPOINT_INVALID",
    `Cannot resume "${folder}": this version describes ${config.model} differently from the one that began the run, expected the same description`,
    { folder },
  );
}
