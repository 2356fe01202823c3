import { InceptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import type { ByteSource } from "./byte-source.js";
import { openNpy } from "./npy.js";
import { quoted } from "./quoted.js";
import { readZipDirectory, type ZipEntry } from "./zip.js";
import { entrySource } from "./zip-entry.js";

/**
 * NumPy's .npz: a zip of .npy files, stored (`savez`) or deflated (`savez_compressed`).
 */
export interface NpzFile {
  readonly name: string;
  /** Arrays by name, without `.npy`. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly source: ByteSource;
}

/** numpy.savez names its arrays so. */
const ENDING = ".npy";
/** Of an array's header, beside its elements; NumPy's has 128 bytes. */
const HEADER_BYTES = 10_240;

/**
 * Reads the directory; no array is touched.
 *
 * @throws InceptionError as `readZipDirectory`
 */
export async function openNpz(source: ByteSource): Promise<NpzFile> {
  const directory = await readZipDirectory(source);
  const arrays = [...directory].filter(([name]) => name.endsWith(ENDING));
  return { name: source.name, entries: new Map(arrays.map(([name, entry]) => [name.slice(0, -ENDING.length), entry])), source };
}

/**
 * One array, or null where there is none of the name.
 *
 * @param maxBytes - most bytes of its elements
 * @throws InceptionError FILE_LIMIT (more bytes), FILE_CORRUPT (a stream that does not unpack to what the directory says),
 *   FILE_UNSUPPORTED (encrypted, or packed in another way), and as `openNpy`
 */
export async function readNpzArray(file: NpzFile, name: string, maxBytes: number): Promise<Tensor | null> {
  const entry = file.entries.get(name);
  if (entry === undefined) return null;
  const place = `array ${quoted(name)} of ${quoted(file.name)}`;
  const size = Math.max(entry.size, entry.packedSize);
  if (size > maxBytes + HEADER_BYTES) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot read ${place}: it has ${formatCount(size)} bytes, the limit is ${formatCount(maxBytes)} and ${formatCount(HEADER_BYTES)} for its header`,
      { file: file.name, name },
    );
  }
  return openNpy(await entrySource(file.source, entry));
}
