import { InceptionError } from "../../errors.js";
import { checkedElementCount } from "../../formats/element-layout.js";
import { type NiftiHeader, niftiError, volumeBytes, volumeCount } from "../../formats/nifti.js";
import { type Affine, affineSpacing } from "../../formats/nifti-affine.js";
import { type VolumeData, voxelValues } from "../../formats/nifti-voxels.js";

export type { Affine, VolumeData };

/** Three sizes or lengths, along the first, second and third axis of a volume. */
export type Triple = readonly [x: number, y: number, z: number];

/** A grid of voxels in the world. */
export interface VolumeGrid {
  /** Voxels along each axis. */
  readonly shape: Triple;
  /** Voxel indices [i, j, k, 1] to millimeters in RAS (right, anterior, superior); voxel centers have whole indices. */
  readonly affine: Affine;
}

/**
 * One 3-D image or label map. Voxel (i, j, k) is `data[i + shape[0] * (j + shape[1] * k)]`: the first axis varies fastest,
 * so that the same memory is a row-major tensor of shape [z, y, x], or N C D H W with D = z, H = y, W = x.
 */
export interface Volume extends VolumeGrid {
  readonly data: VolumeData;
  /** Voxel spacing in millimeters along each axis: the lengths of the affine's columns. */
  readonly spacing: Triple;
}

/**
 * A volume over existing values (not copied).
 *
 * @param affine - 16 numbers, row by row; the default puts voxel (0, 0, 0) at the origin with 1 mm between voxels, oriented RAS
 * @throws InceptionError VOLUME_INVALID (shape and data disagree; an affine that is not 4 x 4, not finite, or flattens the volume)
 *
 * @example
 * ```ts
 * import { createVolume } from "inceptionkit/data";
 * const volume = createVolume([2, 1, 1], Float32Array.of(3, 5), [-2, 0, 0, 90, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
 * volume.spacing; // [2, 2, 2]
 * ```
 */
export function createVolume(shape: Triple, data: VolumeData, affine: Affine = IDENTITY): Volume {
  const volume: Volume = { shape, data, affine, spacing: affineSpacing(affine) };
  checkVolume(volume);
  return volume;
}

const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** Refuse a volume that cannot be what it says; every transform of this folder calls it first. */
export function checkVolume({ shape, data, affine }: Volume): void {
  checkGrid({ shape, affine });
  if (checkedElementCount(shape) === data.length) return;
  const message = `Cannot use a volume of ${shape.join(" x ")} voxels over ${data.length} values: expected one value for each voxel`;
  throw new InceptionError("VOLUME_INVALID", message, { shape, length: data.length });
}

/** Refuse sizes that are not positive integers, and an affine that is not finite or cannot be inverted. */
export function checkGrid({ shape, affine }: VolumeGrid): void {
  if (shape.length !== 3 || !shape.every((dim) => Number.isSafeInteger(dim) && dim > 0)) {
    throw new InceptionError("VOLUME_INVALID", `Cannot use a volume of ${shape.join(" x ")} voxels: expected three positive sizes`, {
      shape,
    });
  }
  const whole =
    affine.length === 16 && affine.every(Number.isFinite) && affine.slice(12).every((value, index) => value === (index === 3 ? 1 : 0));
  if (whole && Math.abs(determinant(affine)) > FLAT * affineSpacing(affine).reduce((product, length) => product * length, 1)) return;
  throw new InceptionError(
    "VOLUME_INVALID",
    `Cannot use a volume with the affine [${affine.join(", ")}]: expected 16 finite numbers, row by row, whose three axes span the space and whose last row is 0, 0, 0, 1`,
    { affine },
  );
}

/** Axes whose box has less than this part of the volume of a right-angled one lie in a plane, to the precision of a header's float32. */
const FLAT = 1e-6;

/**
 * The point of the world, in millimeters, of a voxel index, which may lie between voxels.
 *
 * @example
 * ```ts
 * import { voxelOf, worldOf } from "inceptionkit/data";
 * const affine = [-2, 0, 0, 90, 0, 2, 0, -126, 0, 0, 2, -72, 0, 0, 0, 1];
 * worldOf(affine, [1, 2, 3]); // [88, -122, -66]
 * voxelOf(affine, [88, -122, -66]); // [1, 2, 3]
 * ```
 */
export function worldOf(affine: Affine, [i, j, k]: Triple): Triple {
  const row = (at: number): number => at4(affine, at) * i + at4(affine, at + 1) * j + at4(affine, at + 2) * k + at4(affine, at + 3);
  return [row(0), row(4), row(8)];
}

