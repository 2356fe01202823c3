import { appendFile, readFile, stat, truncate } from "node:fs/promises";
import type { SkippedSample } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import type { EvaluatedImages } from "../../tasks/evaluate/evaluate.js";
import { formatCount } from "../../text.js";
import { decodeJson, encodeJson, isJsonRecord, type JsonRecord, jsonNumber } from "../../train/json.js";
import type { ScoredImage } from "../../train/metrics.js";
import { busyFact, lockFile } from "../file-lock.js";
import { orReadFailed } from "../system-error.js";
import { orWriteFailed, writeFileAtomic } from "../write-file.js";

/** A file of evaluated images. A program that is killed leaves whole lines and at most one that is cut, which is dropped next time. */
export interface EvaluationRecord extends EvaluatedImages {
  /** Releases the file for other processes. Calling it again does nothing. */
  readonly close: () => Promise<void>;
}

/** 50,000 images are 6 MB. */
const LARGEST_FILE = 2 ** 28;

/**
 * Opens a record, a file with a line for each evaluated image, or creates it. Only one process at a time can have it open:
 * `FILE.lock` beside it names that process.
 *
 * @param about - what is evaluated and how; `images` is the number of images
 * @throws InceptionError OPTION_INVALID for the record of another evaluation; FILE_CORRUPT, also for an image that occurs twice;
 *   FILE_LIMIT; WRITE_FAILED, also where another process has it open
 */
export async function openEvaluationRecord(file: string, about: JsonRecord & { readonly images: number }): Promise<EvaluationRecord> {
  const lock = `${file}.lock`;
  const close = await lockFile(lock, (owner) => {
    const message = `Cannot write record "${messageOf(file)}": ${busyFact(owner, lock)}`;
    return new InceptionError("WRITE_FAILED", message, { file, ...owner });
  });
  try {
    return { ...(await readRecord(file, about)), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function readRecord(file: string, about: JsonRecord & { readonly images: number }): Promise<Omit<EvaluationRecord, "close">> {
  const append = async (scored: readonly ScoredImage[], skipped: readonly SkippedSample[]): Promise<void> => {
    const lines = [
      ...scored.map(({ index, label, answer, rank, loss, probability }) => ({ index, label, answer, rank, loss, probability })),
      ...skipped.map(({ index, name, reason }) => ({ index, name, reason })),
    ];
    if (lines.length > 0) await orWriteFailed(file, () => appendFile(file, lines.map((line) => `${encodeJson(line)}\n`).join("")));
  };
  const text = await wholeLines(file);
  if (text === null) {
    await writeFileAtomic(file, [Buffer.from(`${encodeJson(about)}\n`)]);
    return { scored: [], skipped: [], append };
  }
  const [first = "", ...lines] = text.split("\n").slice(0, -1);
  checkSame(file, decodeJson(first, `the first line of "${file}"`), about);
  const rows = lines.map((line, index) => readLine(decodeJson(line, `line ${index + 2} of "${file}"`), file, index + 2));
  checkIndices(file, rows, about.images);
  return {
    scored: rows.flatMap((row) => ("loss" in row ? [row] : [])),
    skipped: rows.flatMap((row) => ("reason" in row ? [row] : [])),
    append,
  };
}

/** The file without a last line that was cut; null where there is none, or nothing whole in it. */
async function wholeLines(file: string): Promise<string | null> {
  const found = await stat(file).catch(() => null);
  if (found === null) return null;
  if (!found.isFile() || found.size > LARGEST_FILE) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot read record "${file}": it has ${formatCount(found.size)} bytes, the limit is ${formatCount(LARGEST_FILE)}`,
      {
        file,
      },
    );
  }
  const bytes = await orReadFailed(`read record "${messageOf(file)}"`, file, readFile(file));
  const end = bytes.lastIndexOf(10) + 1;
  if (end === 0 && bytes.length > 0) throw corrupt(file, 1);
  if (end < bytes.length) await orWriteFailed(file, () => truncate(file, end));
  return end === 0 ? null : bytes.subarray(0, end).toString("utf8");
}

function checkSame(file: string, found: ReturnType<typeof decodeJson>, about: JsonRecord): void {
  const written = isJsonRecord(found) ? found : {};
  for (const [name, value] of Object.entries(about)) {
    const other = written[name];
    if (other !== undefined && encodeJson(other) === encodeJson(value)) continue;
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot resume record "${file}": its ${name} is ${other === undefined ? "missing" : encodeJson(other)}, expected ${encodeJson(value)}`,
      { file, name },
    );
  }
}

/** Every image counts once. @throws InceptionError FILE_CORRUPT naming line and index */
function checkIndices(file: string, rows: readonly { readonly index: number }[], images: number): void {
  const lines = new Map<number, number>();
  for (const [at, { index }] of rows.entries()) {
    const [line, earlier] = [at + 2, lines.get(index)];
    const fact =
      earlier !== undefined
        ? `line ${line} repeats index ${index} of line ${earlier}; two evaluations wrote to it at the same time; delete it and start again`
        : `line ${line} has index ${index}, expected an integer from 0 to ${images - 1}`;
    if (earlier !== undefined || index >= images) {
      throw new InceptionError("FILE_CORRUPT", `Cannot read record "${messageOf(file)}": ${fact}`, { file, line, index });
    }
    lines.set(index, line);
  }
}

function readLine(line: ReturnType<typeof decodeJson>, file: string, number: number): ScoredImage | SkippedSample {
  if (!isJsonRecord(line)) throw corrupt(file, number);
  const whole = (name: string): number => {
    const value = line[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw corrupt(file, number);
  };
  if (typeof line.reason === "string" && typeof line.name === "string")
    return { index: whole("index"), name: line.name, reason: line.reason };
  const [loss, probability] = [jsonNumber(line.loss), jsonNumber(line.probability)];
  if (loss === null || probability === null) throw corrupt(file, number);
  return { index: whole("index"), label: whole("label"), answer: whole("answer"), rank: whole("rank"), loss, probability };
}

function corrupt(file: string, number: number): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read record "${file}": line ${number} is not an evaluated image`, {
    file,
    line: number,
  });
}
