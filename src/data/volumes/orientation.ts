import { InceptionError } from "../../errors.js";
import { type Affine, affineSpacing } from "../../formats/nifti-affine.js";
import { checkGrid, checkVolume, emptyLike, type Triple, type Volume, type VolumeGrid } from "./volume.js";

/** Which way one axis of a volume runs. */
export interface AxisOrientation {
  /** The world axis it is nearest to: 0 left to right, 1 posterior to anterior, 2 inferior to superior. */
  readonly world: number;
  /** 1 where indices grow with the world's coordinate, -1 where against it. */
  readonly sign: 1 | -1;
}

type Orientation = readonly [AxisOrientation, AxisOrientation, AxisOrientation];

const POSITIVE = "RAS";
const NEGATIVE = "LPI";

/**
 * Nearest world axis of each axis of a volume, each world axis once. The affine is first freed of spacing and shear (its polar
 * decomposition), then axes choose in the order of how clearly they point. Source: `io_orientation` of nibabel 5.4.
 *
 * @throws InceptionError VOLUME_INVALID for an affine that is not finite or flattens the volume
 */
export function orientationOf(affine: Affine): Orientation {
  checkGrid({ shape: [1, 1, 1], affine });
  const rotation = nearestRotation(affine);
  const clearness = (axis: number): number => Math.max(...rotation.map((row) => (row[axis] ?? 0) ** 2));
  const order = [0, 1, 2].sort((a, b) => clearness(b) - clearness(a) || a - b);
  const free = new Set([0, 1, 2]);
  const found: AxisOrientation[] = [];
  for (const axis of order) {
    const along = (world: number): number => rotation[world]?.[axis] ?? 0;
    const world = [...free].reduce((best, next) => (Math.abs(along(next)) > Math.abs(along(best)) ? next : best));
    free.delete(world);
    found[axis] = { world, sign: along(world) < 0 ? -1 : 1 };
  }
  const [first, second, third] = found;
  if (!first || !second || !third) throw new RangeError("Cannot orient a volume without three axes");
  return [first, second, third];
}

/**
 * Returns the letters of the directions of the axes of a volume: L or R, P or A, I or S. Equals nibabel's `aff2axcodes`.
 *
 * @throws InceptionError VOLUME_INVALID, as {@link orientationOf}
 *
 * @example
 * ```ts
 * import { axisCodes } from "inceptionkit/data";
 * axisCodes([-2, 0, 0, 90, 0, 2, 0, -126, 0, 0, 2, -72, 0, 0, 0, 1]); // "LAS"
 * ```
 */
export function axisCodes(affine: Affine): string {
  return orientationOf(affine)
    .map(({ world, sign }) => (sign === 1 ? POSITIVE : NEGATIVE)[world])
    .join("");
}

/**
 * The same voxels with axes in the order and direction nearest to RAS. Nothing is interpolated: an oblique volume stays oblique. Every voxel
 * keeps its point of the world.
 *
 * @throws InceptionError VOLUME_INVALID
 *
 * @example
 * ```ts
 * import { createVolume, toRas } from "inceptionkit/data";
 * const las = createVolume([2, 1, 1], Int16Array.of(7, 8), [-1, 0, 0, 5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
 * [...toRas(las).data]; // [8, 7]
 * ```
 */
export function toRas(volume: Volume): Volume {
  checkVolume(volume);
  return rearranged(volume, sourcesOfRas(volume.affine));
}

/** The grid that {@link toRas} puts a volume on. @throws InceptionError VOLUME_INVALID */
export function rasGrid({ shape, affine }: VolumeGrid): VolumeGrid {
  checkGrid({ shape, affine });
  const sources = sourcesOfRas(affine);
  return { shape: picked(sources, shape, 1), affine: rearrangedAffine(shape, affine, sources) };
}

function sourcesOfRas(affine: Affine): readonly Source[] {
  const orientation = orientationOf(affine);
  return [0, 1, 2].map((world) => {
    const axis = orientation.findIndex((entry) => entry.world === world);
    return { axis, flip: orientation[axis]?.sign === -1 };
  });
}

/**
 * Undo {@link toRas}: the same voxels on the axes of the grid they came from.
 *
 * @param original - the grid of the volume before `toRas`; its affine is the result's, number by number
 * @throws InceptionError VOLUME_INVALID when the volume is not on that grid turned to RAS
 *
 * @example
 * ```ts
 * import { createVolume, fromRas, toRas } from "inceptionkit/data";
 * const las = createVolume([2, 1, 1], Int16Array.of(7, 8), [-1, 0, 0, 5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
 * [...fromRas(toRas(las), las).data]; // [7, 8]
 * ```
 */
