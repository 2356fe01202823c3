/** Images as inputs of a network, in batches. */
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { type InceptionError, orError } from "../errors.js";
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import type { CallOptions, ImageInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { imageName } from "./image-input.js";
import { isPrepared, type PreparedImage, preparedInput } from "./prepared-image.js";

/** Images that are decoded at once. More would only hold pixels: the decoders use all cores. */
const DECODED_AT_ONCE = 4;

/** What reads images, and the options of how they are found. */
export interface ImageReader<F extends SourceOptions = SourceOptions> {
  readonly platform: Pick<Platform<F>, "prepareImage">;
  readonly sources: F;
}

/** An image as the network reads it, or the reason why there is none. */
export interface ReadImage {
  /** How messages name it. */
  readonly name: string;
  /** Position in the list. */
  readonly index: number;
  /** [1, C, H, W] */
  readonly input: Float32Tensor | InceptionError;
}

interface ReadImagesOptions extends CallOptions {
  readonly preprocessing: Preprocessing;
  /** Images in a batch; the last one may have fewer. */
  readonly batchSize: number;
  /** Apply the EXIF orientation. Default: true. */
  readonly upright?: boolean;
}

/**
 * Decodes and preprocesses images in batches, in their order. An image that cannot be used is in its batch with its error.
 *
 * @throws what the signal was aborted with
 */
export async function* readImages<F extends SourceOptions>(
  { platform, sources }: ImageReader<F>,
  images: readonly (ImageInput | PreparedImage)[],
  { preprocessing, batchSize, upright, signal }: ReadImagesOptions,
): AsyncGenerator<readonly ReadImage[], void> {
  const how = { ...(upright === undefined ? {} : { upright }), ...(signal === undefined ? {} : { signal }) };
  const read = async (image: ImageInput | PreparedImage, index: number): Promise<ReadImage> => {
    const prepared = isPrepared(image);
    const name = (prepared ? image.name : imageName(image)) ?? (images.length === 1 ? "image" : `image ${index}`);
    const prepare = async (): Promise<Float32Tensor> =>
      prepared ? preparedInput(image, preprocessing) : platform.prepareImage(image, preprocessing, { ...sources, name, ...how });
    return { name, index, input: await orError(prepare) };
  };
  yield* readBatches(images, batchSize, read, signal);
}

/**
 * Reads items in batches, in their order, a few at a time.
 *
 * @param batchSize - items in a batch; the last one may have fewer
 * @throws what the signal was aborted with
 */
export async function* readBatches<T, R>(
  items: readonly T[],
  batchSize: number,
  read: (item: T, index: number) => Promise<R>,
  signal: CallOptions["signal"],
): AsyncGenerator<readonly R[], void> {
  for (let start = 0; start < items.length; start += batchSize) {
    const end = Math.min(start + batchSize, items.length);
    const batch: R[] = [];
    for (let from = start; from < end; from += DECODED_AT_ONCE) {
      throwIfAborted(signal);
      const group = items.slice(from, Math.min(from + DECODED_AT_ONCE, end));
      batch.push(...(await untilAborted(signal, Promise.all(group.map((item, k) => read(item, from + k))))));
    }
    // The error of an image may be the signal's own reason.
    throwIfAborted(signal);
    yield batch;
  }
}
