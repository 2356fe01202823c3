/** Images through a model, in batches: while one runs, the next is decoded. */
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { runRows } from "../predict/predict.js";
import { callOf, throwIfAborted } from "../runtime/abort.js";
import type { CallOptions, ImageInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { at } from "../tensor/at.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { joinBatch } from "./image-batch.js";
import type { LoadedModel } from "./model-host.js";
import type { PreparedImage } from "./prepared-image.js";
import { readAhead } from "./read-ahead.js";
import { readImages } from "./read-images.js";

export interface ImageRun<F extends SourceOptions> {
  readonly platform: Platform<F, SessionOptions>;
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  /** Of the platform, for images that have to be fetched. */
  readonly sources: F;
}

export interface RunImagesOptions extends CallOptions {
  /** Images that run together. Default: 8. */
  readonly batchSize?: number;
  /** Called after each batch. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * One row of an output for each image.
 *
 * @throws InceptionError of the first image that cannot be used, naming it; NOT_FINITE; OPTION_INVALID where the model has no such output
 */
export async function runImages<F extends SourceOptions>(
  run: ImageRun<F>,
  images: readonly (ImageInput | PreparedImage)[],
  output: string,
  options: RunImagesOptions,
): Promise<readonly Float32Array[]> {
  const size = checkedBatchSize(options.batchSize);
  const { platform, preprocessing, sources, loaded } = run;
  const batches = readImages({ platform, sources }, images, { preprocessing, batchSize: size, ...callOf(options) });
  const rows: Float32Array[] = [];
  for await (const batch of readAhead(batches)) {
    throwIfAborted(options.signal);
    const inputs = batch.map(({ input }) => usable(input));
    const nameOf = (row: number): string => at(batch, row).name;
    rows.push(...(await runRows(loaded.session, joinBatch(inputs, loaded), output, nameOf, callOf(options))));
    options.onProgress?.(rows.length, images.length);
  }
  return rows;
}

function usable(input: Float32Tensor | InceptionError): Float32Tensor {
  if (input instanceof InceptionError) throw input;
  return input;
}

function checkedBatchSize(size = 8): number {
  if (Number.isSafeInteger(size) && size >= 1 && size <= 1024) return size;
  throw new InceptionError("OPTION_INVALID", `Cannot run images with batchSize ${size}: expected an integer from 1 to 1,024`, {
    batchSize: size,
  });
}
