/**
 * The three ways in which a NIfTI header places its voxels in the world, and the way back.
 * Source: nifti1.h, methods 1 to 3, with the corner cases as nibabel decides them (nibabel/nifti1.py, quaternions.py).
 */

/**
 * A 4 x 4 matrix, row by row, that takes voxel indices [i, j, k, 1] to world coordinates [x, y, z, 1]. NIfTI's world is
 * RAS: x grows to the patient's right, y to the front, z to the head.
 */
export type Affine = readonly number[];

/** Method 2: a rotation as the last three parts of a unit quaternion, a shift, and the sign of the third axis. */
export interface Qform {
  /** 0 says that the transform is not to be used; 1 scanner, 2 aligned, 3 Talairach, 4 MNI, 5 another template. */
  readonly code: number;
  readonly quaternion: readonly [b: number, c: number, d: number];
  readonly offset: readonly [x: number, y: number, z: number];
  /** -1 turns the third axis around, since a rotation alone cannot mirror. */
  readonly qfac: 1 | -1;
}

/** Method 3: the first three rows of the affine as they are. */
export interface Sform {
  /** As in {@link Qform}. */
  readonly code: number;
  readonly rows: readonly number[];
}

/**
 * What is taken for a rotation by 180 degrees, since w² = 1 - b² - c² - d² cancels there: three steps of the header's numbers around 1, float32
 * in NIfTI-1 and float64 in NIfTI-2, as in nibabel.
 */
const ZERO_SQUARE = { 1: 3 * 2 ** -23, 2: 3 * 2 ** -52 } as const;
/** Columns whose cosine is below this are at right angles for a header of float32. */
const RIGHT_ANGLE = 1e-5;

/** The affine of method 2, or null where b² + c² + d² is above 1, which no unit quaternion has. */
export function qformAffine(qform: Qform, spacing: readonly number[], version: 1 | 2): Affine | null {
  const { offset, qfac } = qform;
  const [b, c, d] = qform.quaternion;
  const square = 1 - (b * b + c * c + d * d);
  const halfTurn = Math.abs(square) < ZERO_SQUARE[version];
  if (!halfTurn && !(square > 0)) return null;
  const a = halfTurn ? 0 : Math.sqrt(square);
  const s = 2 / (a * a + b * b + c * c + d * d);
  const rotation = [
    [1 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
    [s * (b * c + a * d), 1 - s * (b * b + d * d), s * (c * d - a * b)],
    [s * (b * d - a * c), s * (c * d + a * b), 1 - s * (b * b + c * c)],
  ];
  const [x = 1, y = 1, z = 1] = spacing;
  const rows = rotation.flatMap(([i = 0, j = 0, k = 0], row) => [i * x, j * y, k * z * qfac, offset[row] ?? 0]);
  return [...rows, 0, 0, 0, 1];
}

/** Method 1: spacing alone. As nibabel has it, the first axis runs to the left and the middle of the grid is the origin. */
export function spacingAffine(shape: readonly number[], spacing: readonly number[]): Affine {
  const [x = 1, y = 1, z = 1] = spacing;
  const middle = [0, 1, 2].map((axis) => ((shape[axis] ?? 1) - 1) / 2);
  const [i = 0, j = 0, k = 0] = middle;
  return [-x, 0, 0, i * x, 0, y, 0, -j * y, 0, 0, z, -k * z, 0, 0, 0, 1];
}

/** The affine of method 3. */
export function sformAffine({ rows }: Sform): Affine {
  return [...rows, 0, 0, 0, 1];
}

/** Lengths of the first three columns: how far apart neighbors along each axis are, in the world's unit. */
export function affineSpacing(affine: Affine): readonly [x: number, y: number, z: number] {
  const length = (axis: number): number => Math.hypot(affine[axis] ?? 0, affine[4 + axis] ?? 0, affine[8 + axis] ?? 0);
  return [length(0), length(1), length(2)];
}

/** Method 2's form of an affine; null where its axes are not at right angles, which a quaternion cannot say. */
export function qformOf(affine: Affine, code: number): Qform | null {
  const spacing = affineSpacing(affine);
  if (!spacing.every((length) => length > 0)) return null;
  const columns = [0, 1, 2].map((axis) => [0, 4, 8].map((row) => at(affine, row + axis) / at(spacing, axis)));
  const [x = [], y = [], z = []] = columns;
  if ([dot(x, y), dot(x, z), dot(y, z)].some((cosine) => Math.abs(cosine) > RIGHT_ANGLE)) return null;
  const qfac = dot(x, cross(y, z)) < 0 ? -1 : 1;
  const offset = [at(affine, 3), at(affine, 7), at(affine, 11)] as const;
  return { code, quaternion: quaternionOf(x, y, qfac === 1 ? z : z.map((value) => -value)), offset, qfac };
}

/** Parts b, c, d of the quaternion of a rotation, given by columns, with a not negative. The largest part is found first, so nothing cancels. */
function quaternionOf(x: readonly number[], y: readonly number[], z: readonly number[]): readonly [number, number, number] {
  const [xx = 0, xy = 0, xz = 0] = x;
  const [yx = 0, yy = 0, yz = 0] = y;
  const [zx = 0, zy = 0, zz = 0] = z;
  // Four times the square of each part, and the products of the largest with the others.
  const squares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const products = [
    [at(squares, 0), yz - zy, zx - xz, xy - yx],
    [yz - zy, at(squares, 1), yx + xy, zx + xz],
    [zx - xz, yx + xy, at(squares, 2), zy + yz],
    [xy - yx, zx + xz, zy + yz, at(squares, 3)],
  ];
  const largest = squares.indexOf(Math.max(...squares));
  const parts = (products[largest] ?? []).map((product) => product / (2 * Math.sqrt(at(squares, largest))));
  const sign = at(parts, 0) < 0 ? -1 : 1;
  return [sign * at(parts, 1), sign * at(parts, 2), sign * at(parts, 3)];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

function cross([a0 = 0, a1 = 0, a2 = 0]: readonly number[], [b0 = 0, b1 = 0, b2 = 0]: readonly number[]): readonly number[] {
  return [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0];
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0;
}
