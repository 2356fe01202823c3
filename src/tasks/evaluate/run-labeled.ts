/** Labeled images through a model, as inference prepares them. */
import type { DatasetSource, Preprocessing, SkippedSample } from "../../data/index.js";
import { quoted } from "../../formats/quoted.js";
import { runRows } from "../../predict/predict.js";
import { callOf, throwIfAborted } from "../../runtime/abort.js";
import type { CallOptions, Platform } from "../../runtime/platform.js";
import { float32Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model-host.js";

export const DEFAULT_BATCH = 16;

/** Which images run through which model. */
export interface LabeledRun {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  readonly dataset: DatasetSource;
  readonly output: string;
  readonly openBatches: Platform["openBatches"];
  readonly options: CallOptions & { readonly batchSize?: number; readonly workers?: number };
}

/** One row of the output for each image of a batch. The last batch is empty. */
interface LabeledRows {
  readonly rows: readonly Float32Array[];
  readonly labels: ArrayLike<number>;
  /** In the dataset. */
  readonly indices: ArrayLike<number>;
  /** Images that could not be read since the batch before. */
  readonly skipped: readonly SkippedSample[];
  /** Images so far. */
  readonly done: number;
}

/** Side of the input in pixels. */
export function inputSide({ loaded, preprocessing }: Pick<LabeledRun, "loaded" | "preprocessing">): number {
  const height = loaded.session.inputs[0]?.shape[2];
  return typeof height === "number" ? height : (preprocessing.crop?.[0] ?? preprocessing.resize.size);
}

/**
 * Runs all images of a dataset, decoded ahead in threads.
 *
 * @throws InceptionError NOT_FINITE naming the first image for which the model gives NaN or infinity
 */
export async function runLabeled(run: LabeledRun, use: (batch: LabeledRows) => Promise<void>): Promise<void> {
  const { loaded, preprocessing, dataset, output, options, openBatches } = run;
  if (dataset.size === 0) return;
  const inputSize = inputSide(run);
  const { batchSize = DEFAULT_BATCH, workers = 1 } = options;
  // Each image is read once, so that decoded ones need not be kept.
  const reading = { batchSize, workers, cacheBytes: 0 };
  const source = await openBatches(dataset, { ...reading, preprocessing, inputSize, augmentation: null, shuffle: false });
  try {
    const stream = source.epoch(0);
    let done = 0;
    let told = 0;
    for await (const { images, count, labels, indices } of stream) {
      throwIfAborted(options.signal);
      const rows = await runRows(
        loaded.session,
        float32Tensor([count, images.length / count / inputSize ** 2, inputSize, inputSize], images),
        output,
        (row) => quoted(dataset.nameOf(indices[row] ?? 0)),
        callOf(options),
      );
      done += count;
      await use({ rows, labels, indices, skipped: stream.skipped.slice(told), done });
      told = stream.skipped.length;
    }
    await use({ rows: [], labels: [], indices: [], skipped: stream.skipped.slice(told), done });
  } finally {
    await source.close();
  }
}
