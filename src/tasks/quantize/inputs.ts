import type { Preprocessing } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import type { CallOptions, ImageInput, SourceOptions } from "../../runtime/platform.js";
import type { Float32Tensor } from "../../tensor/tensor.js";
import { joinInputs } from "../image-batch.js";
import { type ImageReader, readImages } from "../read-images.js";

/** Images, or windows of volumes, as one input of a network. */
export interface InputBatch {
  /** For each row the name of the image or volume that it is of. */
  readonly names: readonly string[];
  /** For each row the position of that in the list. */
  readonly indices: readonly number[];
  /** How many images or volumes are read to their end with this batch. */
  readonly finished: number;
  /** [rows, C, H, W] or [rows, C, D, H, W]. */
  readonly input: Float32Tensor;
}

/** Called for an image or a volume that cannot be used, which is skipped. */
export type OnSkipped = (name: string, reason: string) => void;

interface ReadOptions extends CallOptions {
  readonly preprocessing: Preprocessing;
  /** [C, H, W] that the network reads. */
  readonly shape: readonly number[];
  readonly batchSize: number;
  readonly onSkipped: OnSkipped;
}

/**
 * Images in batches; the last may be smaller.
 *
 * @throws InceptionError OPTION_INVALID where the preprocessing gives another size than the network reads
 */
export async function* readBatches<F extends SourceOptions>(
  reader: ImageReader<F>,
  images: readonly ImageInput[],
  { shape, onSkipped, ...options }: ReadOptions,
): AsyncGenerator<InputBatch> {
  for await (const batch of readImages(reader, images, options)) {
    const usable = batch.flatMap(({ name, index, input }) => {
      if (!(input instanceof InceptionError)) return [{ name, index, input: checked(input, shape) }];
      onSkipped(name, messageOf(input));
      return [];
    });
    if (usable.length === 0) continue;
    yield {
      names: usable.map(({ name }) => name),
      indices: usable.map(({ index }) => index),
      finished: usable.length,
      input: joinInputs(usable.map(({ input }) => input)),
    };
  }
}

function checked(input: Float32Tensor, shape: readonly number[]): Float32Tensor {
  const found = input.shape.slice(1);
  if (found.join() === shape.join()) return input;
  const message = `Cannot run the network: the preprocessing gives ${found.join("×")}, expected ${shape.join("×")}`;
  throw new InceptionError("OPTION_INVALID", message, { found, shape });
}
