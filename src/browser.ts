/// <reference lib="dom" />
/** The task layer in a page: the same names and types as in Node (index.ts, which has their documentation). */

import type { ImageCheck } from "./check/image-check.js";
import type { SampleStore } from "./data/dataset-source.js";
import type { Triple } from "./data/volumes/volume.js";
import { InceptionError } from "./errors.js";
import type { ModelName } from "./models/index.js";
import type { FileInput, ImageInput } from "./tasks/api-types.js";
import type { CalibratedOnnx, CalibrateOptions } from "./tasks/calibrate/calibrate.js";
import type { CheckImagesOptions } from "./tasks/check/check-images.js";
import { type Classifier, openClassifier as classifier, type Embedder, openEmbedder as embedder } from "./tasks/classifier.js";
import { closingBoth, closingModel } from "./tasks/closing.js";
import type { EvaluationResult } from "./tasks/evaluate/evaluate.js";
import type { EvaluateImagesOptions } from "./tasks/evaluate/evaluate-source.js";
import type { ExportOnnxOptions } from "./tasks/export.js";
import type { FrechetDistanceOptions, FrechetDistances, ImageSetInput } from "./tasks/frechet/frechet-distance.js";
import { type ChosenFiles, chosenFolder, type LabeledImages } from "./tasks/labeled-images.js";
import type { DescribedModel, ModelSource } from "./tasks/model-source.js";
import { describe } from "./tasks/network.js";
import { type OpenOptions, taskOptions } from "./tasks/open-options.js";
import type { CalibrationSample, QuantizationOptions, QuantizedOnnx } from "./tasks/quantize/quantize-source.js";
import type { IndexItem } from "./tasks/search/index-images.js";
import type { ImageIndex } from "./tasks/search/open-index.js";
import type { IndexedImages, IndexImagesOptions, OpenIndexOptions } from "./tasks/search/search-sources.js";
import type { Segmenter } from "./tasks/segment/segmenter.js";
import { toOnnx as onnx } from "./tasks/to-onnx.js";
import type { TrainedNetwork } from "./tasks/training/train.js";
import type { FineTuneOptions, TrainOptions } from "./tasks/training/train-options.js";
import type { TrainedModel } from "./tasks/training/trained-model.js";
import { type PageWorker, pageWorker } from "./web/images.js";
import { webPlatform } from "./web/platform.js";

export type * from "./tasks/api-types.js";
export { cosineSimilarity } from "./tasks/cosine-similarity.js";
export { labeledImages } from "./tasks/labeled-images.js";
export { describe, InceptionError };

export async function openClassifier(source: ModelSource, options: OpenOptions = {}): Promise<Classifier> {
  return withWorker(options, (worker) => classifier(modelsOf(worker), source, pageOptions(options)));
}

export async function openEmbedder(source: ModelSource, options: OpenOptions = {}): Promise<Embedder> {
  return withWorker(options, (worker) => embedder(modelsOf(worker), source, pageOptions(options)));
}

export async function openSegmenter(source: ModelSource, options: OpenOptions & { readonly patchSize?: Triple } = {}): Promise<Segmenter> {
  const { patchSize, ...rest } = options;
  const given = { ...pageOptions(rest), ...(patchSize === undefined ? {} : { patchSize }) };
  const { openSegmenter: segmenter } = await import("./tasks/segment/segmenter.js");
  return withWorker(options, (worker) => segmenter({ models: modelsOf(worker), inThread: worker.inThread }, source, given));
}

export async function toOnnx(source: ModelSource, options: OpenOptions & ExportOnnxOptions = {}): Promise<Uint8Array> {
  const worker = pageWorker();
  return onnx(modelsOf(worker), source, pageOptions(options), options).finally(() => worker.close());
}

export async function quantize(
  source: ModelSource,
  samples: readonly CalibrationSample[],
  options: QuantizationOptions = {},
): Promise<QuantizedOnnx> {
  const { onProgress, ...open } = options;
  const given = pageOptions(open);
  const { quantizeSource } = await import("./tasks/quantize/quantize-source.js");
  const worker = pageWorker();
  const host = { models: modelsOf(worker), inThread: worker.inThread, clock: () => performance.now() };
  return quantizeSource(host, source, samples, given, options).finally(() => worker.close());
}

export async function evaluate(source: ModelSource, data: LabeledImages, options: EvaluateImagesOptions = {}): Promise<EvaluationResult> {
  const { split: _part, crops: _crops, batchSize: _size, real: _real, onProgress: _report, ...open } = options;
  const given = pageOptions(open);
  const { evaluateSource, givenSamples } = await import("./tasks/evaluate/evaluate-source.js");
  const worker = pageWorker();
  const models = modelsOf(worker);
  const host = { models, openSamples: (samples: SampleStore) => givenSamples(models.platform, samples, {}) };
  return evaluateSource(host, source, data, given, options).finally(() => worker.close());
}

export async function calibrate(source: ModelSource, data: LabeledImages, options: CalibrateOptions = {}): Promise<CalibratedOnnx> {
  const { split: _part, batchSize: _size, unknown: _score, falseRejection: _rate, seed: _seed, onProgress: _report, ...open } = options;
  const given = pageOptions(open);
  const { calibrateSource } = await import("./tasks/calibrate/calibrate.js");
  const worker = pageWorker();
  return calibrateSource(modelsOf(worker), source, data, given, options).finally(() => worker.close());
}

