/** What training in memory gives: an opened model with the parameters of the best epoch. */
import type { OpenedDataset } from "../../data/assemble.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { encodeSafetensors } from "../../formats/safetensors.js";
import type { Graph } from "../../ir/graph.js";
import type { Model } from "../../models/index.js";
import { OWN_NAMES } from "../../models/weights.js";
import type { CalibrationRecord } from "../../predict/confidence-record.js";
import type { ModelMetadata } from "../../predict/model-metadata.js";
import type { Platform, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { EpochRow } from "../../train/history.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { WeightReport } from "../../weights/index.js";
import { calibrateRun, type RunCalibration } from "../calibrate/calibrate-run.js";
import { type Classifier, openClassifier } from "../classifier.js";
import type { ModelHost } from "../model-host.js";
import { PREPARED } from "../model-source.js";
import type { PreparedModel } from "../prepare-model.js";
import { checkpointParameters } from "./checkpoint-state.js";
import { trainInMemory } from "./memory-run.js";
import { inferenceNetwork, storedNetwork, type TrainingNetwork } from "./prepare-network.js";
import type { FineTuneOptions } from "./train-options.js";

/** A model that was trained. Close `model` to free its memory. */
export interface TrainedModel {
  /** With the parameters of the best epoch (of the EMA, where it is kept). It can be exported with `toOnnx`. */
  readonly model: Classifier;
  /** One row for each epoch: losses and accuracies. */
  readonly history: readonly EpochRow[];
  /** The epoch whose parameters the model has, from 1. */
  readonly epoch: number;
  readonly end: "finished" | "stopped early";
  /** The temperature of the model's probabilities, which was fitted on the validation images; null where there is none. */
  readonly calibration: CalibrationRecord | null;
  /** Why there is no temperature; null where there is one. */
  readonly notCalibrated: string | null;
}

/** What is trained on what. */
interface MemoryTraining {
  readonly model: Model;
  readonly network: TrainingNetwork;
  readonly data: OpenedDataset;
  readonly settings: TrainingSettings;
}

/** Trains in memory and opens the result. @throws InceptionError as `trainInMemory` and `openClassifier` */
export async function trainModelInMemory<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  training: MemoryTraining,
  options: FineTuneOptions,
  place: F & P,
): Promise<TrainedModel> {
  const { network, data, settings } = training;
  const { end, history, epoch, state, evaluation } = await trainInMemory(host.platform, data, network, settings, options);
  const calibrated = calibrateRun(evaluation, settings.data, settings);
  const prepared = await preparedModel(host.platform, training, epoch, state, calibrated);
  return { model: await openTrained(host, prepared, place), history, epoch, end, ...resultOf(calibrated) };
}

/** What a training says of its calibration. */
export function resultOf(calibrated: RunCalibration): Pick<TrainedModel, "calibration" | "notCalibrated"> {
  return "skipped" in calibrated
    ? { calibration: null, notCalibrated: calibrated.skipped }
    : { calibration: calibrated.calibration, notCalibrated: null };
}

/** Opens a trained model that has its parameters. */
export async function openTrained<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  prepared: PreparedModel,
  place: F & P,
): Promise<Classifier> {
  return openClassifier(host, { model: prepared.metadata.model, [PREPARED]: async () => prepared }, place);
}

async function preparedModel(
  platform: Pick<Platform, "sha256">,
  { model, network, data, settings }: MemoryTraining,
  epoch: number,
  state: ReadonlyMap<string, Tensor>,
  calibrated: RunCalibration,
): Promise<PreparedModel> {
  const { classes } = data.train;
  const { options, graph } = inferenceNetwork(model, network.options, classes.length);
  const parameters = checkpointParameters(graph, { state });
  const { header, chunks } = encodeSafetensors(parameters, {});
  const { startingWeights } = network;
  const from = startingWeights === null ? "" : `, from ${startingWeights.name}`;
  const metadata: ModelMetadata = {
    model: model.id,
    options,
    ...storedNetwork(model, graph),
    preprocessing: network.preprocessing,
    ...("skipped" in calibrated ? {} : { calibration: calibrated.calibration }),
    labels: classes,
    source: `trained with inceptionkit on ${settings.data}${from}, ${epoch} epochs`,
    licence:
      startingWeights === null || startingWeights.licence === "not stated"
        ? "not stated"
        : `of the starting weights: ${startingWeights.licence}`,
    weightsSha256: await platform.sha256(concatChunks([header, ...chunks])),
    golden: null,
  };
  return { graph, parameters, metadata, report: wholeReport(graph) };
}

/** What was trained here has every parameter under its own name. */
export function wholeReport(graph: Graph): WeightReport {
  const matched = graph.parameters.map(({ path }) => ({ path, name: path }));
  return { source: OWN_NAMES.source, matched, missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] };
}
