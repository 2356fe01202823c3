/** Errors of the operating system as errors that people can mend. */
import { getSystemErrorMap } from "node:util";
import { type ErrorCode, InceptionError, messageOf } from "../errors.js";

/** The code of an error of the operating system, such as ENOENT; null for any other. */
export function systemErrorCode(thrown: unknown): string | null {
  return thrown instanceof Error && "syscall" in thrown && "code" in thrown && typeof thrown.code === "string" ? thrown.code : null;
}

/** What such an error means, in the system's words: "permission denied"; null for any other error. */
export function systemFact(thrown: unknown): string | null {
  const code = systemErrorCode(thrown) ?? threadErrorCode(thrown);
  if (code === null) return null;
  return FACTS.get(code) ?? code;
}

/** The same, or the message of any other error. */
export function factOf(thrown: unknown): string {
  return systemFact(thrown) ?? messageOf(thrown);
}

/** A thread that the system refuses to start: newer versions of Node name the code in the message only. */
function threadErrorCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ERR_WORKER_INIT_FAILED")) return null;
  return /\b(E[A-Z0-9]+)$/.exec(thrown.message)?.[1] ?? null;
}

const FACTS: ReadonlyMap<string, string> = new Map([
  ...getSystemErrorMap().values(),
  // Not in libuv's table.
  ["EDQUOT", "disk quota exceeded"],
]);

/** A character that stands for bytes which are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** Whether a name that Node listed is that of a file: one with bytes that are not UTF-8 is handed over changed. */
export function isUtf8Name(name: string): boolean {
  return !name.includes(REPLACEMENT);
}

/**
 * A failure to read something, as an error with the system's reason.
 *
 * @param action - as it follows "Cannot": `open "a.png"`, `list images of "photos"`
 * @returns FILE_NOT_FOUND where nothing has this name, SOURCE_INVALID otherwise; an InceptionError as it is
 */
export function readError(action: string, file: string, thrown: unknown): InceptionError {
  if (thrown instanceof InceptionError) return thrown;
  const systemCode = systemErrorCode(thrown);
  const missing = systemCode === "ENOENT" || systemCode === "ENOTDIR";
  const code: ErrorCode = missing ? "FILE_NOT_FOUND" : "SOURCE_INVALID";
  // Node hands such names over changed, so that they lead nowhere.
  const fact = missing && !isUtf8Name(file) ? "its name is not valid UTF-8, which is not supported; rename it" : factOf(thrown);
  return new InceptionError(code, `Cannot ${action}: ${fact}`, { file }, { cause: thrown });
}

/** The same for writing. */
export function writeError(file: string, thrown: unknown): InceptionError {
  if (thrown instanceof InceptionError) return thrown;
  const fact = factOf(thrown);
  return new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(file)}": ${fact}`, { file }, { cause: thrown });
}

/** The result of a step that reads; where the system refuses, the error of `readError`. */
export async function orReadFailed<T>(action: string, file: string, step: Promise<T>): Promise<T> {
  return step.catch((thrown: unknown) => {
    throw systemErrorCode(thrown) === null ? thrown : readError(action, file, thrown);
  });
}
