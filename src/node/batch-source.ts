import type { Augmentation } from "../data/augment/augmentation.js";
import { checkMixing } from "../data/augment/mix.js";
import { type Batch, type BatchSource, trainingBatches } from "../data/batch.js";
import type { DatasetSource } from "../data/dataset-source.js";
import { type Preprocessing, preprocessedShape, recipeFault } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { type BatchPlan, openBatchMaker } from "./batch-maker.js";
import { type Factory, inThisThread, inThreads, openStream } from "./batch-stream.js";

export interface BatchSourceOptions {
  /** Images per batch. */
  readonly batchSize: number;
  /** Decides the order and every augmentation. Default 0. */
  readonly seed?: number;
  /** What evaluation does with an image; training takes the channel order and normalisation from it. */
  readonly preprocessing: Preprocessing;
  /** Side of the network's input, in pixels. */
  readonly inputSize: number;
  /** Changes at random; null, the default: exactly what inference does with an image. */
  readonly augmentation?: Augmentation | null;
  /** Another order in each epoch. Default: true with `dropLast`, otherwise false. */
  readonly shuffle?: boolean;
  /**
   * For training: every batch is full. A damaged sample is replaced by the next one in the order of the epoch, and what is
   * left at the end of the epoch is dropped. Otherwise the last batch is smaller and a damaged sample is missing from its
   * batch; a batch of nothing else is left out. Default: true with augmentation, otherwise false.
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

/** Longest batch, in values: 2 GiB of float32, less than one array of any platform holds. */
const MAX_BATCH_VALUES = 2 ** 29;
const MAX_WORKERS = 64;
const MAX_PREFETCH = 256;

/**
 * Batches of a dataset, decoded and augmented ahead of time in worker threads.
 *
 * A batch depends on the dataset, the seed, the epoch and its number only: not on the number of workers, nor on what was
 * read before. So `epoch(e, k)` goes on where a run was interrupted, without decoding what came before.
 *
 * The threads do not keep the process alive unless a batch is waited for. `close` ends them, also in the middle of a stream,
 * whose reader then gets SESSION_CLOSED.
 *
 * @throws InceptionError OPTION_INVALID for an option out of its range, a preprocessing that does not give the input size
 *   where it is used, or fewer samples than one full batch needs. Reading rejects with DATASET_INVALID when a thousand samples
 *   in a row (or all of them) cannot be decoded, SESSION_CLOSED, and SESSION_FAILED when a thread dies.
 *
 * @example
 * ```ts
 * import { AUGMENTATIONS, PREPROCESSING } from "inceptionkit/data";
 * import { createBatchSource, openDataset } from "inceptionkit/node";
 *
 * const { train } = await openDataset("shapes10?train=64&val=0");
 * const preprocessing = { ...PREPROCESSING.facenet, resize: { kind: "warp", size: 32, filter: "bilinear" } } as const;
 * const batches = await createBatchSource(train, { batchSize: 16, inputSize: 32, preprocessing, augmentation: AUGMENTATIONS.light });
 * for await (const { images, targets } of batches.epoch(0)) console.log(images.length, targets.length); // 49152 160, four times
 * await batches.close();
 * ```
 */
export async function createBatchSource(dataset: DatasetSource, options: BatchSourceOptions): Promise<BatchSource> {
  return openBatchSource(new URL("./batch-worker.js", import.meta.url), dataset, options);
}

/** @internal `createBatchSource` with another worker file, for tests that run the sources. */
export function openBatchSource(worker: URL, dataset: DatasetSource, options: BatchSourceOptions): BatchSource {
  const plan = planOf(dataset, options);
  const { workers = 1, prefetch = workers + 1 } = options;
  checkInteger("workers", workers, 0, MAX_WORKERS);
  checkInteger("prefetch", prefetch, 0, MAX_PREFETCH);
  const { size, name } = dataset;
  const batches = plan.full ? trainingBatches(name, size, plan.batchSize) : Math.ceil(size / plan.batchSize);
  const factory: Factory<Batch> =
    workers === 0 ? inThisThread(plan.name, (stopped) => openBatchMaker(plan, stopped)) : inThreads(worker, plan, workers);
  const ahead = workers === 0 ? 0 : prefetch;
  return {
    dataset,
    batchSize: plan.batchSize,
    batchesPerEpoch: batches,
    epoch: (epoch, start = 0) => {
      checkInteger("epoch", epoch, 0, 2 ** 32 - 1);
      checkInteger("start", start, 0, batches);
      return openStream(factory, { epoch, start, end: batches, ahead });
    },
    close: () => factory.close(),
  };
}

function planOf(dataset: DatasetSource, options: BatchSourceOptions): BatchPlan {
  const { batchSize, inputSize, preprocessing, seed = 0, augmentation = null, mixup = 0, cutmix = 0 } = options;
  const { dropLast = augmentation !== null, shuffle = dropLast, workers = 1, cacheBytes = 512 * 2 ** 20 } = options;
  checkInteger("batchSize", batchSize, 1, 65_536);
  checkInteger("inputSize", inputSize, 1, 4096);
  checkInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkInteger("cacheBytes", cacheBytes, 0, Number.MAX_SAFE_INTEGER);
  checkMixing({ mixup, cutmix });
  const recipe = recipeFault(preprocessing);
  if (recipe) throw refused(`the preprocessing is wrong: ${recipe}`);
  const channels = preprocessing.channelOrder === "L" ? 1 : 3;
  if (!augmentation || augmentation.crop.kind === "none") checkShape(preprocessing, inputSize);
  if (augmentation && channels === 1 && augmentation.crop.kind === "none") checkShape({ ...preprocessing, channelOrder: "RGB" }, inputSize);
  const values = batchSize * channels * inputSize ** 2;
  if (values > MAX_BATCH_VALUES) throw refused(`a batch would have ${values} values, limit is ${MAX_BATCH_VALUES}`);
  return {
    name: dataset.name,
    samples: dataset.samples,
    labels: dataset.labels,
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
  return new InceptionError("OPTION_INVALID", `Cannot make batches: ${fact}`);
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new InceptionError("OPTION_INVALID", `Cannot make batches with ${name} ${value}: expected an integer of ${low} to ${high}`, {
    [name]: value,
  });
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
    throw refused(`the preprocessing gives ${found}, the network wants ${inputSize} x ${inputSize}`);
  }
}
