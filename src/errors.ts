import { visibleText } from "./text.js";

/**
 * Every error that a user can cause. One class, one closed list of codes: callers switch on `code`,
 * people read `message`, programs read `details`.
 *
 * Messages say the action that failed, the place, the fact and the law, on one line:
 * `Cannot infer shape of conv "Mixed_6a.branch3x3.conv": input has 288 channels, weight [384, 256, 3, 3] with groups 1 expects 256`.
 */

/** Codes are stable; messages may be reworded. Sorted. */
export type ErrorCode =
  | "CHECKPOINT_INVALID"
  | "DATASET_INVALID"
  | "DEVICE_UNAVAILABLE"
  | "FEED_INVALID"
  | "FILE_CORRUPT"
  | "FILE_LIMIT"
  | "FILE_NOT_FOUND"
  | "FILE_TRUNCATED"
  | "FILE_UNRECOGNIZED"
  | "FILE_UNSAFE"
  | "FILE_UNSUPPORTED"
  | "GATE_FAILED"
  | "GRAPH_INVALID"
  | "HASH_MISMATCH"
  | "IMAGE_INVALID"
  | "IMAGE_LIMIT"
  | "MODEL_UNKNOWN"
  | "NETWORK"
  | "NOT_FINITE"
  | "OPTION_INVALID"
  | "PACKAGE_MISSING"
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

export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * An error that the caller's input caused and that the caller can mend.
 *
 * @example
 * ```ts
 * import { InceptionError } from "inceptionkit";
 * const error = new InceptionError("OPTION_INVALID", 'Cannot use dropRate 2: expected a number in [0, 1)', { dropRate: 2 });
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

/** The result of `work`, or the InceptionError that it throws, where one input of many may fail; anything else is thrown. */
export async function orError<T>(work: () => Promise<T>): Promise<T | InceptionError> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof InceptionError) return thrown;
    throw thrown;
  }
}

/**
 * The message of anything thrown, or a text, on one line: runs of control characters become a space, and characters that hide or
 * turn the direction of writing are shown as escapes, so that it can be printed or carried in another error.
 */
export function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  // Hostile names reach messages; a terminal must not act on them.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
  return visibleText(text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim());
}
