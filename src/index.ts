/** The task layer in Node: what most programs need. `browser.ts` exports the same names with the same types in pages. */

import type { ImageCheck } from "./check/image-check.js";
import type { SampleStore } from "./data/dataset-source.js";
import type { Triple } from "./data/volumes/volume.js";
import type { ModelName } from "./models/index.js";
import { labeledFolder } from "./node/datasets/labeled-folder.js";
import { openSampleReader } from "./node/datasets/sample-reader.js";
import { distanceThreads, FRECHET_THREAD } from "./node/frechet/frechet-thread.js";
import { imageThreads } from "./node/image-threads.js";
import { listImages } from "./node/list-images.js";
import { NODE_MODELS, nodeModels } from "./node/load-model.js";
import type { IndexedPlace } from "./node/search/index-directory.js";
import { NODE_SEGMENTATION } from "./node/segment/segmenter.js";
import { trainToFolder } from "./node/training/train-to-folder.js";
import type { FileInput } from "./tasks/api-types.js";
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
import type { ImageIndex } from "./tasks/search/open-index.js";
import type { IndexedImages, IndexImagesOptions, OpenIndexOptions } from "./tasks/search/search-sources.js";
import { type Segmenter, openSegmenter as segmenter } from "./tasks/segment/segmenter.js";
import { toOnnx as onnx } from "./tasks/to-onnx.js";
import { fineTune as tune } from "./tasks/training/fine-tune.js";
import { type TrainedNetwork, train as trainTask } from "./tasks/training/train.js";
import { type FineTuneOptions, placeOptions, type TrainOptions } from "./tasks/training/train-options.js";
import type { TrainedModel } from "./tasks/training/trained-model.js";

export { InceptionError } from "./errors.js";
export type * from "./tasks/api-types.js";
export { cosineSimilarity } from "./tasks/cosine-similarity.js";
export { labeledImages } from "./tasks/labeled-images.js";
export { describe };

/**
 * Loads an image classifier from a model id and weights, an exported `.onnx` file or a run directory. Call `close()`, or declare it
 * with `await using`, to release its memory.
 *
 * @param source - a model id with `weights`, an exported `.onnx` file (path, URL, bytes or Blob), a run directory, a bundled model,
 *   or a network of `describe` with `weights`
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID, SOURCE_INVALID, FILE_…, WEIGHTS_MISMATCH, NOT_FINITE, SESSION_FAILED,
 *   DEVICE_UNAVAILABLE, SELF_CHECK_FAILED
 *
 * @example
 * ```ts
 * import { openClassifier } from "inceptionkit";
 * await using classifier = await openClassifier("examples/digits/digits.onnx");
 * const [best] = await classifier.classify("examples/digits/images/7-a.png");
 * console.log(best?.className, best?.probability); // seven 0.95…
 * ```
 */
export async function openClassifier(source: ModelSource, options: OpenOptions = {}): Promise<Classifier> {
  return withImages(options, (models) => classifier(models, source, nodeOptions(options)));
}

/**
 * Loads a model that computes feature vectors. The weights may lack the classifier. Call `close()`, or declare it with
 * `await using`, to release its memory.
 *
 * @throws InceptionError as `openClassifier`
 *
 * @example
 * ```ts
 * import { cosineSimilarity, openEmbedder } from "inceptionkit";
 * await using embedder = await openEmbedder("examples/digits/digits.onnx");
 * const [a, b] = await embedder.embed(["examples/digits/images/7-a.png", "examples/digits/images/7-b.png"]);
 * console.log(cosineSimilarity(a ?? [], b ?? []));
 * ```
 */
export async function openEmbedder(source: ModelSource, options: OpenOptions = {}): Promise<Embedder> {
  return withImages(options, (models) => embedder(models, source, nodeOptions(options)));
}

/**
 * Loads a segmentation model. `segment` accepts a NIfTI file (path, URL, bytes or Blob), voxels, or in Node a directory of DICOM
 * slices; an array of them is one case with several channels.
 *
 * @param options - `patchSize`: window size in voxels along x, y and z. Default: the patch size of training
 * @throws InceptionError as `openClassifier`; OPTION_INVALID for a model that does not segment
 *
 * @example
 * ```ts
 * import { openSegmenter } from "inceptionkit";
 * await using segmenter = await openSegmenter("hippocampus");
 * const { labels, labelStatistics } = await segmenter.segment("examples/segment/hippocampus_001.nii.gz");
 * console.log(labels.shape, labelStatistics);
 * ```
 */
