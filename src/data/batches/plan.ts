/** How batches are made of a dataset. */

import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import type { Augmentation } from "../augment/augmentation.js";
import { checkMixing, type Mixing } from "../augment/mix.js";
import type { DatasetSource, SampleStore } from "../dataset-source.js";
import type { LabelSets } from "../label-sets.js";
import { type Preprocessing, preprocessedShape, recipeFault } from "../transforms/preprocess.js";

/** How batches are made of a dataset. */
export interface BatchSourceOptions {
  /** Images per batch. */
  readonly batchSize: number;
  /** Decides the order and every augmentation. Default 0. */
  readonly seed?: number;
  /** What evaluation does with an image; training takes the channel order and normalization from it. */
  readonly preprocessing: Preprocessing;
  /** Side of the network's input, in pixels. */
  readonly inputSize: number;
  /** Changes at random; null, the default: exactly what inference does with an image. */
  readonly augmentation?: Augmentation | null;
  /** Another order in each epoch. Default: true with `dropLast`, otherwise false. */
  readonly shuffle?: boolean;
  /**
   * For training: every batch is full. A damaged sample is replaced by the next one in the order of the epoch, and the
   * incomplete batch at the end of the epoch is dropped. Otherwise the last batch is smaller and a damaged sample is missing from its
   * batch; a batch of damaged samples only is skipped. Default: true with augmentation, otherwise false.
   */
  readonly dropLast?: boolean;
  /** Parameter of mixup's Beta distribution; 0, the default: none. */
  readonly mixup?: number;
  /** Parameter of cutmix's Beta distribution; 0, the default: none. */
  readonly cutmix?: number;
  /** Threads that decode and augment; 0: the calling thread does it when a batch is asked for. Default 1. */
  readonly workers?: number;
  /** Most batches that are made ahead of the one being read; without workers none is. Default: workers + 1. */
  readonly prefetch?: number;
  /** Most memory for decoded images that are kept from epoch to epoch, shared out among the workers. Default: 512 MiB; 0 keeps none. */
  readonly cacheBytes?: number;
}

/** All that decides the batches of a source, as plain data, so that every thread comes to the same ones. */
export interface BatchPlan {
  /** How messages name the dataset. */
  readonly name: string;
  readonly samples: SampleStore;
  /** Class index per sample; see `labelOf`. */
  readonly labels: Int32Array;
  /** The classes of samples that may have several or none. */
  readonly labelSets?: LabelSets;
  readonly classCount: number;
  readonly batchSize: number;
  /** Batches are always full: a damaged sample is replaced by the next one, and the epoch ends with the last full batch. */
  readonly full: boolean;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly preprocessing: Preprocessing;
  /** Channels of the network's input. */
  readonly channels: number;
  /** Side of the network's input, in pixels. */
  readonly inputSize: number;
  readonly augmentation: Augmentation | null;
  readonly mixing: Mixing;
  /** Limit of the decoded images that one thread keeps. */
  readonly cacheBytes: number;
}

/** Longest batch, in values: 2 GiB of float32, less than one array of any platform holds. */
const MAX_BATCH_VALUES = 2 ** 29;

/** @throws InceptionError OPTION_INVALID for an option out of its range, and a preprocessing that does not give the input size where it is used */
export function batchPlan(dataset: DatasetSource, options: BatchSourceOptions): BatchPlan {
  const { batchSize, inputSize, preprocessing, seed = 0, augmentation = null, mixup = 0, cutmix = 0 } = options;
  const { dropLast = augmentation !== null, shuffle = dropLast, workers = 1, cacheBytes = 512 * 2 ** 20 } = options;
  checkInteger("batchSize", batchSize, 1, 65_536);
  checkInteger("inputSize", inputSize, 1, 4096);
  checkInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkInteger("cacheBytes", cacheBytes, 0, Number.MAX_SAFE_INTEGER);
  checkMixing({ mixup, cutmix });
  const recipe = recipeFault(preprocessing);
  if (recipe) throw refused(`the preprocessing is invalid: ${recipe}`);
  const channels = preprocessing.channelOrder === "L" ? 1 : 3;
  if (!augmentation || augmentation.crop.kind === "none") checkShape(preprocessing, inputSize);
  if (augmentation && channels === 1 && augmentation.crop.kind === "none") checkShape({ ...preprocessing, channelOrder: "RGB" }, inputSize);
  const values = batchSize * channels * inputSize ** 2;
  if (values > MAX_BATCH_VALUES)
    throw refused(`a batch would have ${formatCount(values)} values, the limit is ${formatCount(MAX_BATCH_VALUES)}`);
  return {
    name: dataset.name,
    samples: dataset.samples,
    labels: dataset.labels,
    ...(dataset.labelSets === undefined ? {} : { labelSets: dataset.labelSets }),
    classCount: dataset.classes.length,
    batchSize,
    full: dropLast,
    shuffle,
    seed,
    preprocessing,
    channels,
    inputSize,
    augmentation,
    mixing: { mixup, cutmix },
    cacheBytes: Math.floor(cacheBytes / Math.max(1, workers)),
  };
}

function refused(fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot read batches: ${fact}`);
}

export function checkInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot read batches with ${name} ${value}: expected an integer from ${low} to ${formatCount(high)}`,
    {
      [name]: value,
    },
  );
}

/** Two images of different shape show whether the result depends on the image. */
function checkShape(recipe: Preprocessing, inputSize: number): void {
  for (const image of [
    { width: 2, height: 1 },
    { width: 1, height: 2 },
  ]) {
    const [, height, width] = preprocessedShape(recipe, image);
    if (height === inputSize && width === inputSize) continue;
    const found = recipe.crop === null && recipe.resize.kind === "shorter_side" ? "images of various sizes" : `${width} x ${height} pixels`;
    throw refused(`the preprocessing gives ${found}, the network expects ${inputSize} x ${inputSize}`);
  }
}