/** The voxel index, in general between voxels, of a point of the world in millimeters; NaN for an affine that cannot be inverted. */
export function voxelOf(affine: Affine, [x, y, z]: Triple): Triple {
  const [a = 0, b = 0, c = 0, p = 0, d = 0, e = 0, f = 0, q = 0, g = 0, h = 0, i = 0, r = 0] = affine;
  const scale = 1 / determinant(affine);
  const [u, v, w] = [x - p, y - q, z - r];
  return [
    scale * ((e * i - f * h) * u + (c * h - b * i) * v + (b * f - c * e) * w),
    scale * ((f * g - d * i) * u + (a * i - c * g) * v + (c * d - a * f) * w),
    scale * ((d * h - e * g) * u + (b * g - a * h) * v + (a * e - b * d) * w),
  ];
}

/** The space that one voxel takes, in cubic millimeters. */
export function voxelVolume(affine: Affine): number {
  return Math.abs(determinant(affine));
}

/** Of the affine's 3 x 3 part. */
function determinant(affine: Affine): number {
  const [a = 0, b = 0, c = 0, , d = 0, e = 0, f = 0, , g = 0, h = 0, i = 0] = affine;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

function at4(affine: Affine, index: number): number {
  return affine[index] ?? 0;
}

/** A new array of the same element type, filled with zeros. */
export function emptyLike(data: VolumeData, length: number): VolumeData {
  if (data instanceof Float32Array) return new Float32Array(length);
  if (data instanceof Int8Array) return new Int8Array(length);
  if (data instanceof Uint8Array) return new Uint8Array(length);
  if (data instanceof Int16Array) return new Int16Array(length);
  if (data instanceof Uint16Array) return new Uint16Array(length);
  return data instanceof Int32Array ? new Int32Array(length) : new Uint32Array(length);
}

/**
 * Which volume of a file: the one there is, or the chosen one of several.
 *
 * @param index - among all time points and channels, the fourth axis fastest; null where the file should hold one volume
 * @throws InceptionError OPTION_INVALID
 */
export function chosenVolume(header: NiftiHeader, index: number | null, name: string): number {
  const count = volumeCount(header);
  if (index === null && count === 1) return 0;
  if (index !== null && Number.isSafeInteger(index) && index >= 0 && index < count) return index;
  const found = `"${name}" contains ${count} ${count === 1 ? "volume" : "volumes"} (shape [${header.shape.join(", ")}])`;
  const message =
    index === null
      ? `Cannot read one volume: ${found}; choose one by index, 0 to ${count - 1}`
      : `Cannot read volume ${index}: ${found}, expected an index from 0 to ${count - 1}`;
  throw new InceptionError("OPTION_INVALID", message, { file: name, shape: header.shape, index });
}

/**
 * The volume of a header and its voxels.
 *
 * @param bytes - the stored voxels of this one volume
 * @param name - how messages call the file
 * @throws InceptionError FILE_TRUNCATED (another number of bytes), FILE_UNSUPPORTED (64-bit integers that 32 bits do not hold), FILE_CORRUPT
 * (an affine that flattens the volume)
 *
 * @example
 * ```ts
 * import { createVolume, encodeNifti, parseNiftiHeader, volumeBytes, volumeFromNifti } from "inceptionkit/data";
 * const [head, voxels] = encodeNifti(createVolume([2, 1, 1], Int16Array.of(3, 5)));
 * const header = parseNiftiHeader(head, "small.nii");
 * volumeBytes(header); // 4
 * [...volumeFromNifti(header, voxels, "small.nii").data]; // [3, 5]
 * ```
 */
export function volumeFromNifti(header: NiftiHeader, bytes: Uint8Array, name: string): Volume {
  const wanted = volumeBytes(header);
  if (bytes.length !== wanted)
    throw niftiError("FILE_TRUNCATED", name, `a volume takes ${wanted} bytes, the file contains ${bytes.length}`);
  const { shape, affine } = niftiGrid(header, name);
  return { shape, data: voxelValues(header, bytes, name), affine, spacing: affineSpacing(affine) };
}

/**
 * The grid of a volume, from its header alone.
 *
 * @throws InceptionError FILE_CORRUPT for an affine that flattens the volume
 */
export function niftiGrid({ shape: [x = 1, y = 1, z = 1], affine, affineFrom }: NiftiHeader, name: string): VolumeGrid {
  const grid: VolumeGrid = { shape: [x, y, z], affine };
  try {
    checkGrid(grid);
  } catch {
    throw niftiError("FILE_CORRUPT", name, `its ${affineFrom} gives the affine [${affine.join(", ")}], which is singular`);
  }
  return grid;
}
