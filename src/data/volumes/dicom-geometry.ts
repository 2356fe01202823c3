import { InceptionError } from "../../errors.js";
import type { DicomSlice } from "../../formats/dicom/slice.js";
import { MAX_VOXELS } from "../../formats/nifti.js";
import { quoted } from "../../formats/quoted.js";
import { baseName, formatCount } from "../../text.js";
import type { Affine, Triple } from "./volume.js";

/** Slices on a grid, in the order in which they lie. */
export interface SliceStack {
  readonly slices: readonly DicomSlice[];
  readonly shape: Triple;
  /** Voxel indices to millimeters in RAS, as NIfTI has it. */
  readonly affine: Affine;
}

/** Directions of two slices that differ by more are two; scanners write six digits. */
const SAME_DIRECTION = 1e-3;
/** Millimeters between neighbors in a slice that differ by more than this part are not the same. */
const SAME_SPACING = 1e-4;
/**
 * How far a slice may lie from its place on an even grid, in parts of the distance between slices. Positions are often written with one
 * decimal, which is 4 % of 1.25 mm; a missing slice is 100 %.
 */
const UNEVEN = 0.1;

/** The error of slices that make no volume together. */
function stackError(folder: string, fact: string, requirement: string): InceptionError {
  return new InceptionError("VOLUME_INVALID", `Cannot read DICOM series of ${quoted(folder)}: ${fact}, expected ${requirement}`, {
    folder,
  });
}

/**
 * Put the slices of one series in the order in which they lie along their normal, rows x columns, and find their grid. Names and
 * instance numbers are not looked at.
 *
 * Where slices are shifted against each other evenly, as those of a tilted gantry, the affine is sheared: every voxel keeps its place.
 *
 * @param slices - one or more
 * @param folder - how messages call the series
 * @throws InceptionError VOLUME_INVALID (sizes, element types, directions or spacings that differ; two slices at one place; a slice
 * missing, or uneven distances; one slice of unknown thickness), FILE_LIMIT
 */
export function stackSlices(slices: readonly DicomSlice[], folder: string): SliceStack {
  const [first] = slices;
  if (first === undefined) throw new RangeError("Cannot stack no slices");
  for (const slice of slices) checkAlike(first, slice, folder);
  const [columns, rows] = first.shape;
  const shape: Triple = [columns, rows, slices.length];
  if (columns * rows * slices.length > MAX_VOXELS) {
    const message = `Cannot read DICOM series of ${quoted(folder)}: a volume of ${shape.join(" x ")} voxels, the limit is ${formatCount(MAX_VOXELS)}`;
    throw new InceptionError("FILE_LIMIT", message, { folder, shape });
  }
  const normal = normalOf(first);
  const ordered = slices.toSorted((a, b) => dot(a.position, normal) - dot(b.position, normal));
  return { slices: ordered, shape, affine: affineOf(ordered, stepOf(ordered, normal, folder)) };
}

function checkAlike(first: DicomSlice, slice: DicomSlice, folder: string): void {
  const differ = (what: string, a: string, b: string): never => {
    throw stackError(
      folder,
      `${quoted(baseName(first.file))} has ${what} ${a} and ${quoted(baseName(slice.file))} ${b}`,
      "slices that are alike",
    );
  };
  if (first.shape.some((size, axis) => size !== slice.shape[axis])) differ("the size", first.shape.join(" x "), slice.shape.join(" x "));
  if (first.dtype !== slice.dtype) differ("the element type", first.dtype, slice.dtype);
  const directions = (each: DicomSlice): string => `[${each.orientation.map((value) => Number(value.toFixed(6))).join(", ")}]`;
  if (first.orientation.some((value, index) => Math.abs(value - (slice.orientation[index] ?? 0)) > SAME_DIRECTION)) {
    differ("the directions", directions(first), directions(slice));
  }
  if (first.spacing.some((length, axis) => Math.abs(length - (slice.spacing[axis] ?? 0)) > SAME_SPACING * length)) {
    differ("the pixel spacing", first.spacing.join(" x "), slice.spacing.join(" x "));
  }
}

/** Millimeters from one slice to the next, as a vector in LPS. */
function stepOf(ordered: readonly DicomSlice[], normal: readonly number[], folder: string): readonly number[] {
  const [first, last] = [ordered[0]?.position ?? [], ordered.at(-1)?.position ?? []];
  if (ordered.length === 1) {
    const thickness = ordered[0]?.thickness ?? null;
    if (thickness !== null) return normal.map((value) => value * thickness);
    throw stackError(folder, "its one slice says nothing of its thickness", "SpacingBetweenSlices or SliceThickness");
  }
  const gaps = ordered.slice(1).map((slice, index) => dot(slice.position, normal) - dot(ordered[index]?.position ?? [], normal));
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor((gaps.length - 1) / 2)] ?? 0;
  checkGaps(ordered, gaps, usual, folder);
  const step = last.map((value, axis) => (value - (first[axis] ?? 0)) / (ordered.length - 1));
  for (const [index, { file, position }] of ordered.entries()) {
    const off = Math.hypot(...position.map((value, axis) => value - (first[axis] ?? 0) - index * (step[axis] ?? 0)));
    if (off <= UNEVEN * usual) continue;
    throw stackError(
      folder,
      `${quoted(baseName(file))} is ${millimeters(off)} from its position on an even grid`,
      "slices in a row at even distances",
    );
  }
  return step;
}

function checkGaps(ordered: readonly DicomSlice[], gaps: readonly number[], usual: number, folder: string): void {
  const pair = (index: number): string =>
    `${quoted(baseName(ordered[index]?.file ?? ""))} and ${quoted(baseName(ordered[index + 1]?.file ?? ""))}`;
  // Smaller than any scanner's step, and than what rounding makes of one place.
  const twice = gaps.findIndex((gap) => gap < 1e-3);
  if (twice >= 0)
    throw stackError(folder, `${pair(twice)} have the same position, as slices of several time points do`, "one slice at each");
  const wrong = gaps.findIndex((gap) => Math.abs(gap - usual) > UNEVEN * usual);
  if (wrong < 0) return;
  const gap = gaps[wrong] ?? 0;
  const missing = Math.round(gap / usual) - 1;
  const whole = missing > 0 && Math.abs(gap - (missing + 1) * usual) <= UNEVEN * usual;
  const guess = whole ? ` (${missing} missing between them)` : "";
  const fact = `${pair(wrong)} are ${millimeters(gap)} apart and most others ${millimeters(usual)}${guess}`;
  throw stackError(folder, fact, "slices at even distances");
}

function millimeters(length: number): string {
  return `${Number(length.toPrecision(4))} mm`;
}

/** LPS to RAS turns the first two axes of the world around. */
function affineOf([first]: readonly DicomSlice[], step: readonly number[]): Affine {
  const { orientation = [], spacing = [1, 1], position = [] } = first ?? {};
  const rows = [-1, -1, 1].flatMap((sign, axis) => {
    const along = [(orientation[axis] ?? 0) * spacing[0], (orientation[axis + 3] ?? 0) * spacing[1], step[axis] ?? 0, position[axis] ?? 0];
    // Adding 0 makes a zero positive.
    return along.map((value) => sign * value + 0);
  });
  return [...rows, 0, 0, 0, 1];
}

function normalOf({ orientation }: DicomSlice): readonly number[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  const cross = [b * f - c * e, c * d - a * f, a * e - b * d];
  const length = Math.hypot(...cross);
  return cross.map((value) => value / length);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, axis) => sum + value * (b[axis] ?? 0), 0);
}
