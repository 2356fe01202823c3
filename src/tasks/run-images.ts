/** Images through a model, in batches: while one runs, the next is decoded. */
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { runRows } from "../predict/predict.js";
import { throwIfAborted } from "../runtime/abort.js";
import type { CallOptions, ImageInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { joinBatch } from "./image-batch.js";
import { imageName } from "./image-input.js";
import type { LoadedModel } from "./model-host.js";

/** Images that are decoded at once. More would only hold pixels: the decoders use all cores. */
const DECODED_AT_ONCE = 4;

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
  images: readonly ImageInput[],
  output: string,
  options: RunImagesOptions,
): Promise<readonly Float32Array[]> {
  const size = checkedBatchSize(options.batchSize);
  const starts = Array.from({ length: Math.ceil(images.length / size) }, (_, index) => index * size);
  const rows: Float32Array[] = [];
  const prepare = (start: number): Promise<readonly Float32Tensor[]> => {
    const prepared = prepareBatch(run, images, start, size, options);
    // Awaited in a later round, or never; until then a failure is not unhandled.
    prepared.catch(() => {});
    return prepared;
  };
  let next = prepare(0);
  for (const start of starts) {
    throwIfAborted(options.signal);
    const inputs = await next;
    next = prepare(start + size);
    const nameOf = (row: number): string => nameOfImage(images, start + row);
    rows.push(...(await runRows(run.loaded.session, joinBatch(inputs, run.loaded), output, nameOf, options)));
    options.onProgress?.(rows.length, images.length);
  }
  return rows;
}

function checkedBatchSize(size = 8): number {
  if (Number.isSafeInteger(size) && size >= 1 && size <= 1024) return size;
  throw new InceptionError("OPTION_INVALID", `Cannot run images with batchSize ${size}: expected an integer from 1 to 1,024`, {
    batchSize: size,
  });
}

async function prepareBatch<F extends SourceOptions>(
  run: ImageRun<F>,
  images: readonly ImageInput[],
  start: number,
  size: number,
  { signal }: CallOptions,
): Promise<readonly Float32Tensor[]> {
  const chosen = images.slice(start, start + size);
  const inputs: Float32Tensor[] = [];
  for (let at = 0; at < chosen.length; at += DECODED_AT_ONCE) {
    throwIfAborted(signal);
    const group = chosen.slice(at, at + DECODED_AT_ONCE);
    inputs.push(...(await Promise.all(group.map((image, k) => prepareImage(run, image, nameOfImage(images, start + at + k), signal)))));
  }
  return inputs;
}

/** One image as the model reads it, [1, C, H, W]. */
async function prepareImage<F extends SourceOptions>(
  { platform, preprocessing, sources }: Pick<ImageRun<F>, "platform" | "preprocessing" | "sources">,
  image: ImageInput,
  name: string,
  signal: CallOptions["signal"],
): Promise<Float32Tensor> {
  return platform.prepareImage(image, preprocessing, { ...sources, name, ...(signal === undefined ? {} : { signal }) });
}

function nameOfImage(images: readonly ImageInput[], index: number): string {
  const image = images[index];
  return (image === undefined ? null : imageName(image)) ?? (images.length === 1 ? "image" : `image ${index}`);
}
