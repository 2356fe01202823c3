/** What a training loop reads: samples of a dataset, decoded, augmented and stacked ahead of time. */
import { InceptionError } from "../errors.js";
import type { LabelSets } from "./label-sets.js";

/** A labeled set of images, without the images: what is known before anything is decoded. */
export interface Dataset {
  /** How messages and files name it: a path, or "shapes10". */
  readonly name: string;
  /** Class names by index. */
  readonly classes: readonly string[];
  /** Number of samples. */
  readonly size: number;
  /** Class index of a sample; where samples have several, the first of them, and −1 for none. */
  readonly labelOf: (index: number) => number;
  /** The classes of samples that may have several or none; absent where each has one. */
  readonly labelSets?: LabelSets;
  /** Name of a sample for people: a path below the dataset's root, "shard.tar:key" or "shapes10/train/17". */
  readonly nameOf: (index: number) => string;
}

/** A sample that was skipped because it could not be decoded. */
export interface SkippedSample {
  readonly index: number;
  readonly name: string;
  readonly reason: string;
}

/** Images that train or are measured together. */
export interface Batch {
  /** Network inputs, [count, 3, height, width]. */
  readonly images: Float32Array;
  readonly count: number;
  /** Class index per image, before mixing; where images have several, the first of them, and −1 for none. */
  readonly labels: Int32Array;
  /**
   * [count, classes], rows summing to 1: one-hot rows, or mixtures after mixup and cutmix. Where images have several classes, a row
   * has 1 for each of them.
   */
  readonly targets: Float32Array;
  /** Index in the dataset of each image. */
  readonly indices: readonly number[];
}

/** The batches of one pass and the samples that were skipped. */
export interface BatchStream extends AsyncIterable<Batch> {
  /** Grows while the stream is read. */
  readonly skipped: readonly SkippedSample[];
}

/**
 * Batches of a dataset by position. The same seed gives the same batches whatever the number of workers; reading may
 * begin in the middle of an epoch.
 */
export interface BatchSource {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** Batches of a whole epoch: all full for training, the last one smaller for measuring. */
  readonly batchesPerEpoch: number;
  /**
   * The batches of an epoch (from 0) from batch `start` (from 0) on.
   *
   * A sample that cannot be decoded is reported in `skipped` and replaced: by the next sample that can be in training
   * (batches stay full), by nothing in evaluation.
   */
  epoch(epoch: number, start?: number): BatchStream;
  close(): Promise<void>;
}

/**
 * Returns how many full batches an epoch of training has; samples that are left over are dropped.
 *
 * @param name - of the dataset
 * @param what - what is counted, for the message
 * @throws InceptionError OPTION_INVALID for fewer samples than one batch
 */
export function trainingBatches(name: string, samples: number, batchSize: number, what: "samples" | "patches" = "samples"): number {
  if (samples >= batchSize) return Math.floor(samples / batchSize);
  const fact = `"${name}" has ${samples} ${what} for training, fewer than one batch of ${batchSize}`;
  throw new InceptionError("OPTION_INVALID", `Cannot read batches: ${fact}`);
}