export async function openSegmenter(source: ModelSource, options: OpenOptions & { readonly patchSize?: Triple } = {}): Promise<Segmenter> {
  const { patchSize, ...rest } = options;
  const given = { ...nodeOptions(rest), ...(patchSize === undefined ? {} : { patchSize }) };
  return segmenter(NODE_SEGMENTATION, source, given);
}

/**
 * Exports a model as one self-contained ONNX file with dynamic batch size. The file contains class names, preprocessing, origin and
 * license of the weights, and a self-check: outputs computed here that `openClassifier` and the others compare when they load it.
 *
 * @throws InceptionError as `openClassifier`; OPTION_INVALID for `dynamicSize` of a network with layers of fixed size
 *
 * @example
 * ```ts
 * import { toOnnx } from "inceptionkit";
 * const bytes = await toOnnx("hippocampus");
 * console.log(bytes.byteLength);
 * ```
 */
export async function toOnnx(source: ModelSource, options: OpenOptions & ExportOnnxOptions = {}): Promise<Uint8Array> {
  return onnx(NODE_MODELS, source, nodeOptions(options), options);
}

/**
 * Quantize a model to int8: an ONNX file of standard operators, for the CPU. Ranges are calibrated on the samples; the result is
 * compared with the float32 model on samples that were held out, and timed beside it. docs/quantization.md says what is done and when
 * it does not pay. In a page both models run on WebAssembly, and so does the speedup that is reported.
 *
 * @param samples - images such as the model will be given, with their classes where these are known; or volumes for a model that
 *   segments them
 * @throws InceptionError as `openClassifier`; QUANTIZATION_REJECTED with the measurements in its details, for a model below
 *   `minAgreement` or `minSpeedup`; OPTION_INVALID, DATASET_INVALID. Rejects with the reason of `signal`
 *
 * @example
 * ```ts
 * import { quantize } from "inceptionkit";
 * const images = ["0", "1", "2", "3", "4"].map((digit) => `examples/digits/images/${digit}-a.png`);
 * // So small a network gains no speed from int8, and few images say little about agreement.
 * const accept = { minSpeedup: 0, minAgreement: 0, rounds: 1 };
 * const { onnx, report } = await quantize("examples/digits/digits.onnx", images, accept);
 * console.log(onnx.byteLength, report.agreement);
 * ```
 */
export async function quantize(
  source: ModelSource,
  samples: readonly CalibrationSample[],
  options: QuantizationOptions = {},
): Promise<QuantizedOnnx> {
  const { onProgress, ...open } = options;
  const { quantizeSource } = await import("./tasks/quantize/quantize-source.js");
  return usingImages(options, (models) => {
    const host = { models, inThread: NODE_SEGMENTATION.inThread, clock: () => performance.now() };
    return quantizeSource(host, source, samples, nodeOptions(open), options);
  });
}

/**
 * Evaluates a classifier on labeled images: top-1 and top-5 accuracy, precision and recall of each class, the confusion matrix, and the
 * misclassifications with the highest probabilities.
 *
 * @param data - labels are class names of the model or their indices; for the 1,000 ImageNet classes also WordNet ids
 * @throws InceptionError as `openClassifier`; DATASET_INVALID for a label that is not a class of the model, or if no image can be read;
 *   NOT_FINITE. Rejects with the reason of `signal`
 *
 * @example
 * ```ts
 * import { evaluate, labeledImages } from "inceptionkit";
 * const items = ["seven", "three"].map((label) => ({ image: `examples/digits/images/${label === "seven" ? 7 : 3}-a.png`, label }));
 * const { evaluation } = await evaluate("examples/digits/digits.onnx", labeledImages(items));
 * console.log(evaluation.top1); // 1
 * ```
 */
