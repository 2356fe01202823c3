import { visibleText } from "./text.js";

/**
 * Every error that a user can cause. One class, one closed list of codes: callers switch on `code`,
 * people read `message`, programs read `details`.
 *
 * Messages have one line and one form, `Cannot <verb> <object>: <problem>[; <remedy>]`; test/messages.test.ts checks verbs and words.
 * Options that a message names are in backticks, so that the command line can print their flags.
 */

/** Codes of `InceptionError`, sorted. They are part of the API, while messages may be reworded; docs/errors.md explains each. */
export type ErrorCode =
  | "CHECKPOINT_INVALID"
  | "DATASET_INVALID"
  | "DEVICE_UNAVAILABLE"
  | "DOWNLOAD_FAILED"
  | "FEED_INVALID"
  | "FILE_CORRUPT"
  | "FILE_LIMIT"
  | "FILE_NOT_FOUND"
  | "FILE_TRUNCATED"
  | "FILE_UNRECOGNIZED"
  | "FILE_UNSAFE"
  | "FILE_UNSUPPORTED"
  | "GRAPH_INVALID"
  | "HASH_MISMATCH"
  | "IMAGE_INVALID"
  | "IMAGE_LIMIT"
  | "MODEL_UNKNOWN"
  | "NOT_FINITE"
  | "OPTION_INVALID"
  | "PACKAGE_MISSING"
  | "QUANTIZATION_REJECTED"
  | "RUN_INVALID"
  | "SELF_CHECK_FAILED"
  | "SESSION_CLOSED"
  | "SESSION_FAILED"
  | "SHAPE_INVALID"
  | "SOURCE_INVALID"
  | "TRAINING_DIVERGED"
  | "USAGE"
  | "VOLUME_INVALID"
  | "VOLUME_UNEXPECTED"
  | "WEIGHTS_MISMATCH"
  | "WRITE_FAILED";

/** Remedies that each interface words itself: a message whose details have one ends in it, after the last semicolon. */
export type Remedy =
  | "needs-classifier"
  | "needs-empty-directory"
  | "needs-preprocessing"
  | "needs-weights"
  | "resumable"
  | "skip-self-check";

/** The values of a message, for programs. */
export type ErrorDetails = Readonly<Record<string, unknown>> & { readonly remedy?: Remedy };

/**
 * An error caused by an input, a file or an option: `code` identifies it, `message` describes it on one line, and `details` contains
 * the values of the message.
 *
 * @example
 * ```ts
 * import { InceptionError } from "inceptionkit";
 * const error = new InceptionError("OPTION_INVALID", 'Cannot set option dropRate to 2: expected a number in [0, 1)', { dropRate: 2 });
 * error.code; // "OPTION_INVALID"
 * ```
 */
export class InceptionError extends Error {
  override readonly name = "InceptionError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** Returns the result of `work`, or the InceptionError that it throws, for loops in which one input may fail. Other errors are thrown. */
export async function orError<T>(work: () => Promise<T>): Promise<T | InceptionError> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof InceptionError) return thrown;
    throw thrown;
  }
}

/**
 * Returns the message of anything thrown, or a text, on one line: runs of control characters become a space, and invisible or
 * bidirectional characters are shown as escapes, so that it can be printed or quoted in another error.
 */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  // Hostile names reach messages; a terminal must not act on them.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
  return visibleText(text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim());
}
