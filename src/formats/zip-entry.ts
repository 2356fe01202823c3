import { type ByteSource, bytesSource, partOfSource } from "./byte-source.js";
import { inflate } from "./inflate.js";
import { quoted } from "./quoted.js";
import { locateEntry, type ZipEntry } from "./zip.js";

const STORED = 0;
const DEFLATED = 8;

/**
 * An entry of a zip file as a source of its own: a part of the file where it is stored, and in memory where it is deflated. Who
 * calls bounds `entry.size` before.
 *
 * @throws InceptionError FILE_CORRUPT (a stream that does not unpack to what the directory says), FILE_UNSUPPORTED (encrypted, or
 *   packed in another way)
 */
export async function entrySource(source: ByteSource, entry: ZipEntry): Promise<ByteSource> {
  const { offset, length } = await locateEntry(source, entry, [STORED, DEFLATED]);
  const place = `${source.name}/${entry.name}`;
  if (entry.method === STORED) return partOfSource(source, place, offset, length);
  const packed = await source.read(offset, length);
  return bytesSource(place, inflate(packed, entry.size, "raw", `entry ${quoted(entry.name)} of ${quoted(source.name)}`));
}
