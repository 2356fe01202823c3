import type { Preprocessing } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { imageBatch } from "../../predict/predict.js";
import { stackRows, type Tensor } from "../../tensor/tensor.js";
import { decodeImage } from "../decode-image.js";

/** Photographs, or windows of volumes, as one input of a network. */
export interface InputBatch {
  /** For each row the file that it comes from. */
  readonly files: readonly string[];
  /** How many files are read to their end with this batch. */
  readonly finished: number;
  /** [files, C, H, W] or [files, C, D, H, W]. */
  readonly input: Tensor & { readonly data: Float32Array };
}

export interface ReadOptions {
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
  for (let start = 0; start < files.length; start += options.batch) {
    const read = await Promise.all(files.slice(start, start + options.batch).map((file) => readOne(file, options)));
    const usable = read.flatMap((each) => (each === null ? [] : [each]));
    if (usable.length > 0) yield joined(usable, options.shape);
  }
}

interface ReadFile {
  readonly file: string;
  readonly data: Float32Array;
}

async function readOne(file: string, { preprocessing, shape, onSkipped }: ReadOptions): Promise<ReadFile | null> {
  try {
    const { shape: found, data } = imageBatch([await decodeImage(file)], preprocessing);
    if (data instanceof Float32Array && found.slice(1).join() === shape.join()) return { file, data };
    const message = `Cannot feed the network: the preprocessing gives ${found.slice(1).join("×")}, expected ${shape.join("×")}`;
    throw new WrongSize(message, { found, shape });
  } catch (thrown) {
    if (!(thrown instanceof InceptionError) || thrown instanceof WrongSize) throw thrown;
    onSkipped(file, messageOf(thrown));
    return null;
  }
}

/** A fault of the options, not of one file. */
class WrongSize extends InceptionError {
  constructor(message: string, details: Readonly<Record<string, unknown>>) {
    super("OPTION_INVALID", message, details);
  }
}

function joined(files: readonly ReadFile[], shape: readonly number[]): InputBatch {
  const input = stackRows(
    shape,
    files.map(({ data }) => data),
  );
  return { files: files.map(({ file }) => file), finished: files.length, input };
}
