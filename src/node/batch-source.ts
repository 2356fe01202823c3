import type { Batch, BatchSource } from "../data/batch.js";
import { openBatchMaker } from "../data/batches/maker.js";
import { type BatchPlan, type BatchSourceOptions, checkInteger } from "../data/batches/plan.js";
import { batchSource } from "../data/batches/source.js";
import { inThisThread } from "../data/batches/stream.js";
import type { DatasetSource, SampleStore } from "../data/dataset-source.js";
import { inThreads } from "./batch-threads.js";
import { openSampleReader, type SampleSources } from "./datasets/sample-reader.js";
import { storedImage } from "./image-input.js";

export type { BatchSourceOptions } from "../data/batches/plan.js";

/** What a thread is told: how batches are made, and whether it may download samples. */
export interface ThreadPlan extends BatchPlan {
  readonly allowHttps: boolean;
}

const MAX_WORKERS = 64;
const MAX_PREFETCH = 256;

/**
 * Opens a source of batches of a dataset, decoded and augmented ahead of time in worker threads.
 *
 * A batch depends on the dataset, the seed, the epoch and its number only: not on the number of workers, nor on what was
 * read before. So `epoch(e, k)` resumes an interrupted run without decoding earlier batches.
 *
 * The threads do not keep the process alive unless a batch is waited for. `close` ends them, also in the middle of a stream,
 * whose reader then gets SESSION_CLOSED.
 *
 * Samples at `https:` URLs are downloaded with `allowHttps` only, by the thread that needs them: once for those whose pixels fit into
 * `cacheBytes`, otherwise once in each epoch.
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
export async function createBatchSource(dataset: DatasetSource, options: BatchSourceOptions & SampleSources): Promise<BatchSource> {
  const stored = { ...dataset, samples: await plainSamples(dataset.samples) };
  return openBatchSource(new URL("./batch-worker.js", import.meta.url), stored, options);
}

/** @internal `createBatchSource` with another worker file, for tests that run the sources. */
export function openBatchSource(worker: URL, dataset: DatasetSource, options: BatchSourceOptions & SampleSources): BatchSource {
  const { workers = 1, prefetch = workers + 1, allowHttps = false } = options;
  checkInteger("workers", workers, 0, MAX_WORKERS);
  checkInteger("prefetch", prefetch, 0, MAX_PREFETCH);
  return batchSource(dataset, options, workers === 0 ? 0 : prefetch, (plan) =>
    workers === 0
      ? inThisThread(plan.name, (stopped) => openBatchMaker(plan, openSampleReader(plan.samples, plan.cacheBytes, { allowHttps }), stopped))
      : inThreads<ThreadPlan, Batch>(worker, { ...plan, allowHttps }, workers),
  );
}

/** Samples as threads take them. @throws InceptionError SOURCE_INVALID for what is only in pages */
async function plainSamples(samples: SampleStore): Promise<SampleStore> {
  if (samples.kind !== "inputs") return samples;
  return { ...samples, inputs: await Promise.all(samples.inputs.map(storedImage)) };
}
