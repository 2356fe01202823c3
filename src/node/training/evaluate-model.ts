import {
  type CropCount,
  cropsOf,
  type DatasetSource,
  datasetSource,
  type Image,
  normalize,
  type PillowFilter,
  type Preprocessing,
  type SkippedSample,
  selectSamples,
} from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { runRows, softmax } from "../../predict/predict.js";
import type { LoadedModel } from "../../tasks/model-host.js";
import { type DescribedModel, modelName } from "../../tasks/model-source.js";
import { knownPreprocessing, logitsOutput } from "../../tasks/open-model.js";
import { wordNetIds } from "../../tasks/wordnet-ids.js";
import { float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import { ClassificationMetrics, type Evaluation, type ScoredImage, scoreImages } from "../../train/metrics.js";
import { resolveSettings } from "../../train/settings.js";
import { createBatchSource } from "../batch-source.js";
import { type OpenDatasetOptions, type OpenedDataset, openDataset } from "../datasets/index.js";
import { openSampleReader, type SampleReader } from "../datasets/sample-reader.js";
import { type LoadModelOptions, loadModel } from "../load-model.js";
import { openRun } from "../open-run.js";
import { locateSource } from "../run-sources.js";
import { type EvaluationRecord, NO_RECORD, openEvaluationRecord } from "./evaluation-record.js";
import { isRunFolder } from "./run-weights.js";

export interface EvaluateOptions extends LoadModelOptions {
  /** Which part of the data. Default: what is for validation; all of it where the data does not say. */
  readonly split?: "train" | "val";
  /**
   * Predictions that are averaged for each image, as softmax probabilities: see `planCrops`. Default 1: the image prepared
   * as inference does it.
   */
  readonly crops?: CropCount;
  /** Images, or crops, that run together. Default 16. */
  readonly batch?: number;
  /** Threads that decode. Default 1. */
  readonly workers?: number;
  /**
   * File with a line for each measured image. Where it exists, from the same model, weights, data and crops, the images in
   * it are not run again: a measurement that was stopped goes on.
   */
  readonly record?: string;
  /** ReaL labels (arXiv:2006.07159): for each validation image of ILSVRC-2012 in order the classes that are right. */
  readonly real?: readonly (readonly number[])[];
  readonly onMeasured?: (done: number, total: number) => void;
}

/** What a classifier did on labeled images. */
export interface EvaluationResult {
  readonly evaluation: Evaluation;
  /** Class names by index. */
  readonly classes: readonly string[];
  /** What was measured on. */
  readonly data: string;
  /** With ReaL labels: images that have some, and the share of them whose answer is one. */
  readonly real: { readonly images: number; readonly top1: number } | null;
  readonly skipped: readonly SkippedSample[];
}

/**
 * Measures a classifier on labeled images.
 *
 * Labels of the data are names of the model's classes, or their indices; for the 1000 ImageNet classes WordNet ids
 * (n01440764) too. One label that is none of these is an error.
 *
 * @param model - the folder of a run, a model id or a custom network (with `weights`), or an exported `.onnx` file
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
    const classes = classNames(loaded);
    const dataset = choosePart(await openLabeled(model, data, classes), options.split);
    const task: Task = { loaded, preprocessing, dataset, output: logitsOutput(loaded), classes, options };
    const record = await openRecord(task);
    try {
      return await measureRest(task, record);
    } finally {
      await record.close();
    }
  } finally {
    await loaded.close();
  }
}

/** Evaluates on the images that the record lacks; the result is of all. */
async function measureRest(task: Task, record: EvaluationRecord): Promise<EvaluationResult> {
  const { dataset, classes, options } = task;
  const left = leftOver(dataset, record);
  const rest: Task = { ...task, dataset: selectSamples(dataset, left) };
  const metrics = new ClassificationMetrics({ numClasses: classes.length, nameOf: dataset.nameOf });
  const real = realScore(dataset, options.real ?? null);
  const take = (scored: ScoredImage): void => {
    metrics.add(scored);
    real.add(scored);
  };
  for (const scored of record.scored) take(scored);
  const before = dataset.size - left.length;
  const skipped = [...record.skipped];
  const report = async (scored: readonly ScoredImage[], bad: readonly SkippedSample[], done: number): Promise<void> => {
    const placed = scored.map((image) => ({ ...image, index: left[image.index] ?? 0 }));
    const named = bad.map((sample) => ({ ...sample, index: left[sample.index] ?? 0 }));
    for (const image of placed) take(image);
    skipped.push(...named);
    await record.append(placed, named);
    options.onMeasured?.(before + done, dataset.size);
  };
  await ((options.crops ?? 1) === 1 ? measureImages(rest, report) : measureCrops(rest, options.crops ?? 1, report));
  const evaluation = metrics.result();
  if (evaluation.images > 0) return { evaluation, skipped, classes, data: dataset.name, real: real.result() };
  throw new InceptionError(
    "DATASET_INVALID",
    `Cannot evaluate on "${dataset.name}": none of its ${formatCount(dataset.size)} images could be read`,
    {
      dataset: dataset.name,
    },
  );
}

/** What was measured of these images: indices are those of the dataset that is run. */
type Report = (scored: readonly ScoredImage[], skipped: readonly SkippedSample[], done: number) => Promise<void>;

async function openRecord({ loaded, preprocessing, dataset, options }: Task): Promise<EvaluationRecord> {
  if (options.record === undefined) return NO_RECORD;
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

/** Indices of the images that the record does not have. */
function leftOver(dataset: DatasetSource, { scored, skipped }: EvaluationRecord): readonly number[] {
  const done = new Set([...scored, ...skipped].map(({ index }) => index));
  return Array.from({ length: dataset.size }, (_, index) => index).filter((index) => !done.has(index));
}

/** The number of a validation image of ILSVRC-2012, from 1, in its name. */
const VALIDATION_NUMBER = /ILSVRC2012_val_(\d{8})/;

/** Counts answers that are among the ReaL labels of their image. */
function realScore(dataset: DatasetSource, real: EvaluateOptions["real"] | null) {
  let [images, right] = [0, 0];
  return {
    add: ({ index, answer }: ScoredImage): void => {
      const number = VALIDATION_NUMBER.exec(dataset.nameOf(index))?.[1];
      const labels = number === undefined ? [] : (real?.[Number(number) - 1] ?? []);
      if (labels.length === 0) return;
      images++;
      if (labels.includes(answer)) right++;
    },
    result: (): EvaluationResult["real"] => {
      if (!real) return null;
      if (images > 0) return { images, top1: right / images };
      const fact = "none of the images has a name like ILSVRC2012_val_00000001 and ReaL labels";
      throw new InceptionError("DATASET_INVALID", `Cannot evaluate ReaL accuracy on "${dataset.name}": ${fact}`, { dataset: dataset.name });
    },
  };
}

function classNames(loaded: LoadedModel): readonly string[] {
  const output = logitsOutput(loaded);
  const count = loaded.session.outputs.find(({ name }) => name === output)?.shape[1];
  const { labels, model } = loaded.metadata;
  if (labels !== null) return labels;
  if (typeof count === "number") return Array.from({ length: count }, (_, index) => String(index));
  throw new InceptionError("OPTION_INVALID", `Cannot evaluate "${model}": its number of classes is unknown; pass \`labels\``, {
    model,
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
  return openNamed(await locateSource(opened, "data", run.data), classes, { valFraction, seed, ...(val === null ? {} : { val }) });
}

async function openNamed(data: string, classes: readonly string[], options: OpenDatasetOptions): Promise<OpenedDataset> {
  const named = (names: readonly string[]) => openDataset(data, { ...options, classes: names });
  try {
    return withClasses(await named(classes), classes);
  } catch (thrown) {
    const ids = await wordNetIds(classes);
    if (ids === null || !(thrown instanceof InceptionError && Array.isArray(thrown.details.unknown))) throw thrown;
    const { train, val } = await named(ids).catch(() => {
      throw thrown;
    });
    const renamed = (part: DatasetSource) => datasetSource(part.name, classes, part.labels, part.samples);
    return { train: renamed(train), val: val && renamed(val) };
  }
}

/** A dataset with classes of its own (shapes10) has them matched by name. */
function withClasses({ train, val }: OpenedDataset, classes: readonly string[]): OpenedDataset {
  const own = train.classes;
  if (own.join("\n") === classes.join("\n")) return { train, val };
  const unknown = own.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    const shown = classes.slice(0, 5).join(", ");
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot evaluate on "${train.name}": the model does not have its classes ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""}, expected some of ${shown}${classes.length > 5 ? ", …" : ""}`,
      { unknown },
    );
  }
  const renamed = (part: DatasetSource) => {
    const labels = part.labels.map((label) => classes.indexOf(own[label] ?? ""));
    return datasetSource(part.name, classes, labels, part.samples);
  };
  return { train: renamed(train), val: val && renamed(val) };
}

function choosePart({ train, val }: OpenedDataset, split: EvaluateOptions["split"]): DatasetSource {
  if (split === "train") return train;
  if (val !== null || split === undefined) return val ?? train;
  throw new InceptionError(
    "DATASET_INVALID",
    `Cannot evaluate on the validation split of "${train.name}": it has none; omit \`split\` to use all images`,
    {
      dataset: train.name,
    },
  );
}

interface Task {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly dataset: DatasetSource;
  readonly output: string;
  readonly classes: readonly string[];
  readonly options: EvaluateOptions;
}

/** Side of the input in pixels. */
function inputSide({ loaded, preprocessing }: Task): number {
  const height = loaded.session.inputs[0]?.shape[2];
  return typeof height === "number" ? height : (preprocessing.crop?.[0] ?? preprocessing.resize.size);
}

/** Each image as inference prepares it, decoded ahead in threads. */
async function measureImages(task: Task, report: Report): Promise<void> {
  const { loaded, preprocessing, dataset, output, classes, options } = task;
  if (dataset.size === 0) return;
  const inputSize = inputSide(task);
  const { batch: batchSize = DEFAULT_BATCH, workers = 1 } = options;
  // Each image is read once, so that decoded ones need not be kept.
  const reading = { batchSize, workers, cacheBytes: 0 };
  const source = await createBatchSource(dataset, { ...reading, preprocessing, inputSize, augmentation: null, shuffle: false });
  try {
    const stream = source.epoch(0);
    let done = 0;
    let told = 0;
    for await (const { images, count, labels, indices } of stream) {
      const rows = await runRows(
        loaded.session,
        float32Tensor([count, images.length / count / inputSize ** 2, inputSize, inputSize], images),
        output,
        (row) => quoted(dataset.nameOf(indices[row] ?? 0)),
      );
      done += count;
      const scored = scoreImages({ logits: joined(rows), labels, indices }, classes.length);
      await report(scored, stream.skipped.slice(told), done);
      told = stream.skipped.length;
    }
    await report([], stream.skipped.slice(told), done);
  } finally {
    await source.close();
  }
}

const DEFAULT_BATCH = 16;

function joined(rows: readonly Float32Array[]): Float32Array {
  const length = rows[0]?.length ?? 0;
  const all = new Float32Array(rows.length * length);
  for (const [index, row] of rows.entries()) all.set(row, index * length);
  return all;
}

/** Several crops of each image; while those of one run, the next image is decoded and cut. */
async function measureCrops(task: Task, count: CropCount, report: Report): Promise<void> {
  const { dataset, classes } = task;
  if (dataset.size === 0) return;
  const reader = openSampleReader(dataset.samples, 0);
  try {
    let next = readOrReason(reader, 0);
    for (let index = 0; index < dataset.size; index++) {
      const found = await next;
      if (index + 1 < dataset.size) next = readOrReason(reader, index + 1);
      if (typeof found === "string") await report([], [{ index, name: dataset.nameOf(index), reason: found }], index + 1);
      else {
        const logits = await croppedLogits(task, found, count, quoted(dataset.nameOf(index)));
        await report(scoreImages({ logits, labels: [dataset.labelOf(index)], indices: [index] }, classes.length), [], index + 1);
      }
    }
  } finally {
    await reader.close();
  }
}

/** The image, or why it cannot be read. */
async function readOrReason(reader: SampleReader, index: number): Promise<Image | string> {
  try {
    return await reader.read(index);
  } catch (thrown) {
    if (thrown instanceof InceptionError) return messageOf(thrown);
    throw thrown;
  }
}

/** Logits whose softmax is the mean of the softmax of all crops: the logarithms of the mean probabilities. */
async function croppedLogits(task: Task, image: Image, count: CropCount, name: string): Promise<Float32Array> {
  const { loaded, preprocessing, output, classes, options } = task;
  const crops = cropsOf(image, count, inputSide(task), pillowFilter(preprocessing.resize.filter));
  const { batch = DEFAULT_BATCH } = options;
  const sums = new Float64Array(classes.length);
  for (let from = 0; from < crops.length; from += batch) {
    const crop = (row: number): string => `crop ${from + row} of ${name}`;
    const rows = await runRows(loaded.session, cropTensor(crops.slice(from, from + batch), preprocessing), output, crop);
    for (const row of rows) for (const [index, probability] of softmax(row).entries()) sums[index] = (sums[index] ?? 0) + probability;
  }
  // A probability that is 0 in double precision has no logarithm; the smallest number stands in.
  return Float32Array.from(sums, (sum) => Math.log(Math.max(sum / crops.length, Number.MIN_VALUE)));
}

/** The filter of Pillow that is like the one an image is prepared with. */
function pillowFilter(filter: Preprocessing["resize"]["filter"]): PillowFilter {
  if (filter === "float_bicubic") return "bicubic";
  return filter === "tf1_bilinear" || filter === "torch_bilinear" ? "bilinear" : filter;
}

/** Squares of the input size side by side: [crops, C, side, side]. */
function cropTensor(crops: readonly Image[], recipe: Preprocessing): Tensor {
  const side = crops[0]?.width ?? 0;
  const channels = recipe.channelOrder === "L" ? 1 : 3;
  const length = channels * side * side;
  const data = new Float32Array(crops.length * length);
  for (const [index, crop] of crops.entries()) normalize(crop, recipe, { data, offset: index * length });
  return float32Tensor([crops.length, channels, side, side], data);
}
