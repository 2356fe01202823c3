/**
 * Training a classifier from files to files:
 *
 *   data ──► batches ──┐
 *   weights ──► network ──► frozen part ──► inputs ──► programs ──► loop ──► run directory, report
 */

import type { OpenedDataset } from "../../data/assemble.js";
import { InceptionError } from "../../errors.js";
import type { ModelName, OptionsOf } from "../../models/index.js";
import { untilAborted } from "../../runtime/abort.js";
import { describedModel } from "../../tasks/described-model.js";
import type { DescribedModel } from "../../tasks/model-source.js";
import { imageSources } from "../../tasks/training/image-task.js";
import { describeFor, storedNetwork, type TrainingNetwork } from "../../tasks/training/prepare-network.js";
import { resumedParameters } from "../../tasks/training/run-network.js";
import { resultOf, type TrainedModel } from "../../tasks/training/trained-model.js";
import type { Checkpoint } from "../../train/checkpoint.js";
import type { MeasuredEvaluation } from "../../train/classification.js";
import type { Evaluation } from "../../train/metrics.js";
import { familyRecipe } from "../../train/recipes.js";
import { resolveSettings, type TrainingSettings, type TrainingSettingsInput } from "../../train/settings.js";
import { dataFaults, faultLines } from "../check/before-training.js";
import { openDataset } from "../datasets/index.js";
import { imagesInPlace } from "../image-threads.js";
import type { Run } from "../open-run.js";
import { nodePlatform } from "../platform.js";
import { checkFreeForRun } from "../run-folder.js";
import { locateSource } from "../run-sources.js";
import { imageRunTask } from "./image-run.js";
import { checkDescription, type NetworkOptions, prepareNetwork, runModel } from "./run-network.js";
import { runTask } from "./run-task.js";
import { readStartingWeights } from "./source-names.js";
import { type PreparedRun, resumeTask, startRun, type TrainingKind } from "./start-run.js";
import type { ResumeOptions, RunOptions, TrainedRun } from "./training-run.js";

/** How an image classifier is trained in a run directory. */
export interface TrainModelOptions<N extends ModelName = ModelName> extends RunOptions<Evaluation>, Omit<NetworkOptions, "options"> {
  readonly options?: OptionsOf<N>;
}

/** A run of an image classifier that ended. */
export interface TrainedClassifierRun extends TrainedRun, Pick<TrainedModel, "calibration" | "notCalibrated"> {}

type ResumeTrainingOptions = Omit<TrainModelOptions, "options" | "preprocessing"> & ResumeOptions<Evaluation>;

/**
 * Trains a network and writes a run directory.
 *
 * @param network - model id, family name or custom network
 * @param given - settings by name; `data` is required
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, RUN_INVALID, TRAINING_DIVERGED and those of weights and files
 *
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { trainModel } from "inceptionkit/node";
 * const out = await mkdtemp(`${tmpdir()}/run-`);
 * const options = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] };
 * const { epochs } = await trainModel("inception_resnet_v1", { data: "shapes10?train=32&val=10", epochs: 1 }, { out, options });
 * epochs; // 1
 * ```
 */
export async function trainModel<N extends ModelName>(
  network: N | DescribedModel,
  given: TrainingSettingsInput,
  options: TrainModelOptions<N>,
): Promise<TrainedClassifierRun> {
  return startTraining(await prepareTraining(network, given, options), options);
}

/** @internal The second half of `trainModel`. */
export async function startTraining(prepared: PreparedTraining, options: RunOptions<Evaluation>): Promise<TrainedClassifierRun> {
  const contents = { labels: prepared.data.train.classes, recipe: { preprocessing: prepared.network.preprocessing } };
  return startRun(IMAGES, prepared, contents, options);
}

/** Lists the images of a run. */
type OpenData = (settings: TrainingSettings) => Promise<OpenedDataset>;

/** What a run trains, before it writes anything. */
type PreparedTraining = PreparedRun<TrainingSettings, TrainingNetwork, OpenedDataset>;

