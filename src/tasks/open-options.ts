/** The options of the task layer, in its own words, and what they are to the tasks. */
import type { PreprocessingId } from "../data/preprocessing.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import type { RunLimits } from "../formats/onnx/run-limits.js";
import type { ModelOptions } from "../models/index.js";
import type { FileInput, SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import type { CheckpointChoice, OpenModelOptions } from "./model-host.js";

/** How a model is opened. Options of one platform are rejected on the other. */
export interface OpenOptions extends SourceOptions, SessionOptions {
  /** The weights: required with a model id or a custom network, rejected with anything else, which has its own. */
  readonly weights?: FileInput;
  /** Options of the network, such as numClasses and inputSize. Default: those of the weights. */
  readonly options?: ModelOptions;
  /** How images become the input: a recipe, or the name of a preset. Default: that of the weights. */
  readonly preprocessing?: Preprocessing | PreprocessingId;
  /** Names of the classes by index. Default: those of the weights. */
  readonly classNames?: readonly string[];
  /** Which checkpoint of a run. Default: "best", or "last" where no epoch was finished. */
  readonly checkpoint?: CheckpointChoice;
  /** Run the self-check embedded in an exported model. Default: true. */
  readonly selfCheck?: boolean;
  /** What one run of an untrusted `.onnx` file may take. */
  readonly limits?: Partial<RunLimits>;
  /** Called with what the caller should know and may ignore. */
  readonly onWarning?: (warning: InceptionError) => void;
  /**
   * Browser only. Keep models and weights of URLs in the page's private file system. A kept file is used while its SHA-256 is
   * right and the server says that its file is the same (ETag, Last-Modified), or cannot be reached. Default: false.
   */
  readonly cache?: boolean;
  /** Node only. Fetch `https:` URLs; without it they are rejected. Default: false. */
  readonly allowHttps?: boolean;
  /** Node only. Use only what is already on this machine. Default: whether HF_HUB_OFFLINE is 1. */
  readonly offline?: boolean;
  /** Node only. Token for the Hugging Face hub. Default: HF_TOKEN. */
  readonly token?: string;
  /** Node only. Run the model in a child process, so that a crash of the runtime does not end the program. Default: false. */
  readonly isolate?: boolean;
  /** Node only, with `isolate`. Seconds that opening the model, and each run, may take. Default: no limit. */
  readonly timeLimit?: number;
  /** Node only, with `isolate`. Bytes of resident memory beyond which the child is ended. Default: 4 GiB. */
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
