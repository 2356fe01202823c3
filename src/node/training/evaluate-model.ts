import type { DatasetSource, Preprocessing } from "../../data/index.js";
import { InceptionError } from "../../errors.js";
import { type EvaluateSettings, type EvaluationResult, evaluateDataset } from "../../tasks/evaluate/evaluate.js";
import { choosePart, classNames, openForClasses } from "../../tasks/evaluate/labels.js";
import type { LoadedModel } from "../../tasks/model-host.js";
import { type DescribedModel, modelName } from "../../tasks/model-source.js";
import { knownPreprocessing } from "../../tasks/open-model.js";
import { resolveSettings } from "../../train/settings.js";
import { createBatchSource } from "../batch-source.js";
import { type OpenDatasetOptions, type OpenedDataset, openDataset } from "../datasets/index.js";
import { openSampleReader } from "../datasets/sample-reader.js";
import { type LoadModelOptions, loadModel } from "../load-model.js";
import { openRun } from "../open-run.js";
import { locateSource } from "../run-sources.js";
import { type EvaluationRecord, openEvaluationRecord } from "./evaluation-record.js";
import { isRunFolder } from "./run-weights.js";

/** How a classifier is loaded and evaluated in Node. */
export interface EvaluateOptions extends LoadModelOptions, EvaluateSettings {
  /** Which part of the data. Default: what is for validation; all of it where the data does not say. */
  readonly split?: "train" | "val";
  /**
   * File with one line per evaluated image. If it exists, from the same model, weights, data and crops, the images in it
   * are not run again, so an interrupted evaluation resumes.
   */
  readonly record?: string;
}

/**
 * Evaluates a classifier on labeled images.
 *
 * Labels of the data are names of the model's classes, or their indices; for the 1000 ImageNet classes WordNet ids
 * (n01440764) too. One label that is none of these is an error.
 *
 * @param model - a run directory, a model id or a custom network (with `weights`), or an exported `.onnx` file
 * @param data - as `openDataset` takes it, or null for the data that the run was trained with. A run's own data is split as
 *   it was in training.
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, NOT_FINITE naming the first image for which the model gives NaN or infinity, and
 *   as `loadModel` and `openDataset`
 *
 * @example
 * ```ts
 * import { evaluateModel } from "inceptionkit/node";
 * const { evaluation } = await evaluateModel("runs/photos", null, { crops: 10 });
 * console.log(evaluation.top1);
 * ```
 */
export async function evaluateModel(
  model: string | DescribedModel,
  data: string | null,
  options: EvaluateOptions = {},
): Promise<EvaluationResult> {
  const loaded = await loadModel(model, options);
  try {
    const preprocessing = knownPreprocessing(loaded, modelName(model));
    const dataset = choosePart(await openLabeled(model, data, classNames(loaded)), options.split);
    const openSamples = (samples: DatasetSource["samples"]) => openSampleReader(samples, 0);
    const site = { loaded, preprocessing, openBatches: createBatchSource, openSamples };
    const record = await openRecord(loaded, preprocessing, dataset, options);
    if (record === null) return await evaluateDataset(site, dataset, options);
    try {
      return await evaluateDataset(site, dataset, options, record);
    } finally {
      await record.close();
    }
  } finally {
    await loaded.close();
  }
}

async function openRecord(
  loaded: LoadedModel,
  preprocessing: Preprocessing,
  dataset: DatasetSource,
  options: EvaluateOptions,
): Promise<EvaluationRecord | null> {
  if (options.record === undefined) return null;
  const { model, weightsSha256 } = loaded.metadata;
  return openEvaluationRecord(options.record, {
    format: "inceptionkit-evaluation",
    model,
    weights: weightsSha256,
    data: dataset.name,
    images: dataset.size,
    crops: options.crops ?? 1,
    preprocessing: JSON.stringify(preprocessing),
  });
}

/** The data with labels that index the model's classes. */
async function openLabeled(model: string | DescribedModel, data: string | null, classes: readonly string[]): Promise<OpenedDataset> {
  const opened = typeof model === "string" && (await isRunFolder(model)) ? await openRun(model) : null;
  const run = opened && resolveSettings(opened.config.settings);
  if (data === null && run === null) {
    throw new InceptionError(
      "USAGE",
      `Cannot evaluate "${modelName(model)}": no data given; pass a directory of images by class, a list, tar shards or shapes10`,
    );
  }
  if (opened === null || run === null || (data !== null && data !== run.data)) return openNamed(data ?? "", classes, { valFraction: 0 });
  const { valFraction, seed } = run;
  const val = await locateSource(opened, "valData", run.valData);
  return openNamed(await locateSource(opened, "data", run.data), classes, { valFraction, seed, ...(val === null ? {} : { valData: val }) });
}

async function openNamed(data: string, classes: readonly string[], options: OpenDatasetOptions): Promise<OpenedDataset> {
  return openForClasses((names) => openDataset(data, { ...options, classes: names }), classes);
}
