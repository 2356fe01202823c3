import { readFile } from "node:fs/promises";
import { parseClassNames } from "../data/class-names.js";
import { type Preprocessing, parsePreprocessing } from "../data/index.js";
import { messageOf } from "../errors.js";
import { decodeJson } from "../formats/json.js";
import { openImageSource } from "../node/image-source.js";
import { type LoadModelOptions, loadModel } from "../node/load-model.js";
import { runImageFiles } from "../node/run-image-files.js";
import { orReadFailed } from "../node/system-error.js";
import type { DownloadProgress, SourceOptions } from "../node/weight-source.js";
import type { Prediction } from "../predict/predict.js";
import { namedPreprocessing } from "../tasks/given-metadata.js";
import type { LoadedModel } from "../tasks/model-host.js";
import { type DescribedModel, modelName } from "../tasks/model-source.js";
import { knownPreprocessing } from "../tasks/open-model.js";
import type { Flags } from "./command.js";
import { exitCodeOf } from "./exit-code.js";
import { checkpointFlag, deviceFlags, integerFlag, isolateFlags, optionFlags, textFlag } from "./flags.js";
import { imageInputs } from "./inputs.js";
import { type Io, startProgress } from "./io.js";
import { modelOperand } from "./model-operand.js";
import { errorText } from "./option-words.js";
import { missing } from "./usage-error.js";

export type Outcome<T> = ({ readonly file: string } & T) | { readonly file: string; readonly error: string };

/**
 * The flags that say which model runs and how, as options of `loadModel`.
 *
 * @param fallback - the model without --model; none by default
 * @throws InceptionError USAGE without a model
 */
export async function modelFlags(
  flags: Flags,
  io: Io,
  fallback?: string,
): Promise<{ readonly model: string | DescribedModel; readonly options: LoadModelOptions }> {
  const model = textFlag(flags, "model") ?? fallback;
  if (model === undefined) throw missing("--model", "pass a model id, an .onnx file or a run directory");
  return { model: await modelOperand(model), options: await loadFlags(flags, io) };
}

/** The flags that say how a model is loaded. */
export async function loadFlags(flags: Flags, io: Io): Promise<LoadModelOptions> {
  return { ...deviceFlags(flags), ...isolateFlags(flags), ...(await prepareFlags(flags, io)) };
}

/** Those of them that say what it is, and not where it runs. */
export async function prepareFlags(flags: Flags, io: Io): Promise<Omit<LoadModelOptions, "device" | "threads">> {
  const [weights, preprocessing, labels] = [textFlag(flags, "weights"), textFlag(flags, "preprocessing"), textFlag(flags, "classNames")];
  return {
    options: optionFlags(flags),
    ...checkpointFlag(flags),
    ...sourceFlags(flags, io),
    ...(weights === undefined ? {} : { weights }),
    ...(preprocessing === undefined ? {} : { preprocessing: await readPreprocessing(preprocessing) }),
    ...(labels === undefined ? {} : { labels: await readLabels(labels) }),
  };
}

/** How weights are fetched: warnings and, on a terminal, the progress of downloads go to `err`. */
export function sourceFlags(flags: Flags, io: Io): SourceOptions {
  return {
    allowHttps: flags.allowHttps === true,
    onWarning: (warning) => io.err(`warning: ${errorText(warning)}\n`),
    ...(io.interactive ? { onProgress: (progress: DownloadProgress) => io.line.show(formatDownload(progress)) } : {}),
  };
}

/** What is decoded of an image operand: a path, or what `-` and URLs lead to. */
export function imageOpener(flags: Flags, io: Io): (file: string) => Promise<string | Uint8Array> {
  const options = { allowHttps: flags.allowHttps === true, ...(io.input === null ? {} : { stdin: io.input }) };
  return (file) => openImageSource(file, options);
}

/** `downloading model.safetensors  12/224 MB`. */
function formatDownload({ name, received, total }: DownloadProgress): string {
  const whole = total > 0 ? `/${(total / 1e6).toFixed(0)}` : "";
  return `downloading ${name}  ${(received / 1e6).toFixed(0)}${whole} MB`;
}

/**
 * Class names from a JSON file; see `parseClassNames`.
 *
 * @throws InceptionError FILE_NOT_FOUND, FILE_CORRUPT
 */
async function readLabels(file: string): Promise<readonly string[]> {
  return parseClassNames(await readJson(file), messageOf(file));
}

/** The recipe of `--preprocessing`: the name of one, or a JSON file with one. */
export async function readPreprocessing(nameOrFile: string): Promise<Preprocessing> {
  return nameOrFile.endsWith(".json") ? parsePreprocessing(await readJson(nameOrFile), `"${nameOrFile}"`) : namedPreprocessing(nameOrFile);
}

export async function readJson(file: string): Promise<unknown> {
  const text = await orReadFailed(`read "${messageOf(file)}"`, file, readFile(file, "utf8"));
  return decodeJson(text, `"${messageOf(file)}"`);
}

/**
 * Runs the model that the flags name on every image that the operands stand for. A file that fails has an outcome with its error.
 *
 * @throws InceptionError USAGE; as `loadModel` and `runImageFiles`
 */
export async function runOnFiles<T>(
  paths: readonly string[],
  flags: Flags,
  io: Io,
  work: {
    readonly output: (loaded: LoadedModel) => string;
    readonly interpret: (row: Float32Array, loaded: LoadedModel) => T;
    /** Whether weights without the network's classifier are an error. */
    readonly needsClassifier: boolean;
  },
): Promise<readonly Outcome<T>[]> {
  const batchSize = integerFlag(flags, "batchSize", 1, 1024) ?? 8;
  const { model, options } = await modelFlags(flags, io);
  const { files, failed } = await imageInputs(paths);
  const loaded = await loadModel(model, { ...options, needsClassifier: work.needsClassifier });
  const progress = startProgress(io, "images", files.length);
  try {
    const outcomes = await runImageFiles(files, {
      loaded,
      preprocessing: knownPreprocessing(loaded, modelName(model)),
      output: work.output(loaded),
      batchSize,
      open: imageOpener(flags, io),
      interpret: (row) => work.interpret(row, loaded),
      onBatch: progress.advance,
    });
    return [...failed, ...outcomes].map((outcome) =>
      "error" in outcome ? { file: outcome.file, error: errorText(outcome.error) } : outcome,
    );
  } finally {
    progress.stop();
    await loaded.close();
  }
}

/** A prediction as `--json` prints it. */
export function jsonPrediction({ index, className, probability }: Prediction): {
  readonly index: number;
  readonly label: string;
  readonly probability: number;
} {
  return { index, label: className, probability };
}

/** Prints the errors of the files that failed and returns the exit code. */
export function reportFailures<T>(outcomes: readonly Outcome<T>[], io: Io, json: boolean): number {
  const failed = outcomes.filter((outcome) => "error" in outcome);
  if (failed.length === 0) return 0;
  if (!json || outcomes.length === 1) for (const { error } of failed) io.err(`inception: ${error}\n`);
  if (outcomes.length > 1) io.err(`inception: ${failed.length} of ${outcomes.length} files failed\n`);
  return exitCodeOf(failed.length, outcomes.length);
}
