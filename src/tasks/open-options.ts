/** The options of the task layer, in its own words, and what they are to the tasks. */
import type { PreprocessingId } from "../data/preprocessing.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import type { RunLimits } from "../formats/onnx/run-limits.js";
import type { ModelOptions } from "../models/index.js";
import type { FileInput, SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import type { CheckpointChoice, OpenModelOptions } from "./model-host.js";

/** Options of loading a model. Options of one platform are rejected on the other. */
export interface OpenOptions extends SourceOptions, SessionOptions {
  /** Weights: required with a model id or a custom network, rejected with other sources, which contain theirs. */
  readonly weights?: FileInput;
  /** Network options, such as numClasses and inputSize. Default: those of the weights. */
  readonly options?: ModelOptions;
  /** Preprocessing, or the name of a preset. Default: that of the weights. */
  readonly preprocessing?: Preprocessing | PreprocessingId;
  /** Class names by index. Default: those of the weights. */
  readonly classNames?: readonly string[];
  /** Checkpoint of a run. Default: "best", or "last" before the first epoch is finished. */
  readonly checkpoint?: CheckpointChoice;
  /** Run the self-check embedded in an exported model. Default: true. */
  readonly selfCheck?: boolean;
  /** Limits on the operations and memory of one run of an untrusted `.onnx` file. */
  readonly limits?: Partial<RunLimits>;
  /** Called with warnings, such as the use of a cached copy. */
  readonly onWarning?: (warning: InceptionError) => void;
  /**
   * Browser only. Keep models and weights of URLs in the page's private file system. A kept file is used while its SHA-256 is
   * right and the server says that its file is the same (ETag, Last-Modified), or cannot be reached. Default: false.
   */
  readonly cache?: boolean;
  /** Node only. Fetch `https:` URLs; without it they are rejected. Default: false. */
  readonly allowHttps?: boolean;
  /** Node only. Use cached files only. Default: true if HF_HUB_OFFLINE is 1. */
  readonly offline?: boolean;
  /** Node only. Token for the Hugging Face hub. Default: HF_TOKEN. */
  readonly token?: string;
  /** Node only. Run the model in a child process, so that a crash of the runtime does not end the program. Default: false. */
  readonly isolate?: boolean;
  /** Node only, with `isolate`. Time limit in seconds for loading the model and for each run. Default: no limit. */
  readonly timeLimit?: number;
  /** Node only, with `isolate`. Limit on the resident memory of the child process, in bytes. Default: 4 GiB. */
  readonly memoryLimit?: number;
}

/**
 * Options of the tasks: `classNames` are labels there.
 *
 * @param foreign - options of the other platform: one that is ignored would be a wrong result
 * @throws InceptionError OPTION_INVALID
 */
export function taskOptions(
  { classNames, ...options }: OpenOptions,
  foreign: readonly (keyof OpenOptions)[],
  here: string,
  there: string,
): Omit<OpenOptions, "classNames"> & OpenModelOptions {
  const given = foreign.filter((name) => name in options && options[name as keyof typeof options] !== undefined);
  if (given.length > 0) {
    const message = `Cannot use ${given.join(" and ")} in ${here}: expected options that are not for ${there} only`;
    throw new InceptionError("OPTION_INVALID", message, { foreign: given });
  }
  return { ...options, ...(classNames === undefined ? {} : { labels: classNames }) };
}
