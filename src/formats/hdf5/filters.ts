/** Filters of chunks: zlib and shuffle, the two that h5py offers without further libraries. */
import type { Cursor } from "./cursor.js";

export const FILTER = { deflate: 1, shuffle: 2 } as const;
/** As many as HDF5 itself allows. */
const MAX_FILTERS = 32;

/** The filters in the order in which they were applied; empty without a message. */
export function readFilters(cursor: Cursor | undefined): readonly number[] {
  if (cursor === undefined) return [];
  const version = cursor.expectVersion(1, 2);
  const count = cursor.u8();
  if (count > MAX_FILTERS) throw cursor.error("FILE_CORRUPT", `has ${count} filters, the limit is ${MAX_FILTERS}`);
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, () => {
    const id = cursor.u16();
    const named = version === 1 || id >= 256;
    const nameBytes = named ? cursor.u16() : 0;
    cursor.skip(2);
    const values = cursor.u16();
    cursor.skip((version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes) + 4 * values);
    if (version === 1 && values % 2 === 1) cursor.skip(4);
    if (id !== FILTER.deflate && id !== FILTER.shuffle) {
      throw cursor.error("FILE_UNSUPPORTED", `uses filter ${id}, supported are gzip (${FILTER.deflate}) and shuffle (${FILTER.shuffle})`);
    }
    return id;
  });
}

/** Undo shuffle, which puts the first bytes of all elements first, then the second ones. */
export function unshuffle(bytes: Uint8Array, width: number): Uint8Array {
  const count = Math.floor(bytes.length / width);
  const out = Uint8Array.from(bytes);
  for (let i = 0; i < count; i++) for (let byte = 0; byte < width; byte++) out[i * width + byte] = bytes[byte * count + i] ?? 0;
  return out;
}