export async function evaluate(source: ModelSource, data: LabeledImages, options: EvaluateImagesOptions = {}): Promise<EvaluationResult> {
  const { split: _part, crops: _crops, batchSize: _size, real: _real, onProgress: _report, ...open } = options;
  const { evaluateSource } = await import("./tasks/evaluate/evaluate-source.js");
  const openSamples = (samples: SampleStore) => openSampleReader(samples, 0, { allowHttps: options.allowHttps === true });
  return usingImages(options, (models) => evaluateSource({ models, openSamples }, source, data, nodeOptions(open), options));
}

/**
 * Calibrates a classifier on labeled images that it was not trained on: fits the temperature that makes its probabilities agree with
 * how often it is right, and on demand chooses the threshold of a score below which an image is unknown. The model is exported with
 * both; `openClassifier` applies them. docs/calibration.md has the formulas.
 *
 * @param source - as `openClassifier` takes it, but no int8 model
 * @param data - held-out images; labels are class names of the model or their indices
 * @param options - `unknown`: "max-softmax", "max-logit" or "energy"; `falseRejection`: fraction of known images that the threshold rejects
 * @throws InceptionError as `openClassifier`; DATASET_INVALID for labels that are no class, fewer than 10 images, images that determine
 *   no temperature, such as images that are all classified correctly, and too few images for `falseRejection`; OPTION_INVALID; NOT_FINITE.
 *   Rejects with the reason of `signal`
 *
 * @example
 * ```ts not run: needs more labeled images than the package contains
 * import { calibrate, imageFolder } from "inceptionkit";
 * const { onnx, report } = await calibrate("photos.onnx", imageFolder("held-out"), { unknown: "energy" });
 * console.log(report.temperature, report.before.ece, report.after.ece, onnx.byteLength);
 * ```
 */
export async function calibrate(source: ModelSource, data: LabeledImages, options: CalibrateOptions = {}): Promise<CalibratedOnnx> {
  const { split: _part, batchSize: _size, unknown: _score, falseRejection: _rate, seed: _seed, onProgress: _report, ...open } = options;
  const { calibrateSource } = await import("./tasks/calibrate/calibrate.js");
  return usingImages(options, (models) => calibrateSource(models, source, data, nodeOptions(open), options));
}

/**
 * Checks labeled images before they are trained on: unreadable files, duplicates and near duplicates (within a class, across classes,
 * across training and validation), class imbalance, outliers in size, aspect ratio, brightness and sharpness, and with `model` labels
 * that are probably wrong. docs/check.md has the definitions and how much of each is found.
 *
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID; with `model` as `openEmbedder`. A file that cannot be read is a finding. Rejects
 *   with the reason of `signal`
 *
 * @example
 * ```ts
 * import { checkImages, labeledImages } from "inceptionkit";
 * const items = ["7-a", "7-b", "3-a", "3-b", "7-a"].map((name) => ({ image: `examples/digits/images/${name}.png`, label: name.slice(0, 1) }));
 * const { counts, duplicates } = await checkImages(labeledImages(items), { valFraction: 0 });
 * console.log(counts.copies, duplicates[0]?.images.map(({ name }) => name)); // 1 and twice the path of 7-a.png
 * ```
 */
export async function checkImages(data: LabeledImages, options: CheckImagesOptions = {}): Promise<ImageCheck> {
  const { model: _model, valFraction: _fraction, seed: _seed, folds: _folds, onProgress: _report, ...open } = options;
  const [{ checkLabeledImages }, { checkHost }] = await Promise.all([
    import("./tasks/check/check-images.js"),
    import("./node/check/check-host.js"),
  ]);
  return usingImages(options, (models) => checkLabeledImages(checkHost(models, options), data, nodeOptions(open), options));
}

/**
 * How far two sets of images are apart: the Fréchet distance (FID) with a 95% confidence interval, on demand the kernel distance (KID)
 * and Inception Scores. docs/frechet.md has the conventions.
 *
 * @param a - images, or a `.npz` file of statistics, or in Node a directory of images
 * @param b - the same
 * @param options - `weights`: pytorch-fid's weight file, which sets of images need
 * @throws InceptionError FILE_…, SOURCE_INVALID, WEIGHTS_MISMATCH, SESSION_FAILED; OPTION_INVALID for statistics of another mode, size or
 *   network, and fewer than 2 images. Rejects with the reason of `signal`
 *
 * @example
 * ```ts not run: needs the weights of pytorch-fid
 * import { frechetDistance } from "inceptionkit";
 * const weights = "pt_inception-2015-12-05-6726825d.pth";
 * const { fid, interval } = await frechetDistance("generated", "photos", { weights });
 * console.log(fid, interval);
 * ```
 */
