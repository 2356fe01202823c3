import { type Batch, type BatchSource, type BatchStream, type Dataset, trainingBatches } from "../data/batch.js";
import { markClasses } from "../data/label-sets.js";
import { randomStream } from "../data/random.js";

/** What a fixed part of a network makes of each image of a set: computed once, because it never changes. */
export interface FeatureTable {
  /** Values for each row, row-major. */
  readonly values: Float32Array;
  /** Values of one image. */
  readonly width: number;
  /** Index in the dataset of each row; images that could not be decoded are not there. */
  readonly indices: readonly number[];
}

interface FeatureSourceOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** Another order in each epoch, and full batches only. */
  readonly training: boolean;
}

/**
 * Batches out of a table of features: `images` of a batch are its features, [count, width]. The order of an epoch depends
 * on the seed and the epoch alone.
 *
 * @throws InceptionError OPTION_INVALID for fewer rows than one batch of training
 */
export function featureSource(dataset: Dataset, table: FeatureTable, { batchSize, seed, training }: FeatureSourceOptions): BatchSource {
  const rows = table.indices.length;
  const batchesPerEpoch = training ? trainingBatches(dataset.name, rows, batchSize) : Math.ceil(rows / batchSize);
  return {
    dataset,
    batchSize,
    batchesPerEpoch,
    epoch: (epoch, start = 0) => {
      const order = training
        ? randomStream({ seed, purpose: "features", epoch }).permutation(rows)
        : Uint32Array.from({ length: rows }, (_, i) => i);
      const chosen = (batch: number) => Array.from(order.subarray(batch * batchSize, Math.min(rows, (batch + 1) * batchSize)));
      return stream(start, batchesPerEpoch, (batch) => featureBatch(dataset, table, chosen(batch)));
    },
    close: () => Promise.resolve(),
  };
}

function stream(start: number, end: number, make: (batch: number) => Batch): BatchStream {
  return {
    skipped: [],
    async *[Symbol.asyncIterator]() {
      for (let batch = start; batch < end; batch++) yield await Promise.resolve(make(batch));
    },
  };
}

function featureBatch(dataset: Dataset, { values, width, indices }: FeatureTable, rows: readonly number[]): Batch {
  const images = new Float32Array(rows.length * width);
  const labels = new Int32Array(rows.length);
  const targets = new Float32Array(rows.length * dataset.classes.length);
  const samples = rows.map((row) => indices[row] ?? 0);
  for (const [at, row] of rows.entries()) {
    images.set(values.subarray(row * width, (row + 1) * width), at * width);
    labels[at] = dataset.labelOf(samples[at] ?? 0);
    markClasses(dataset, samples[at] ?? 0, targets, at * dataset.classes.length);
  }
  return { images, count: rows.length, labels, targets, indices: samples };
}
