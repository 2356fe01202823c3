import { inflateSync, unzlibSync } from "fflate";
import { InceptionError, messageOf } from "../errors.js";

/**
 * Unpack deflated bytes into exactly as many as were declared, and never more.
 *
 * @param size - the declared number of bytes; the caller has held it against its limits
 * @param form - "raw" as in zip files, "zlib" with its header and checksum as in HDF5
 * @param where - what the bytes are, for messages: `entry "a.npy" of "x.npz"`
 * @throws InceptionError FILE_CORRUPT
 */
export function inflate(packed: Uint8Array, size: number, form: "raw" | "zlib", where: string): Uint8Array {
  const fail = (fact: string, cause?: unknown) =>
    new InceptionError("FILE_CORRUPT", `Cannot decode ${where}: ${fact}`, { where }, { cause });
  let bytes: Uint8Array;
  try {
    // One byte more than declared, so that longer content shows; fflate drops what does not fit.
    const out = new Uint8Array(size + 1);
    bytes = form === "raw" ? inflateSync(packed, { out }) : unzlibSync(packed, { out });
  } catch (thrown) {
    throw fail(messageOf(thrown), thrown);
  }
  if (bytes.length === size) return bytes;
  throw fail(`it contains ${bytes.length > size ? "more" : `${bytes.length}`} bytes, expected ${size}`);
}