/** @internal The first half of `trainModel`: settings, data and network. */
export async function prepareTraining(
  source: ModelName | DescribedModel,
  given: TrainingSettingsInput,
  options: RunOptions<Evaluation> & NetworkOptions,
  openData: OpenData = (settings) => openDataset(settings.data, datasetOptions(settings)),
): Promise<PreparedTraining> {
  const described = describedModel(source);
  const { recipe } = given;
  const settings = resolveSettings({
    ...given,
    ...(recipe !== undefined ? { recipe: familyRecipe(described.model.family, recipe) } : {}),
  });
  // Before weights are fetched.
  if (options.out !== undefined) await checkFreeForRun(options.out);
  const { signal } = options;
  const data = await untilAborted(signal, openData(settings));
  options.onEvent?.({ kind: "preparing", what: "network" });
  const network = await untilAborted(signal, prepareNetwork(described, settings, data.train.classes.length, options));
  return { settings, network, data };
}

/**
 * Resumes a run from its last checkpoint. The result is bit-identical to that of an uninterrupted run; in the report only times
 * differ.
 *
 * @throws InceptionError as `trainModel`; RUN_INVALID, CHECKPOINT_INVALID
 */
export async function resumeTraining(options: ResumeTrainingOptions): Promise<TrainedClassifierRun> {
  return resumeTask(IMAGES, options);
}

/** @internal `resumeTraining` with images that the caller has. */
export async function resumeWith(openData: OpenData, options: ResumeTrainingOptions): Promise<TrainedClassifierRun> {
  return resumeTask({ ...IMAGES, openData: (_, settings) => openData(settings) }, options);
}

const IMAGES: TrainingKind<TrainingSettings, TrainingNetwork, OpenedDataset, NetworkOptions, MeasuredEvaluation, TrainedClassifierRun> = {
  // Runs of earlier versions train with neither, whatever their recipe has today.
  resolveSettings: (stored) => resolveSettings({ layerDecay: 1, unfreeze: "none", ...stored }),
  openData: async (run, settings) => {
    const data = await locateSource(run, "data", settings.data);
    return openDataset(data, datasetOptions({ ...settings, valData: await locateSource(run, "valData", settings.valData) }));
  },
  resumedNetwork,
  train: async ({ network, data }, run) => {
    const samples = { allowHttps: run.options.allowHttps === true };
    const sources = imageSources(nodePlatform(imagesInPlace(), samples), data, network, run);
    const faults = run.options.checkData === false ? null : await dataFaults(data, run.options.signal);
    if (faults !== null) run.options.onEvent?.({ kind: "planned", lines: faultLines(faults) });
    const { trained, evaluation } = await runTask(imageRunTask(data, run, faults), sources, network, run);
    return { ...trained, ...resultOf(evaluation?.calibration ?? { skipped: "no validation images were measured", before: null }) };
  },
};

function datasetOptions({ valData, valFraction, seed }: Pick<TrainingSettings, "valData" | "valFraction" | "seed">) {
  return { valFraction, seed, ...(valData === null ? {} : { valData }) };
}

/** A run's network with the parameters of its checkpoint; one without a checkpoint begins again. */
async function resumedNetwork(
  run: Run,
  checkpoint: Checkpoint | null,
  { settings, data }: { readonly settings: TrainingSettings; readonly data: OpenedDataset },
  options: NetworkOptions,
): Promise<TrainingNetwork> {
  const { config, labels, preprocessing, folder } = run;
  const model = runModel(run);
  const { classes } = data.train;
  if (preprocessing === null) {
    const message = `Cannot resume "${folder}": it segments volumes, expected a run that classifies; resume it with \`resumeSegmentation\``;
    throw new InceptionError("RUN_INVALID", message, { folder });
  }
  if (labels.join("\n") !== classes.join("\n")) {
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot resume "${folder}": the data now has the classes ${classes.join(", ")}, expected those of the run, ${labels.join(", ")}`,
      { folder },
    );
  }
  if (checkpoint === null) {
    const { numClasses, ...given } = config.options;
    const weights = await locateSource(run, "weights", settings.weights);
    const described = { model, options: given };
    return prepareNetwork(described, { ...settings, weights }, labels.length, { ...options, options: {}, preprocessing });
  }
  const { graph, options: resolved } = describeFor(model, labels.length, config.options);
  checkDescription(run, graph);
  return {
    model: config.model,
    options: resolved,
    graph,
    ...storedNetwork(model, graph),
    parameters: resumedParameters(graph, checkpoint),
    preprocessing,
    inputSize: Number(graph.inputs[0]?.type.shape[2]),
    begun: [],
    startingWeights: readStartingWeights(config),
  };
}
