import { type SliceStack, stackSlices } from "../../data/volumes/dicom-geometry.js";
import { axisCodes } from "../../data/volumes/orientation.js";
import type { Volume, VolumeData } from "../../data/volumes/volume.js";
import type { SliceDType, StoredPixels } from "../../formats/dicom/stored.js";
import type { NiftiScaling } from "../../formats/nifti.js";
import { affineSpacing } from "../../formats/nifti-affine.js";
import { scalingOf, storedSlices } from "./pixels.js";
import { chosenSeries, type DicomSeries, type FoundSeries, findSeries, slicesOf } from "./series.js";

/**
 * Lists the image series in a directory, in the order of their UIDs. Files are recognized by content, whatever their names. Files that
 * are not DICOM or have no pixels are skipped, and subdirectories are not searched.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID; FILE_UNRECOGNIZED where the directory contains no DICOM image; FILE_CORRUPT,
 * FILE_UNSUPPORTED or FILE_LIMIT for a DICOM file whose tags cannot be read
 *
 * @example
 * ```ts
 * import { listDicomSeries, readVolume } from "inceptionkit/node";
 * const [first] = await listDicomSeries("ct-slices");
 * const { volume } = await readVolume("ct-slices", { series: first!.uid });
 * console.log(first!.description, volume.shape);
 * ```
 */
export async function listDicomSeries(folder: string): Promise<readonly DicomSeries[]> {
  return (await findSeries(folder)).map(({ files, ...series }) => series);
}

/**
 * One series as a volume; `series` chooses where there are several.
 *
 * @param onStack - called before pixels are read
 */
export async function readDicomVolume(folder: string, series: string | null, onStack?: (stack: SliceStack) => void): Promise<Volume> {
  const { stack } = await openStack(folder, series);
  onStack?.(stack);
  const { shape, affine, slices } = stack;
  const [columns, rows, count] = shape;
  const data = emptyFor(stack, columns * rows * count);
  let at = 0;
  for await (const { slice, stored } of storedSlices(slices)) {
    if (data instanceof Float32Array) scaleInto(data, at, stored, slice.slope, slice.intercept);
    else data.set(stored, at);
    at += stored.length;
  }
  return { shape, data, affine, spacing: affineSpacing(affine) };
}

/** What inspection says of a series, statistics after scaling. */
export interface DicomSummary {
  readonly shape: readonly number[];
  readonly spacing: readonly number[];
  readonly orientation: string;
  readonly affine: readonly number[];
  readonly dtype: SliceDType;
  readonly scaling: NiftiScaling | "by slice" | null;
  readonly description: string;
  readonly bytes: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
}

/** Look through one series, a slice at a time. */
export async function summarizeDicom(folder: string, series: string | null): Promise<DicomSummary> {
  const { found, stack } = await openStack(folder, series);
  const { shape, affine, slices } = stack;
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for await (const { slice, stored } of storedSlices(slices)) {
    for (const value of stored) {
      const scaled = value * slice.slope + slice.intercept;
      sum += scaled;
      if (scaled < min) min = scaled;
      if (scaled > max) max = scaled;
    }
  }
  return {
    shape,
    spacing: affineSpacing(affine),
    orientation: axisCodes(affine),
    affine,
    dtype: dtypeOf(stack),
    scaling: scalingOf(slices),
    description: found.description,
    bytes: found.files.reduce((total, { size }) => total + size, 0),
    min,
    max,
    mean: sum / (shape[0] * shape[1] * shape[2]),
  };
}

async function openStack(folder: string, series: string | null): Promise<{ readonly found: FoundSeries; readonly stack: SliceStack }> {
  const found = chosenSeries(await findSeries(folder), series, folder);
  return { found, stack: stackSlices(slicesOf(found), folder) };
}

function dtypeOf({ slices }: SliceStack): SliceDType {
  return slices[0]?.dtype ?? "int16";
}

/** Stored values as they are where nothing is scaled, so that labels are exact; else float32, as for NIfTI. */
function emptyFor(stack: SliceStack, length: number): Exclude<VolumeData, Int32Array | Uint32Array> {
  if (scalingOf(stack.slices) !== null) return new Float32Array(length);
  const dtype = dtypeOf(stack);
  if (dtype === "uint8") return new Uint8Array(length);
  if (dtype === "int8") return new Int8Array(length);
  return dtype === "uint16" ? new Uint16Array(length) : new Int16Array(length);
}

function scaleInto(data: Float32Array, at: number, stored: StoredPixels, slope: number, intercept: number): void {
  for (let index = 0; index < stored.length; index++) data[at + index] = (stored[index] as number) * slope + intercept;
}
