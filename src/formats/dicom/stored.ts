import { viewBytes } from "../../tensor/dtype.js";

/** What the values of a slice are stored in. */
export type SliceDType = "uint8" | "int8" | "uint16" | "int16";

/** Stored values of a slice, row by row. */
export type StoredPixels = Uint8Array | Int8Array | Uint16Array | Int16Array;

export function elementBytes(dtype: SliceDType): 1 | 2 {
  return dtype === "uint8" || dtype === "int8" ? 1 : 2;
}

/** Little-endian bytes as numbers. */
export function viewPixels(dtype: SliceDType, bytes: Uint8Array): StoredPixels {
  const values = viewBytes(dtype, bytes);
  if (values instanceof Uint8Array || values instanceof Int8Array || values instanceof Uint16Array || values instanceof Int16Array) {
    return values;
  }
  throw new TypeError(`Cannot store pixels of ${dtype}`);
}
