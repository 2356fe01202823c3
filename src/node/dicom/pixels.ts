import type { DicomSlice } from "../../formats/dicom/slice.js";
import { elementBytes, type StoredPixels, viewPixels } from "../../formats/dicom/stored.js";
import type { NiftiScaling } from "../../formats/nifti.js";
import { openFileSource } from "../file-source.js";
import { decodeSlices } from "./decode.js";

/** Bytes of decoded slices that are held at once. */
const BATCH_BYTES = 2 ** 25;

/**
 * Slice after slice, as given. Plain pixels are read as they are, compressed ones in runs by the decoder.
 *
 * @throws InceptionError FILE_TRUNCATED, FILE_CORRUPT, FILE_UNSUPPORTED where the decoder's package is not installed
 */
export async function* storedSlices(
  slices: readonly DicomSlice[],
): AsyncGenerator<{ readonly slice: DicomSlice; readonly stored: StoredPixels }, void> {
  for (const run of runs(slices)) {
    const compressed = run[0]?.pixels.compression != null;
    const read = compressed ? await decodeSlices(run) : await Promise.all(run.map(readPlain));
    for (const [index, slice] of run.entries()) {
      const stored = read[index];
      if (stored !== undefined) yield { slice, stored: onlyBits(stored, slice.bits) };
    }
  }
}

/** Neighbors that are compressed alike, at most a batch of bytes, or single plain slices. */
function runs(slices: readonly DicomSlice[]): readonly (readonly DicomSlice[])[] {
  const most = ({ shape, dtype }: DicomSlice): number => Math.max(1, Math.floor(BATCH_BYTES / (shape[0] * shape[1] * elementBytes(dtype))));
  const found: DicomSlice[][] = [];
  for (const slice of slices) {
    const { compression } = slice.pixels;
    const last = found.at(-1);
    const joins = compression !== null && last?.[0]?.pixels.compression === compression && last.length < most(slice);
    if (joins) last.push(slice);
    else found.push([slice]);
  }
  return found;
}

async function readPlain({ file, dtype, pixels }: DicomSlice): Promise<StoredPixels> {
  const source = await openFileSource(file);
  try {
    const [{ offset, length } = { offset: 0, length: 0 }] = pixels.ranges;
    return viewPixels(dtype, await source.read(offset, length));
  } finally {
    await source.close();
  }
}

/** Above the bits that count there may be drawings, and the sign's copies may be missing. */
function onlyBits(stored: StoredPixels, bits: number): StoredPixels {
  const shift = 32 - bits;
  if (shift === 32 - 8 * stored.BYTES_PER_ELEMENT) return stored;
  const signed = stored instanceof Int8Array || stored instanceof Int16Array;
  return stored.map((value) => (signed ? (value << shift) >> shift : (value << shift) >>> shift));
}

/** What inspection says of the scaling of a series: null where there is none. */
export function scalingOf(slices: readonly DicomSlice[]): NiftiScaling | "by slice" | null {
  const [{ slope, intercept } = { slope: 1, intercept: 0 }] = slices;
  if (slices.some((slice) => slice.slope !== slope || slice.intercept !== intercept)) return "by slice";
  return slope === 1 && intercept === 0 ? null : { slope, intercept };
}
