import type { Triple } from "../data/volumes/volume.js";
import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";

export type { Triple };

/** A volume whose voxels are labels: 0 is the background, other integers are structures. */
export interface LabelVolume {
  /** Voxels along x, y and z. */
  readonly shape: Triple;
  /** Millimeters from one voxel's center to the next along x, y and z. */
  readonly spacing: Triple;
  /** One integer from 0 to 2^31 − 1 per voxel, x fastest and z slowest, as in a NIfTI file. */
  readonly data: ArrayLike<number>;
}

/** Part of a volume: the first voxel and the number of voxels along x, y and z. */
export interface Box {
  readonly start: Triple;
  readonly size: Triple;
}

/**
 * Most voxels of a volume. Work on labels takes up to 20 bytes a voxel (two masks, a map of distances, a stack), so this
 * is 5 GB; a whole-body scan of 512 × 512 × 1000 fits.
 */
const MAX_VOXELS = 2 ** 28;

/** Labels are held in 32-bit integers. */
const LARGEST_LABEL = 2 ** 31 - 1;

/** "[35, 51, 35]" */
export function formatTriple(triple: Triple): string {
  return `[${triple.join(", ")}]`;
}

export function voxelCount([x, y, z]: Triple): number {
  return x * y * z;
}

/**
 * Check sizes along x, y and z.
 *
 * @param action what cannot be done, for messages, as in "label components"
 * @throws InceptionError VOLUME_INVALID where a size is no positive integer, IMAGE_LIMIT above 2^28 voxels
 */
export function checkShape(action: string, shape: Triple): void {
  if (shape.length !== 3 || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new InceptionError("VOLUME_INVALID", `Cannot ${action}: shape is ${formatTriple(shape)}, expected three positive integers`, {
      shape,
    });
  }
  if (voxelCount(shape) > MAX_VOXELS) {
    const fact = `shape is ${formatTriple(shape)}, the limit is ${formatCount(MAX_VOXELS)} voxels`;
    throw new InceptionError("IMAGE_LIMIT", `Cannot ${action}: ${fact}`, { shape, limit: MAX_VOXELS });
  }
}

/**
 * Check that there is one value for each voxel.
 *
 * @throws InceptionError VOLUME_INVALID, IMAGE_LIMIT
 */
export function checkVoxels(action: string, shape: Triple, data: ArrayLike<number>): void {
  checkShape(action, shape);
  if (data.length !== voxelCount(shape)) {
    const fact = `shape ${formatTriple(shape)} has ${voxelCount(shape)} voxels, data has ${data.length}`;
    throw new InceptionError("VOLUME_INVALID", `Cannot ${action}: ${fact}`, { shape, values: data.length });
  }
}

/** @throws InceptionError OPTION_INVALID where a spacing is no positive finite number */
export function checkSpacing(action: string, spacing: Triple): void {
  if (spacing.length === 3 && spacing.every((step) => Number.isFinite(step) && step > 0)) return;
  const fact = `spacing is ${formatTriple(spacing)}, expected three positive numbers of millimeters`;
  throw new InceptionError("OPTION_INVALID", `Cannot ${action}: ${fact}`, { spacing });
}

/** @throws InceptionError OPTION_INVALID where the label is no integer from 0 to 2^31 − 1 */
export function checkLabel(action: string, label: number): void {
  if (isLabel(label)) return;
  const fact = `label is ${label}, expected an integer from 0 to ${LARGEST_LABEL}`;
  throw new InceptionError("OPTION_INVALID", `Cannot ${action}: ${fact}`, { label });
}

/**
 * Check sizes, spacing and every voxel of a volume of labels.
 *
 * @throws InceptionError VOLUME_INVALID (naming the first voxel that is no label), IMAGE_LIMIT, OPTION_INVALID
 */
export function checkLabelVolume(action: string, { shape, spacing, data }: LabelVolume): void {
  checkVoxels(action, shape, data);
  checkSpacing(action, spacing);
  checkLabels(action, shape, data);
}

