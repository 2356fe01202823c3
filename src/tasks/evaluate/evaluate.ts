import type { SampleReader } from "../../data/batches/maker.js";
import type { SampleStore } from "../../data/dataset-source.js";
import {
  type CropCount,
  cropsOf,
  type DatasetSource,
  type Image,
  normalize,
  type PillowFilter,
  type Preprocessing,
  type SkippedSample,
  selectSamples,
} from "../../data/index.js";
import { requireSingleLabels } from "../../data/label-sets.js";
import { InceptionError, messageOf } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { calibratedLogits } from "../../predict/confidence-record.js";
import { runRows, softmax } from "../../predict/predict.js";
import { callOf, throwIfAborted, untilAborted } from "../../runtime/abort.js";
import type { CallOptions, Platform } from "../../runtime/platform.js";
import { float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import { ClassificationMetrics, type Evaluation, type ScoredImage, scoreImages } from "../../train/metrics.js";
import type { LoadedModel } from "../model-host.js";
import { logitsOutput } from "../open-model.js";
import { classNames } from "./labels.js";
import { DEFAULT_BATCH, inputSide, type LabeledRun, runLabeled } from "./run-labeled.js";

/** How a classifier is evaluated. */
export interface EvaluateSettings extends CallOptions {
  /**
   * Predictions that are averaged for each image, as softmax probabilities: see `planCrops`. Default: 1, the image prepared
   * as inference does it.
   */
  readonly crops?: CropCount;
  /** Images, or crops, that run together. Default: 16. */
  readonly batchSize?: number;
  /** Node only. Threads that decode. Default: 1. */
  readonly workers?: number;
  /** ReaL labels (arXiv:2006.07159): for each validation image of ILSVRC-2012 in order the classes that are right. */
  readonly real?: readonly (readonly number[])[];
  /** Called after each batch. */
  readonly onEvaluated?: (done: number, total: number) => void;
}

/** What a classifier did on labeled images. */
export interface EvaluationResult {
  readonly evaluation: Evaluation;
  /** Class names by index. */
  readonly classes: readonly string[];
  /** What was measured on. */
  readonly data: string;
  /** With ReaL labels: the number of images that have some, and the fraction of those whose predicted class is among them. */
  readonly real: { readonly images: number; readonly top1: number } | null;
  readonly skipped: readonly SkippedSample[];
}

/** What was evaluated before, and where the rest goes. */
export interface EvaluatedImages {
  readonly scored: readonly ScoredImage[];
  readonly skipped: readonly SkippedSample[];
  readonly append: (scored: readonly ScoredImage[], skipped: readonly SkippedSample[]) => Promise<void>;
}

/** Nothing was evaluated before, and nothing is kept. */
const NO_RECORD: EvaluatedImages = { scored: [], skipped: [], append: async () => undefined };

/** An opened model, and what reads images for it. */
interface EvaluationSite {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly openBatches: Platform["openBatches"];
  /** Opens the images one by one, for crops. */
  readonly openSamples: (samples: SampleStore) => SampleReader;
}

/**
 * Evaluates a classifier on labeled images.
 *
 * @param dataset - with labels that index the model's classes
 * @param record - images that are in it are not run again; the result is of all
 * @throws InceptionError DATASET_INVALID, NOT_FINITE naming the first image for which the model gives NaN or infinity
 */
export async function evaluateDataset(
  site: EvaluationSite,
  dataset: DatasetSource,
  options: EvaluateSettings,
  record: EvaluatedImages = NO_RECORD,
): Promise<EvaluationResult> {
  requireSingleLabels(dataset, "evaluate on");
  const task: Task = { ...site, dataset, output: logitsOutput(site.loaded), classes: classNames(site.loaded), options };
  // Reading is left alone where it waits for an image; it ends with the batch that is made.
  return untilAborted(options.signal, measureRest(task, record));
}

/** Evaluates on the images that the record lacks; the result is of all. */
async function measureRest(task: Task, record: EvaluatedImages): Promise<EvaluationResult> {
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
    options.onEvaluated?.(before + done, dataset.size);
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

/** Indices of the images that the record does not have. */
function leftOver(dataset: DatasetSource, { scored, skipped }: EvaluatedImages): readonly number[] {
  const done = new Set([...scored, ...skipped].map(({ index }) => index));
  return Array.from({ length: dataset.size }, (_, index) => index).filter((index) => !done.has(index));
}

/** The number of a validation image of ILSVRC-2012, from 1, in its name. */
const VALIDATION_NUMBER = /ILSVRC2012_val_(\d{8})/;

/** Counts answers that are among the ReaL labels of their image. */
function realScore(dataset: DatasetSource, real: EvaluateSettings["real"] | null) {
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

interface Task extends EvaluationSite, LabeledRun {
  readonly classes: readonly string[];
  readonly options: EvaluateSettings;
}

/** Each image as inference prepares it, decoded ahead in threads. */
async function measureImages(task: Task, report: Report): Promise<void> {
  const { loaded, classes } = task;
  await runLabeled(task, async ({ rows, labels, indices, skipped, done }) => {
    const logits = joined(rows.map((row) => calibratedLogits(row, loaded.metadata.calibration)));
    await report(rows.length === 0 ? [] : scoreImages({ logits, labels, indices }, classes.length), skipped, done);
  });
}

function joined(rows: readonly ArrayLike<number>[]): Float32Array {
  const length = rows[0]?.length ?? 0;
  const all = new Float32Array(rows.length * length);
  for (const [index, row] of rows.entries()) all.set(row, index * length);
  return all;
}

/** Several crops of each image; while those of one run, the next image is decoded and cut. */
async function measureCrops(task: Task, count: CropCount, report: Report): Promise<void> {
  const { dataset, classes, options, openSamples } = task;
  if (dataset.size === 0) return;
  const reader = openSamples(dataset.samples);
  try {
    let next = readOrReason(reader, 0);
    for (let index = 0; index < dataset.size; index++) {
      const found = await next;
      throwIfAborted(options.signal);
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
  const { batchSize = DEFAULT_BATCH } = options;
  const sums = new Float64Array(classes.length);
  for (let from = 0; from < crops.length; from += batchSize) {
    const crop = (row: number): string => `crop ${from + row} of ${name}`;
    const rows = await runRows(
      loaded.session,
      cropTensor(crops.slice(from, from + batchSize), preprocessing),
      output,
      crop,
      callOf(options),
    );
    for (const row of rows) {
      const probabilities = softmax(calibratedLogits(row, loaded.metadata.calibration));
      for (const [index, probability] of probabilities.entries()) sums[index] = (sums[index] ?? 0) + probability;
    }
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
