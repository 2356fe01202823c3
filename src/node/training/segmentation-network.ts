import type { SegmentationConfig } from "../../data/volumes/recipe.js";
import { InceptionError } from "../../errors.js";
import { findModel, type OptionInput, readOptionInput } from "../../models/index.js";
import { type RunNetwork, resumedParameters } from "../../tasks/training/run-network.js";
import type { Checkpoint } from "../../train/checkpoint.js";
import type { SegmentationSettings } from "../../train/segmentation-settings.js";
import { initialParameters } from "../../weights/index.js";
import type { Run } from "../open-run.js";
import { checkDescription } from "./run-network.js";
import type { RunPlan } from "./segmentation-plan.js";

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
const USUAL_OPTIONS: OptionInput = { widthMultiplier: 0.5 };

/** A network for a recipe, with its first parameters. */
export function describeNetwork(
  id: string,
  { patchSize: [x, y, z], normalization, labelValues }: SegmentationConfig,
  settings: SegmentationSettings,
  given: OptionInput,
): RunNetwork {
  const model = findModel(id);
  const fixed = { inputSize: [z, y, x], inChannels: normalization.length, numClasses: labelValues.length };
  const options = readOptionInput(model.id, model.options, { ...USUAL_OPTIONS, ...given, ...fixed });
  const graph = model.describe(options);
  const parameters = initialParameters(graph, settings.seed, settings.initializer);
  return { model: model.id, options, graph, parameters, begun: [], startingWeights: null };
}

/**
 * The network of a run again, with the parameters of its checkpoint; without one it is initialized again.
 *
 * @throws InceptionError CHECKPOINT_INVALID where this version describes it differently
 */
export function resumedVolumeNetwork(
  run: Run,
  { recipe }: RunPlan,
  settings: SegmentationSettings,
  checkpoint: Checkpoint | null,
): RunNetwork {
  const network = describeNetwork(run.config.model, recipe, settings, run.config.options);
  checkDescription(run, network.graph);
  return checkpoint === null ? network : { ...network, parameters: resumedParameters(network.graph, checkpoint) };
}
