/** Training an opened or pretrained model further, on other classes. */

import { quoted } from "../../formats/quoted.js";
import { selectOutputs } from "../../ir/prune.js";
import { storedModel } from "../../models/custom.js";
import { untilAborted } from "../../runtime/abort.js";
import type { SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import { sourceTitle } from "../image-input.js";
import type { LabeledImages } from "../labeled-images.js";
import type { ModelHost } from "../model-host.js";
import { type ModelSource, modelName } from "../model-source.js";
import { resolveModel } from "../open-described.js";
import type { PreparedModel } from "../prepare-model.js";
import { prepareNetwork } from "./prepare-network.js";
import { type FineTuneOptions, openLabeled, trainingSettings } from "./train-options.js";
import { type TrainedModel, trainModelInMemory } from "./trained-model.js";

/**
 * Trains a model on other images, in memory.
 *
 * @throws InceptionError as `openClassifier`; DATASET_INVALID, OPTION_INVALID, WEIGHTS_MISMATCH, TRAINING_DIVERGED; what `signal` was
 *   aborted with
 */
export async function fineTune<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  data: LabeledImages,
  options: FineTuneOptions,
  place: F & P,
): Promise<TrainedModel> {
  const { signal, onEvent } = options;
  const found = await untilAborted(signal, resolveModel(host, source, { ...chosenModel(options), ...place, needsClassifier: false }));
  const model = storedModel(found.metadata, `the network of ${quoted(modelName(source))}`);
  const settings = trainingSettings(model.family, options, { data: sourceTitle(data.name), weights: found.metadata.source });
  const opened = await openLabeled(data, settings, options);
  onEvent?.({ kind: "preparing", what: "network" });
  const { classes } = opened.train;
  const load = async () => ({ model: withoutOtherClasses(found, classes), shown: modelName(source), name: found.metadata.source });
  const { preprocessing } = found.metadata;
  const choice = { options: found.metadata.options, ...(preprocessing === null ? {} : { preprocessing }) };
  const network = await prepareNetwork(model, settings, classes.length, choice, load);
  return trainModelInMemory(host, { model, network, data: opened, settings }, options, place);
}

/** Of a model that is not open yet, as for `openClassifier`. */
type ModelChoice = Pick<FineTuneOptions, "weights" | "options" | "preprocessing">;

function chosenModel({ weights, options, preprocessing }: ModelChoice): ModelChoice {
  return {
    ...(weights === undefined ? {} : { weights }),
    ...(options === undefined ? {} : { options }),
    ...(preprocessing === undefined ? {} : { preprocessing }),
  };
}

/** A classifier of as many classes with other names has learned something else: it is initialized again. */
function withoutOtherClasses(found: PreparedModel, classes: readonly string[]): PreparedModel {
  const { graph, parameters, metadata } = found;
  const isSame = metadata.labels?.length === classes.length && metadata.labels.every((label, index) => label === classes[index]);
  if (isSame || !graph.outputs.some(({ name }) => name === "features")) return found;
  const body = selectOutputs(graph, ["features"]).parameters;
  const kept = body.flatMap(({ path }) => {
    const value = parameters.get(path);
    return value === undefined ? [] : [[path, value] as const];
  });
  return { ...found, parameters: new Map(kept) };
}