export async function frechetDistance(a: ImageSetInput, b: ImageSetInput, options: FrechetDistanceOptions = {}): Promise<FrechetDistances> {
  const { frechetDistances, sourcesOf } = await import("./tasks/frechet/frechet-distance.js");
  return usingImages(options, ({ platform }) => {
    const listDirectory = (place: string) => listImages([place]);
    return frechetDistances(
      { platform, inThread: FRECHET_THREAD, parallel: distanceThreads(), listDirectory },
      a,
      b,
      sourcesOf(options),
      options,
    );
  });
}

/**
 * Computes the feature vectors of images and writes an index of them: one Parquet file with a row for each image (path, sha256, label,
 * embedding), which pandas and DuckDB read too. Images that cannot be used are skipped and listed.
 *
 * @param source - as for `openEmbedder`
 * @param images - images, with paths and labels where they have some; in Node also a directory, whose subdirectories are the labels
 * @param options - `previous`: an index whose vectors are used for images that it has. `out`: a file to write, in Node
 * @throws InceptionError as `openEmbedder`; DATASET_INVALID where no image can be used, OPTION_INVALID for `previous` of another model,
 *   WRITE_FAILED. Rejects with the reason of `signal`
 *
 * @example
 * ```ts
 * import { indexImages, openIndex } from "inceptionkit";
 * const model = "examples/digits/digits.onnx";
 * const { bytes, images } = await indexImages(model, "examples/digits/images");
 * console.log(images); // 20
 * await using index = await openIndex(bytes ?? "digits.parquet", { model });
 * const [, second] = await index.search("examples/digits/images/7-a.png", { top: 2 });
 * console.log(second?.path, second?.score);
 * ```
 */
export async function indexImages(source: ModelSource, images: IndexedPlace, options: IndexImagesOptions = {}): Promise<IndexedImages> {
  const { batchSize: _size, previous: _known, out: _file, onProgress: _report, ...open } = options;
  const { indexPlace } = await import("./node/search/index-directory.js");
  return usingImages(options, (models) => indexPlace(models, source, images, nodeOptions(open), options));
}

/**
 * Opens an index of images to search it. Call `close()`, or declare it with `await using`, to release its memory: all vectors are in it.
 *
 * @param source - the file of `indexImages`: its path, URL, bytes or Blob
 * @param options - `model`: the model that the index was built with, needed to search for images; another one is rejected
 * @throws InceptionError FILE_…; as `openEmbedder`; OPTION_INVALID for another model; PACKAGE_MISSING for `approximate` without usearch
 *
 * @example
 * ```ts
 * import { indexImages, openIndex } from "inceptionkit";
 * const { bytes } = await indexImages("examples/digits/digits.onnx", "examples/digits/images");
 * await using index = await openIndex(bytes ?? "digits.parquet");
 * console.log(index.images.length, index.dimension);
 * ```
 */
export async function openIndex(source: FileInput, options: OpenIndexOptions = {}): Promise<ImageIndex> {
  const { model: _model, metric: _metric, approximate, ...open } = options;
  const { openIndexSource } = await import("./tasks/search/search-sources.js");
  const graph =
    approximate === true ? (await import("./node/search/neighbor-graph.js")).openNeighborGraph({ threads: options.threads ?? 0 }) : null;
  return withImages(open, (models) => openIndexSource(models, source, nodeOptions(open), { ...options, approximate: graph }));
}

/** Does something with threads of its own for large images, which end with it. */
async function usingImages<T>(options: Downloads, work: (models: typeof NODE_MODELS) => Promise<T>): Promise<T> {
  const images = imageThreads();
  return work(nodeModels(images, options)).finally(() => images.close());
}

