/** Evaluating any model on labeled images, as the task layer does it. */
import type { SampleReader } from "../../data/batches/maker.js";
import { givenSample, type SampleStore, sampleName } from "../../data/dataset-source.js";
import { InceptionError } from "../../errors.js";
import { openUntilAborted } from "../../runtime/abort.js";
import type { Platform, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import type { LabeledImages } from "../labeled-images.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import { type ModelSource, modelName } from "../model-source.js";
import { knownPreprocessing, openModel } from "../open-model.js";
import type { OpenOptions } from "../open-options.js";
import { downloadProgress, type OnProgress } from "../progress.js";
import { type EvaluateSettings, type EvaluationResult, evaluateDataset } from "./evaluate.js";
import { choosePart, classNames, openForClasses } from "./labels.js";

/** Options of `evaluate`: how the model is loaded, and how it is evaluated. */
export interface EvaluateImagesOptions extends Omit<OpenOptions, "onProgress">, Omit<EvaluateSettings, "onEvaluated" | "workers"> {
  /** Part of the data. Default: its validation images, or all images if it is not split. */
  readonly split?: "train" | "val";
  /** Called during downloads and after each batch of images. */
  readonly onProgress?: OnProgress<"evaluate">;
}

/** Models that can be evaluated, and what reads images one by one. */
interface EvaluateHost<F extends SourceOptions, P extends SessionOptions> {
  readonly models: ModelHost<F, P>;
  readonly openSamples: (samples: SampleStore) => SampleReader;
}

/**
 * Evaluates a classifier on labeled images.
 *
 * @param open - how the model is found
 * @throws InceptionError as `openModel` and `evaluateDataset`; DATASET_INVALID for a label that is not a class of the model
 */
export async function evaluateSource<F extends SourceOptions, P extends SessionOptions>(
  { models, openSamples }: EvaluateHost<F, P>,
  source: ModelSource,
  data: LabeledImages,
  open: OpenModelOptions & F & P,
  { split, onProgress, ...settings }: EvaluateImagesOptions,
): Promise<EvaluationResult> {
  const sources = { ...open, ...downloadProgress(onProgress) };
  const loaded = await openUntilAborted(settings.signal, () => openModel(models, source, sources));
  try {
    const preprocessing = knownPreprocessing(loaded, modelName(source));
    const named = (classes: readonly string[]) => data.open({ valFraction: 0, seed: 0, classes });
    const dataset = choosePart(await openForClasses(named, classNames(loaded)), split);
    const openBatches: Platform["openBatches"] = (part, reading) => models.platform.openBatches(part, reading);
    return await evaluateDataset({ loaded, preprocessing, openBatches, openSamples }, dataset, {
      ...settings,
      onEvaluated: (done, total) => onProgress?.({ phase: "evaluate", done, total }),
    });
  } finally {
    await loaded.close();
  }
}

/** Reads the images that a program gave, one by one, over a platform. */
export function givenSamples<F extends SourceOptions>(
  platform: Pick<Platform<F>, "decodeImage">,
  samples: SampleStore,
  sources: F,
): SampleReader {
  return {
    read: async (index) => {
      const input = givenSample(samples, index);
      if (input !== undefined) return platform.decodeImage(input, { ...sources, name: sampleName(samples, index) });
      throw new InceptionError("SOURCE_INVALID", `Cannot read image ${index}: it is a file of Node`, { index });
    },
    close: async () => undefined,
  };
}
