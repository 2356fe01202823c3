import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import type { ImageInput } from "../runtime/platform.js";
import type { Float32Tensor } from "../tensor/tensor.js";

/**
 * An image as the network of a model reads it: decoded and preprocessed, by `Embedder.prepare`. It can be used more than once, by
 * every model with the same preprocessing.
 */
export interface PreparedImage {
  /** How messages name the image; null for one without a name. */
  readonly name: string | null;
  /** Float32, [1, C, H, W]. */
  readonly input: Float32Tensor;
  /** What was applied to it. */
  readonly preprocessing: Preprocessing;
}

export function isPrepared(image: ImageInput | PreparedImage): image is PreparedImage {
  return typeof image === "object" && "preprocessing" in image;
}

/** @throws InceptionError OPTION_INVALID for an image that was prepared in another way than the network was trained with */
export function preparedInput({ input, preprocessing }: PreparedImage, expected: Preprocessing): Float32Tensor {
  if (preprocessing === expected || JSON.stringify(preprocessing) === JSON.stringify(expected)) return input;
  const message = "Cannot use a prepared image: it was prepared by a model with other preprocessing; prepare it with this one";
  throw new InceptionError("OPTION_INVALID", message, { preprocessing, expected });
}