/**
 * A directory of labeled images: one subdirectory for each class, `train/CLASS/*.jpg` with `val` beside it, a list (.csv, .tsv, .jsonl),
 * WebDataset .tar shards, or `shapes10`. In a page the files of an `<input webkitdirectory>`. Nothing is read before it is used.
 *
 * @throws InceptionError DATASET_INVALID for files that are not in a directory for each class; what is at a path is found out when
 *   it is used
 *
 * @example
 * ```ts
 * import { imageFolder } from "inceptionkit";
 * imageFolder("photos").name; // "photos"
 * ```
 */
export function imageFolder(place: string | URL | ChosenFiles): LabeledImages {
  if (typeof place === "string") return labeledFolder(place);
  return "href" in place ? labeledFolder(place.href) : chosenFolder(place);
}

/**
 * Train a model further, on the classes of other images, in memory: the same loop, augmentation and settings as `inception train`, so
 * that the same seed takes the same steps. The number of classes becomes that of the images; the classifier is initialized again
 * unless its classes are the same.
 *
 * @param source - an opened classifier, which stays open, or whatever `openClassifier` takes
 * @param options - settings by name. Default recipe: "finetune"
 * @returns the trained model, opened, and a row of losses and accuracies for each epoch
 * @throws InceptionError as `openClassifier`; DATASET_INVALID, OPTION_INVALID, WEIGHTS_MISMATCH, TRAINING_DIVERGED. Rejects with the
 *   reason of `signal`, at the latest after the step, batch or file under way
 *
 * @example
 * ```ts
 * import { fineTune, labeledImages } from "inceptionkit";
 * const items = ["7-a", "7-b", "3-a", "3-b"].map((name) => ({ image: `examples/digits/images/${name}.png`, label: name.slice(0, 1) }));
 * const settings = { epochs: 1, batchSize: 2, valFraction: 0 };
 * const { model, history } = await fineTune("examples/digits/digits.onnx", labeledImages(items), settings);
 * console.log(model.classNames, history[0]?.trainLoss);
 * await model.close();
 * ```
 */
export async function fineTune(source: ModelSource, data: LabeledImages, options: FineTuneOptions = {}): Promise<TrainedModel> {
  const images = imageThreads();
  return closingModel(images, () => tune(nodeModels(images, options), source, data, options, placeOptions(options)));
}

/**
 * Train a network on images: in memory, or with `out` in a run directory as `inception train` makes one, with checkpoints, metrics and
 * a report.
 *
 * @param network - a model id, or a network of `describe`
 * @param options - settings by name; weights to start from. Default recipe: "finetune" with weights, else "scratch"
 * @returns the trained model, opened, with the parameters of the best epoch
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, RUN_INVALID, TRAINING_DIVERGED and those of weights and files. Rejects with
 *   the reason of `signal`, at the latest after the step, batch or file under way; a run with a directory saves a checkpoint first
 *
 * @example
 * ```ts
 * import { describe, imageFolder, train } from "inceptionkit";
 * const network = describe("inception_resnet_v1", { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] });
 * const { model, history } = await train(network, imageFolder("shapes10?train=32&val=10"), { epochs: 1, batchSize: 16 });
 * console.log(history[0]?.top1);
 * await model.close();
 * ```
 */
export async function train(network: ModelName | DescribedModel, data: LabeledImages, options: TrainOptions = {}): Promise<TrainedNetwork> {
  const described = typeof network === "string" ? describe(network) : network;
  const { out } = options;
  const images = imageThreads();
  return closingModel(images, () =>
    out === undefined
      ? trainTask(nodeModels(images, options), described, data, options, placeOptions(options))
      : trainToFolder(nodeModels(images, options), described, data, { ...options, out }),
  );
}

/** Whether images may be downloaded. */
type Downloads = Pick<OpenOptions, "allowHttps">;

/** Opens something that has threads of its own for large images, which end with it. */
function withImages<T extends { readonly close: () => Promise<void> }>(
  options: OpenOptions,
  open: (models: typeof NODE_MODELS) => Promise<T>,
) {
  const images = imageThreads();
  return closingBoth(images, options.signal, () => open(nodeModels(images, options)));
}

function nodeOptions(options: OpenOptions): ReturnType<typeof taskOptions> {
  return taskOptions(options, ["cache"], "Node", "a browser");
}