/** @throws InceptionError VOLUME_INVALID naming the first voxel that is no label */
export function checkLabels(action: string, shape: Triple, data: ArrayLike<number>): void {
  for (let i = 0; i < data.length; i++) {
    if (isLabel(data[i]!)) continue;
    const at = positionOf(i, shape);
    const fact = `voxel ${formatTriple(at)} is ${data[i]}, expected labels that are integers from 0 to ${LARGEST_LABEL}`;
    throw new InceptionError("VOLUME_INVALID", `Cannot ${action}: ${fact}`, { at, value: data[i] });
  }
}

function isLabel(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= LARGEST_LABEL;
}

/** x, y and z of a voxel. */
function positionOf(index: number, [width, height]: Triple): Triple {
  const row = Math.floor(index / width);
  return [index % width, row % height, Math.floor(row / height)];
}

/** How many voxels a label has, and the smallest box that holds them. */
export interface LabelExtent {
  readonly voxels: number;
  readonly box: Box;
}

/** Labels above this number mean a volume of intensities; the largest public label sets have a few hundred. */
const MAX_LABELS = 4096;

interface OpenExtent {
  voxels: number;
  readonly low: [number, number, number];
  readonly high: [number, number, number];
}

/**
 * Every label that occurs, the background too.
 *
 * @throws InceptionError VOLUME_INVALID where more than 4096 labels occur
 */
export function labelExtents(action: string, [width, height, depth]: Triple, data: ArrayLike<number>): ReadonlyMap<number, LabelExtent> {
  const extents = new Map<number, OpenExtent>();
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row += width) {
      for (let x = 0, end = 0; x < width; x = end) {
        const label = data[row + x]!;
        end = x + 1;
        while (end < width && data[row + end] === label) end++;
        extend(extents, label, x, end - 1, y, z);
      }
    }
    if (extents.size > MAX_LABELS) {
      const fact = `the volume has more than ${MAX_LABELS} different values, expected labels, not intensities`;
      throw new InceptionError("VOLUME_INVALID", `Cannot ${action}: ${fact}`, { limit: MAX_LABELS });
    }
  }
  return new Map([...extents].map(([label, { voxels, low, high }]) => [label, { voxels, box: boxOf(low, high) }]));
}

/** Take a run of voxels of a row into the extent of their label. */
function extend(extents: Map<number, OpenExtent>, label: number, first: number, last: number, y: number, z: number): void {
  const known = extents.get(label);
  if (known === undefined) {
    extents.set(label, { voxels: last - first + 1, low: [first, y, z], high: [last, y, z] });
    return;
  }
  const { low, high } = known;
  known.voxels += last - first + 1;
  if (first < low[0]) low[0] = first;
  if (last > high[0]) high[0] = last;
  if (y < low[1]) low[1] = y;
  if (y > high[1]) high[1] = y;
  high[2] = z;
}

function boxOf(low: Triple, high: Triple): Box {
  return { start: low, size: [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1] };
}

/** The smallest box that holds both. */
export function unionOf(a: Box, b: Box): Box {
  const lastOf = ({ start, size }: Box): Triple => [start[0] + size[0] - 1, start[1] + size[1] - 1, start[2] + size[2] - 1];
  const [endA, endB] = [lastOf(a), lastOf(b)];
  return boxOf(
    [Math.min(a.start[0], b.start[0]), Math.min(a.start[1], b.start[1]), Math.min(a.start[2], b.start[2])],
    [Math.max(endA[0], endB[0]), Math.max(endA[1], endB[1]), Math.max(endA[2], endB[2])],
  );
}

/** 1 for each voxel of the box that has the label, 0 for the others; x fastest within the box. */
export function maskOf(data: ArrayLike<number>, [width, height]: Triple, label: number, { start, size }: Box): Uint8Array {
  const mask = new Uint8Array(voxelCount(size));
  let to = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const row = ((start[2] + z) * height + start[1] + y) * width + start[0];
      for (let x = 0; x < size[0]; x++, to++) if (data[row + x] === label) mask[to] = 1;
    }
  }
  return mask;
}
