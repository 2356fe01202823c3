/** Entries of zip files as sources of their own, stored or deflated; torch.save's are read by pytorch.ts, which allows stored ones only. */

import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../../formats/byte-source.js";
import { quoted } from "../../formats/quoted.js";
import { looksLikeZip, readZipDirectory, type ZipEntry } from "../../formats/zip.js";
import { entrySource } from "../../formats/zip-entry.js";
import { formatCount } from "../../text.js";
import { MAX_SHARING } from "./collect.js";

const DEFLATED = 8;

/** Whether the file is a zip with an entry of such a name; a broken zip is of no format that can be named. */
export async function zipHolds(source: ByteSource, wanted: (name: string) => boolean): Promise<boolean> {
  if (!(await looksLikeZip(source))) return false;
  try {
    return [...(await readZipDirectory(source)).keys()].some(wanted);
  } catch (error) {
    if (error instanceof InceptionError) return false;
    throw error;
  }
}

/**
 * An entry as a source. Deflated ones are unpacked into memory.
 *
 * @throws InceptionError FILE_CORRUPT, FILE_LIMIT (an entry that unpacks to more than 8 times the file), FILE_UNSUPPORTED
 */
export async function openZipEntry(source: ByteSource, name: string): Promise<ByteSource> {
  const entry = (await readZipDirectory(source)).get(name);
  if (entry === undefined)
    throw new InceptionError("FILE_CORRUPT", `Cannot read zip file ${quoted(source.name)}: it has no entry ${quoted(name)}`);
  return openEntry(source, entry);
}

/** As `openZipEntry`, of a directory that was read already. */
export async function openEntry(source: ByteSource, entry: ZipEntry): Promise<ByteSource> {
  if (entry.method === DEFLATED && entry.size > MAX_SHARING * source.size) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot read zip file ${quoted(source.name)}: entry ${quoted(entry.name)} decodes to ${formatCount(entry.size)} bytes, the limit is ${MAX_SHARING} times the file size of ${formatCount(source.size)}`,
      { file: source.name },
    );
  }
  return entrySource(source, entry);
}