export function fromRas(volume: Volume, original: VolumeGrid): Volume {
  checkVolume(volume);
  const back = rearranged(
    volume,
    orientationOf(original.affine).map(({ world, sign }) => ({ axis: world, flip: sign === -1 })),
  );
  if (!sameGrid(back, original)) {
    throw new InceptionError(
      "VOLUME_INVALID",
      `Cannot reorient a volume of ${volume.shape.join(" x ")} voxels to ${original.shape.join(" x ")} voxels oriented ${axisCodes(original.affine)}: it is not on that grid in RAS orientation`,
      { shape: volume.shape, affine: volume.affine, original },
    );
  }
  return { ...back, affine: original.affine, spacing: affineSpacing(original.affine) };
}

/** Whether two grids have the same sizes and put every voxel at the same point, to a thousandth of a voxel. */
export function sameGrid(a: VolumeGrid, b: VolumeGrid): boolean {
  if (!a.shape.every((dim, axis) => dim === b.shape[axis])) return false;
  const slack = 1e-3 * Math.min(...affineSpacing(b.affine));
  // What the columns are off by adds up over the grid.
  return a.affine.every((value, index) => {
    const steps = index % 4 < 3 ? Math.max(1, (b.shape[index % 4] ?? 1) - 1) : 1;
    return Math.abs(value - (b.affine[index] ?? 0)) * steps <= slack;
  });
}

interface Source {
  /** Of the given volume. */
  readonly axis: number;
  readonly flip: boolean;
}

/** New axis n is the given volume's axis `sources[n].axis`, from its other end where flipped. */
function rearranged(volume: Volume, sources: readonly Source[]): Volume {
  const { shape, data, affine, spacing } = volume;
  const stride = [1, shape[0], shape[0] * shape[1]];
  const newShape = picked(sources, shape, 1);
  const [stepX = 0, stepY = 0, stepZ = 0] = sources.map(({ axis, flip }) => (flip ? -1 : 1) * (stride[axis] ?? 0));
  const start = sources.reduce((sum, { axis, flip }) => sum + (flip ? ((shape[axis] ?? 1) - 1) * (stride[axis] ?? 0) : 0), 0);
  const out = emptyLike(data, data.length);
  let to = 0;
  for (let k = 0; k < newShape[2]; k++) {
    for (let j = 0; j < newShape[1]; j++) {
      let from = start + j * stepY + k * stepZ;
      for (let i = 0; i < newShape[0]; i++, from += stepX) out[to++] = data[from] as number;
    }
  }
  return { shape: newShape, data: out, affine: rearrangedAffine(shape, affine, sources), spacing: picked(sources, spacing, 1) };
}

/** What belongs to each new axis. */
function picked(sources: readonly Source[], values: Triple, fallback: number): Triple {
  const [x = fallback, y = fallback, z = fallback] = sources.map(({ axis }) => values[axis as 0 | 1 | 2]);
  return [x, y, z];
}

function rearrangedAffine(shape: Triple, affine: Affine, sources: readonly Source[]): Affine {
  const rows = [0, 4, 8].flatMap((row) => {
    const column = (axis: number): number => affine[row + axis] ?? 0;
    const origin = sources.reduce((sum, { axis, flip }) => sum + (flip ? column(axis) * ((shape[axis] ?? 1) - 1) : 0), column(3));
    // Adding 0 makes a zero positive.
    return [...sources.map(({ axis, flip }) => (flip ? -1 : 1) * column(axis) + 0), origin];
  });
  return [...rows, 0, 0, 0, 1];
}

/** Rounds of Newton's iteration; it doubles the digits, and from the flattest affine that is accepted needs about 25 to begin with. */
const ROUNDS = 60;

/** The orthogonal matrix nearest to the affine's directions, by rows: Newton's iteration for the polar decomposition (Higham 1986). */
function nearestRotation(affine: Affine): readonly (readonly number[])[] {
  const spacing = affineSpacing(affine);
  let matrix = [0, 4, 8].map((row) => spacing.map((length, axis) => (affine[row + axis] ?? 0) / length));
  for (let round = 0; round < ROUNDS; round++) {
    const inverse = inverseTransposed(matrix);
    matrix = matrix.map((row, r) => row.map((value, c) => (value + (inverse[r]?.[c] ?? 0)) / 2));
  }
  return matrix;
}

/** Cofactors over the determinant. */
function inverseTransposed(matrix: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const at = (row: number, column: number): number => matrix[row % 3]?.[column % 3] ?? 0;
  const cofactor = (row: number, column: number): number =>
    at(row + 1, column + 1) * at(row + 2, column + 2) - at(row + 1, column + 2) * at(row + 2, column + 1);
  const determinant = [0, 1, 2].reduce((sum, column) => sum + at(0, column) * cofactor(0, column), 0);
  return [0, 1, 2].map((row) => [0, 1, 2].map((column) => cofactor(row, column) / determinant));
}
