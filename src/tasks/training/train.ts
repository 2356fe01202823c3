/** Training a network in memory. */
import type { Model, OptionInput } from "../../models/index.js";
import { untilAborted } from "../../runtime/abort.js";
import type { FileInput, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import { sourceTitle } from "../image-input.js";
import type { LabeledImages } from "../labeled-images.js";
import type { ModelHost } from "../model-host.js";
import { type DescribedModel, fileName } from "../model-source.js";
import { prepareModel } from "../prepare-model.js";
import { type Pretrained, prepareNetwork } from "./prepare-network.js";
import { openLabeled, rejectOptions, type TrainOptions, trainingSettings } from "./train-options.js";
import { type TrainedModel, trainModelInMemory } from "./trained-model.js";

/** What training gives. */
export interface TrainedNetwork extends TrainedModel {
  /** Directory of the run; null for one in memory. */
  readonly run: string | null;
  /** Path of the report; null for a run in memory. */
  readonly report: string | null;
}

/**
 * Trains a network on images, in memory.
 *
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, WEIGHTS_MISMATCH, TRAINING_DIVERGED, and those of files; what `signal` was
 *   aborted with
 */
export async function train<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  { model, options: described }: DescribedModel,
  data: LabeledImages,
  options: TrainOptions,
  place: F & P,
): Promise<TrainedNetwork> {
  rejectOptions(
    options,
    ["out", "resume", "keepCheckpoints", "checkpointEvery"],
    "for a run in memory: expected them with a directory, `out`, in Node",
  );
  const { weights, preprocessing, signal, onEvent } = options;
  const title = weights === undefined ? null : sourceTitle(fileName(weights));
  const settings = trainingSettings(model.family, options, { data: sourceTitle(data.name), weights: title });
  const opened = await openLabeled(data, settings, options);
  onEvent?.({ kind: "preparing", what: "network" });
  const load = weights === undefined ? null : (own: OptionInput | undefined) => pretrained(host, model, own, weights, place);
  const choice = { options: { ...described, ...options.options }, ...(preprocessing === undefined ? {} : { preprocessing }) };
  const network = await untilAborted(signal, prepareNetwork(model, settings, opened.train.classes.length, choice, load));
  const trained = await trainModelInMemory(host, { model, network, data: opened, settings }, options, place);
  return { ...trained, run: null, report: null };
}

async function pretrained<F extends SourceOptions, P extends SessionOptions>(
  { platform }: ModelHost<F, P>,
  model: Model,
  own: OptionInput | undefined,
  weights: FileInput,
  files: F,
): Promise<Pretrained> {
  const options = { ...files, ...(own === undefined ? {} : { options: own }), needsClassifier: false };
  const shown = fileName(weights);
  return { model: await prepareModel(platform, model, weights, options), shown, name: sourceTitle(shown) };
}
