/** Training with a run directory, from code. */
import { InceptionError } from "../../errors.js";
import type { FileInput } from "../../runtime/platform.js";
import type { LabeledImages } from "../../tasks/labeled-images.js";
import type { ModelHost } from "../../tasks/model-host.js";
import type { DescribedModel } from "../../tasks/model-source.js";
import type { TrainedNetwork } from "../../tasks/training/train.js";
import { givenSettings, openLabeled, placeOptions, type TrainOptions } from "../../tasks/training/train-options.js";
import { openTrained } from "../../tasks/training/trained-model.js";
import type { TrainingSettings } from "../../train/settings.js";
import { textOf } from "../image-input.js";
import type { PlaceOptions } from "../platform.js";
import type { SourceOptions } from "../source-options.js";
import { prepareRun } from "./run-weights.js";
import { prepareTraining, resumeWith, startTraining, type TrainedClassifierRun } from "./train-model.js";

/**
 * Trains a network on images and writes a run directory, as the command line does.
 *
 * Images that were given have no place to be found again: such a run is resumed from code alone, with the same images.
 *
 * @throws InceptionError as `trainModel`; what `signal` was aborted with, after a checkpoint was saved
 */
export async function trainToFolder(
  host: ModelHost<SourceOptions, PlaceOptions>,
  network: DescribedModel,
  data: LabeledImages,
  options: TrainOptions & { readonly out: string },
): Promise<TrainedNetwork> {
  const trained = await runOf(network, data, options);
  if (trained.end === "interrupted") throw options.signal?.reason;
  const model = await openTrained(host, await prepareRun(trained.run), placeOptions(options));
  const { history, end, run, report, calibration, notCalibrated } = trained;
  return { model, history, end, run, report, epoch: trained.best?.epoch ?? trained.epochs, calibration, notCalibrated };
}

async function runOf(
  network: DescribedModel,
  data: LabeledImages,
  options: TrainOptions & { readonly out: string },
): Promise<TrainedClassifierRun> {
  const { out, workers, onEvent, signal, preprocessing, valData, resume = false, epochs } = options;
  const running = {
    ...placeOptions(options),
    out,
    ...(workers === undefined ? {} : { workers }),
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(signal === undefined ? {} : { signal }),
  };
  const openData = (settings: TrainingSettings) => openLabeled(data, settings, { ...(valData && { valData }), ...(signal && { signal }) });
  if (resume) return resumeWith(openData, { ...running, ...(epochs === undefined ? {} : { epochs }) });
  const given = {
    ...givenSettings(options),
    data: data.source ?? data.name,
    valData: valData === undefined ? null : (valData.source ?? valData.name),
    weights: options.weights === undefined ? null : placeOf(options.weights),
  };
  const choice = { options: options.options ?? {}, ...(preprocessing === undefined ? {} : { preprocessing }) };
  const prepared = await prepareTraining(network, given, { ...running, ...choice }, openData);
  return startTraining(prepared, running);
}

/** Weights as a run's configuration names them. */
function placeOf(weights: FileInput): string {
  if (typeof weights === "string" || "href" in weights) return textOf(weights);
  const fact = "it starts from the content of a file, expected its path or URL, which the run records";
  throw new InceptionError("OPTION_INVALID", `Cannot train in a directory: ${fact}`, {});
}
