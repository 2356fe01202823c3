/**
 * Image files through a model, in batches. Unlike `runImages` of tasks/, which `openClassifier` uses: a file that fails has an
 * outcome with its error and does not end the others, arrays (.npy) count as the images in them, and the decoded pixels in memory
 * are bounded by `readImageInputs`, not by a number of images.
 */
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import { checkRow, runUncheckedRows } from "../predict/predict.js";
import { joinBatch } from "../tasks/image-batch.js";
import type { LoadedModel } from "../tasks/model-host.js";
import { at } from "../tensor/at.js";
import { type ImageInput, readImageInputs } from "./image-inputs.js";

/** The result of an image, or why it has none. */
type FileOutcome<T> = ({ readonly file: string } & T) | { readonly file: string; readonly error: InceptionError };

interface FileRun<T> {
  readonly loaded: LoadedModel;
  readonly preprocessing: Preprocessing;
  /** Name of the output whose rows are interpreted. */
  readonly output: string;
  /** Images per batch. */
  readonly batchSize: number;
  /** Gives what is decoded of a file: its path, or its bytes. */
  readonly open: (file: string) => Promise<string | Uint8Array>;
  readonly interpret: (row: Float32Array) => T;
  /** Called with the number of images in each batch when it has run. */
  readonly onBatch: (images: number) => void;
}

/** Batches under way: one that runs and one that waits for it. More would only take memory. */
const MAX_BATCHES = 2;

/**
 * Runs every image and interprets its row of the output, in the order of the files. While a batch runs in the session's thread, the
 * next is decoded.
 *
 * @throws InceptionError OPTION_INVALID for inputs that the network does not take; what running the model throws
 */
export async function runImageFiles<T>(files: readonly string[], run: FileRun<T>): Promise<readonly FileOutcome<T>[]> {
  const outcomes: Promise<readonly FileOutcome<T>[]>[] = [];
  const { preprocessing, batchSize, open } = run;
  for await (const samples of readImageInputs(files, { preprocessing, batch: batchSize, arrays: true, open })) {
    const outcome = runBatch(samples, run);
    // Awaited below; without a handler now, a failure while the next files are read would end the process.
    outcome.catch(() => {});
    outcomes.push(outcome);
    if (outcomes.length >= MAX_BATCHES) await outcomes.at(-MAX_BATCHES);
  }
  return (await Promise.all(outcomes)).flat();
}

async function runBatch<T>(samples: readonly ImageInput[], run: FileRun<T>): Promise<readonly FileOutcome<T>[]> {
  const { loaded, output, interpret, onBatch } = run;
  const inputs = samples.flatMap(({ input }) => (input instanceof InceptionError ? [] : [input]));
  const rows = inputs.length > 0 ? await runUncheckedRows(loaded.session, joinBatch(inputs, loaded), output) : [];
  let next = 0;
  onBatch(samples.length);
  return samples.map(({ file, input }) => {
    if (input instanceof InceptionError) return { file, error: input };
    const row = at(rows, next++);
    const error = rowError(row, output, file);
    return error === null ? { file, ...interpret(row) } : { file, error };
  });
}

/** Why a row cannot be used, or null. One bad row must not fail the images beside it. */
function rowError(row: Float32Array, output: string, file: string): InceptionError | null {
  try {
    checkRow(row, output, quoted(file));
    return null;
  } catch (thrown) {
    if (thrown instanceof InceptionError) return thrown;
    throw thrown;
  }
}
