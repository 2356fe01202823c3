import { InceptionError } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import type { TensorEntry } from "../weight-file.js";

/** Bytes of all tensors over bytes of the files that hold them. Tensors may share memory, but not multiply it without end. */
export const MAX_SHARING = 8;

/** Characters of a tensor's name; the longest in use are near 120. */
const MAX_NAME_LENGTH = 1024;

/**
 * The tensors of a file by name.
 *
 * @param file - name of the file, for messages
 * @param bytes - of the file, or of all files that belong to it
 * @throws InceptionError FILE_CORRUPT (two of one name), FILE_LIMIT
 */
export function collectTensors(file: string, bytes: number, entries: readonly TensorEntry[]): ReadonlyMap<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  const fail = (code: "FILE_CORRUPT" | "FILE_LIMIT", fact: string) =>
    new InceptionError(code, `Cannot read weights from ${quoted(file)}: ${fact}`, { file });
  let total = 0;
  for (const entry of entries) {
    const { name, dtype, shape } = entry;
    if (tensors.has(name)) throw fail("FILE_CORRUPT", `two tensors are named ${quoted(name)}`);
    if (name.length > MAX_NAME_LENGTH)
      throw fail("FILE_LIMIT", `the name of tensor ${quoted(name)} is longer than ${MAX_NAME_LENGTH} characters`);
    total += elementCount(shape) * bytesPerElement(dtype);
    tensors.set(name, entry);
  }
  if (total > MAX_SHARING * bytes)
    throw fail(
      "FILE_LIMIT",
      `its tensors take ${formatCount(total)} bytes, the limit is ${MAX_SHARING} times the file size of ${formatCount(bytes)}`,
    );
  return tensors;
}
