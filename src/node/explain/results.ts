/** The directory that explanations are written to: the page, overlays, and a list of both. */
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { decodeJson, isJsonRecord, isList } from "../../train/json.js";
import { openFileSource } from "../file-source.js";
import { makeFolder, orWriteFailed, writeFileAtomic } from "../write-file.js";

/** Lists the files of an explanation, so that a later one can remove exactly these. */
const LIST = "explanation.json";
const FORMAT = "inceptionkit-explanation";
/** The names of 100,000 overlays take a few megabytes. */
const MAX_LIST_BYTES = 16 * 2 ** 20;

/**
 * Makes a directory ready for an explanation. Files of an earlier one are removed: those that its list names, and no others.
 *
 * @throws InceptionError OPTION_INVALID for a directory that holds files and no earlier explanation; FILE_CORRUPT, WRITE_FAILED
 */
export async function clearExplanation(folder: string): Promise<void> {
  await makeFolder(folder);
  const entries = await orWriteFailed(folder, () => readdir(folder));
  if (entries.length === 0) return;
  if (!entries.includes(LIST)) {
    const shown = entries.toSorted().slice(0, 3).map(messageOf).join(", ");
    const message = `Cannot write explanations to "${messageOf(folder)}": the directory is not empty (${shown}${entries.length > 3 ? ` and ${entries.length - 3} more` : ""}) and contains no earlier explanation`;
    throw new InceptionError("OPTION_INVALID", message, { folder });
  }
  for (const name of [...(await readList(path.join(folder, LIST))), LIST]) {
    const file = path.join(folder, name);
    await orWriteFailed(file, () => rm(file, { force: true }));
  }
}

/**
 * Lists the files of an explanation.
 *
 * @param names - of files in the directory
 * @throws InceptionError WRITE_FAILED
 */
export async function writeExplanationList(folder: string, names: readonly string[]): Promise<void> {
  const text = JSON.stringify({ format: FORMAT, files: names }, null, 2);
  await writeFileAtomic(path.join(folder, LIST), [new TextEncoder().encode(`${text}\n`)]);
}

async function readList(file: string): Promise<readonly string[]> {
  const source = await openFileSource(file);
  try {
    const json = source.size > MAX_LIST_BYTES ? null : decodeJson(new TextDecoder().decode(await source.read(0, source.size)), `"${file}"`);
    const files = json !== null && isJsonRecord(json) && json.format === FORMAT ? (json.files ?? null) : null;
    // A name with a folder in it would reach other files.
    const isOwn = (name: unknown): name is string => typeof name === "string" && name === path.basename(name) && /\.(png|html)$/.test(name);
    if (isList(files) && files.every(isOwn)) return files;
  } finally {
    await source.close();
  }
  throw new InceptionError("FILE_CORRUPT", `Cannot read "${messageOf(file)}": it is not an explanation index; pass another directory`, {
    file,
  });
}
