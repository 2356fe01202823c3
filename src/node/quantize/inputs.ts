import type { Preprocessing } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { joinInputs } from "../../tasks/image-batch.js";
import type { Float32Tensor } from "../../tensor/tensor.js";
import { readImageInputs } from "../image-inputs.js";

/** Photographs, or windows of volumes, as one input of a network. */
export interface InputBatch {
  /** For each row the file that it comes from. */
  readonly files: readonly string[];
  /** How many files are read to their end with this batch. */
  readonly finished: number;
  /** [files, C, H, W] or [files, C, D, H, W]. */
  readonly input: Float32Tensor;
}

interface ReadOptions {
  readonly preprocessing: Preprocessing;
  /** [C, H, W] that the network reads. */
  readonly shape: readonly number[];
  readonly batch: number;
  /** Told of a file that cannot be used, which is left out. */
  readonly onSkipped: (file: string, reason: string) => void;
}

/**
 * Photographs in batches; the last may be smaller.
 *
 * @throws InceptionError OPTION_INVALID where the preprocessing gives another size than the network reads
 */
export async function* readBatches(files: readonly string[], options: ReadOptions): AsyncGenerator<InputBatch> {
  const { preprocessing, batch, shape, onSkipped } = options;
  for await (const images of readImageInputs(files, { preprocessing, batch })) {
    const usable = images.flatMap(({ file, input }) => {
      if (!(input instanceof InceptionError)) return [{ file, input: checked(input, shape) }];
      onSkipped(file, messageOf(input));
      return [];
    });
    if (usable.length === 0) continue;
    yield { files: usable.map(({ file }) => file), finished: usable.length, input: joinInputs(usable.map(({ input }) => input)) };
  }
}

function checked(input: Float32Tensor, shape: readonly number[]): Float32Tensor {
  const found = input.shape.slice(1);
  if (found.join() === shape.join()) return input;
  const message = `Cannot feed the network: the preprocessing gives ${found.join("×")}, expected ${shape.join("×")}`;
  throw new InceptionError("OPTION_INVALID", message, { found, shape });
}