export async function checkImages(data: LabeledImages, options: CheckImagesOptions = {}): Promise<ImageCheck> {
  const { model: _model, valFraction: _fraction, seed: _seed, folds: _folds, onProgress: _report, ...open } = options;
  const given = pageOptions(open);
  const { checkGivenImages } = await import("./tasks/check/given-images.js");
  const worker = pageWorker();
  const pause = () => new Promise<void>((resolve) => void setTimeout(resolve, 0));
  return checkGivenImages(modelsOf(worker), pause, data, given, options).finally(() => worker.close());
}

export async function frechetDistance(a: ImageSetInput, b: ImageSetInput, options: FrechetDistanceOptions = {}): Promise<FrechetDistances> {
  const { onProgress, ...open } = options;
  pageOptions(open);
  const { frechetDistances, sourcesOf } = await import("./tasks/frechet/frechet-distance.js");
  const worker = pageWorker();
  // A page has no directories, and one worker for long computations.
  const host = { platform: webPlatform(worker), inThread: worker.frechet, parallel: 1, listDirectory: async () => null };
  return frechetDistances(host, a, b, sourcesOf(options), options).finally(() => worker.close());
}

export async function indexImages(
  source: ModelSource,
  images: string | readonly (ImageInput | IndexItem)[],
  options: IndexImagesOptions = {},
): Promise<IndexedImages> {
  const { batchSize: _size, previous: _known, out, onProgress: _report, ...open } = options;
  const given = pageOptions(open);
  if (out !== undefined || typeof images === "string") {
    const fact = typeof images === "string" ? "expected images; a directory is for Node only" : "expected no `out`, which is for Node only";
    throw new InceptionError("OPTION_INVALID", `Cannot index images in a browser: ${fact}`, {});
  }
  const { indexSource, inMemory } = await import("./tasks/search/search-sources.js");
  const worker = pageWorker();
  const place = { ...options, root: null, source: null, sink: inMemory };
  return indexSource(modelsOf(worker), source, images, given, place).finally(() => worker.close());
}

export async function openIndex(source: FileInput, options: OpenIndexOptions = {}): Promise<ImageIndex> {
  const { model: _model, metric: _metric, approximate, ...open } = options;
  const given = pageOptions(open);
  if (approximate === true)
    throw new InceptionError(
      "OPTION_INVALID",
      "Cannot search approximately in a browser: expected no `approximate`, which is for Node only",
      {},
    );
  const { openIndexSource } = await import("./tasks/search/search-sources.js");
  return withWorker(open, (worker) => openIndexSource(modelsOf(worker), source, given, { ...options, approximate: null }));
}

export function imageFolder(place: string | URL | ChosenFiles): LabeledImages {
  if (typeof place !== "string" && !("href" in place)) return chosenFolder(place);
  const expected = "the files of an <input type=file webkitdirectory>, which Node takes too; a path is for Node only";
  throw new InceptionError("SOURCE_INVALID", `Cannot open an image folder in a browser: expected ${expected}`, {});
}

export async function fineTune(source: ModelSource, data: LabeledImages, options: FineTuneOptions = {}): Promise<TrainedModel> {
  // Only a page that trains needs the compiler of training steps, and all that comes with it.
  const [{ fineTune: tune }, place] = await Promise.all([import("./tasks/training/fine-tune.js"), pagePlace(options)]);
  const worker = pageWorker();
  return closingModel(worker, () => tune(modelsOf(worker), source, data, options, place));
}

export async function train(network: ModelName | DescribedModel, data: LabeledImages, options: TrainOptions = {}): Promise<TrainedNetwork> {
  const [{ train: trainTask }, place] = await Promise.all([import("./tasks/training/train.js"), pagePlace(options)]);
  const worker = pageWorker();
  const described = typeof network === "string" ? describe(network) : network;
  return closingModel(worker, () => trainTask(modelsOf(worker), described, data, options, place));
}

async function pagePlace(options: TrainOptions) {
  const { placeOptions, rejectOptions } = await import("./tasks/training/train-options.js");
  const foreign = ["allowHttps", "offline", "token", "workers", "out", "resume", "keepCheckpoints", "checkpointEvery"] as const;
  rejectOptions(options, foreign, "in a browser: expected options that are not for Node only");
  return placeOptions(options);
}

function modelsOf(worker: PageWorker) {
  // A page has no runs and no models of the package.
  return { platform: webPlatform(worker), kinds: [] };
}

/** Opens something that has a worker of its own for images and volumes, which ends with it. */
function withWorker<T extends { readonly close: () => Promise<void> }>({ signal }: OpenOptions, open: (worker: PageWorker) => Promise<T>) {
  const worker = pageWorker();
  return closingBoth(worker, signal, () => open(worker));
}

const NODE_ONLY = [
  "allowHttps",
  "offline",
  "token",
  "isolate",
  "timeLimit",
  "memoryLimit",
  "checkpoint",
] as const satisfies readonly (keyof OpenOptions)[];

function pageOptions(options: OpenOptions): ReturnType<typeof taskOptions> {
  return taskOptions(options, NODE_ONLY, "a browser", "Node");
}
