import { trainingBatches } from "../data/batch.js";
import { type Factory, inThisThread, openStream } from "../data/batches/stream.js";
import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import type { VolumeBatch } from "../train/segmentation.js";
import type { BatchLoader } from "../train/task.js";
import { inThreads } from "./batch-threads.js";
import { openVolumeBatchMaker, patchesOf, type VolumeBatchPlan } from "./volume-batch-maker.js";

export interface VolumeBatchSourceOptions extends Omit<VolumeBatchPlan, "cacheBytes"> {
  /** Threads that read, prepare and augment; 0: the calling thread. Default 1. */
  readonly workers?: number;
  /** Most memory for prepared volumes that are kept, shared out among the workers. Default 1 GiB. */
  readonly cacheBytes?: number;
}

/** 2 GiB of float32, less than one array of any platform holds. */
const MAX_BATCH_VALUES = 2 ** 29;

/**
 * Batches of patches, made ahead of time in worker threads. A batch depends on the cases, the seed, the epoch and its number
 * only: not on the number of workers, nor on what was read before.
 *
 * Training batches are full: what is left at the end of an epoch is dropped, and a case that cannot be read is replaced by
 * the next one. Measuring has one patch of each case, and a smaller last batch.
 *
 * @throws InceptionError OPTION_INVALID for fewer patches than one batch, or batches that are too large; reading rejects with
 *   DATASET_INVALID where no case can be read, SESSION_CLOSED and SESSION_FAILED
 */
export function createVolumeBatchSource(options: VolumeBatchSourceOptions): BatchLoader<VolumeBatch> {
  const { workers = 1, cacheBytes = 2 ** 30, ...rest } = options;
  const plan: VolumeBatchPlan = { ...rest, cacheBytes: cacheBytes / Math.max(1, workers) };
  const patches = patchesOf(plan);
  const values = plan.batchSize * plan.recipe.patchSize.reduce((product, size) => product * size, plan.recipe.normalization.length);
  if (values > MAX_BATCH_VALUES)
    throw refused(`a batch would have ${formatCount(values)} values, the limit is ${formatCount(MAX_BATCH_VALUES)}`);
  const { name, batchSize, training } = plan;
  const batches = training === null ? Math.ceil(patches / batchSize) : trainingBatches(name, patches, batchSize, "patches");
  const factory: Factory<VolumeBatch> =
    workers === 0
      ? inThisThread(plan.name, (stopped) => openVolumeBatchMaker(plan, stopped))
      : inThreads(new URL("./volume-batch-worker.js", import.meta.url), plan, workers);
  const ahead = workers === 0 ? 0 : workers + 1;
  return {
    dataset: { size: patches },
    batchSize: plan.batchSize,
    batchesPerEpoch: batches,
    epoch: (epoch, start = 0) => openStream(factory, { epoch, start, end: batches, ahead }),
    close: () => factory.close(),
  };
}

function refused(fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot read batches: ${fact}`);
}
