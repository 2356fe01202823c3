import type { Random } from "../random.js";
import type { VolumeAugmentation } from "./augmentation.js";
import { changeIntensities } from "./augmentation.js";
import type { Triple } from "./volume.js";

/** A prepared volume and its classes, which patches are cut from. */
export interface LabeledVolume {
  /** Voxels along x, y and z. */
  readonly shape: Triple;
  /** [channels, z, y, x], x fastest; normalized. */
  readonly data: Float32Array;
  readonly channels: number;
  /** Class of each voxel, [z, y, x]. */
  readonly classes: Uint16Array;
  /** Some voxels of each class but the background, by class; empty for a class that is not there. */
  readonly places: readonly Uint32Array[];
}

/** A patch as a network takes it. */
export interface Patch {
  /** [channels, z, y, x]. */
  readonly image: Float32Array;
  /** [z, y, x]. */
  readonly labels: Int32Array;
}

/** Enough places to choose from; more would only take memory. */
const MAX_PLACES = 10_000;

/**
 * Some voxels of each class: all of a small one, evenly chosen ones of a large one.
 *
 * @returns by class, from 1; index 0 is empty
 */
export function voxelIndicesByClass(classes: Uint16Array, numClasses: number): readonly Uint32Array[] {
  const counts = new Uint32Array(numClasses);
  for (const label of classes) counts[label]! += 1;
  counts[0] = 0;
  const places = Array.from(counts, (count) => new Uint32Array(Math.min(count, MAX_PLACES)));
  const seen = new Uint32Array(numClasses);
  for (let voxel = 0; voxel < classes.length; voxel++) {
    const label = classes[voxel]!;
    if (label === 0) continue;
    const list = places[label]!;
    // Of n voxels number i stands at ⌊i · length / n⌋; the first of those that fall together stays.
    const at = Math.floor((seen[label]! * list.length) / counts[label]!);
    if (seen[label] === Math.ceil((at * counts[label]!) / list.length)) list[at] = voxel;
    seen[label]! += 1;
  }
  return places;
}

/**
 * Where a patch begins: with a chance of `foregroundFraction` around a voxel of a class that is drawn first, so that small
 * classes are seen as often as large ones; anywhere otherwise. It lies within the volume, or around it where it is larger.
 *
 * @param patch - voxels along x, y and z
 */
export function choosePatch(volume: LabeledVolume, patch: Triple, foregroundFraction: number, random: Random): Triple {
  const present = volume.places.filter((list) => list.length > 0);
  const wanted = random.chance(foregroundFraction);
  const list = present.length > 0 ? present[random.below(present.length)] : undefined;
  const [width, height] = volume.shape;
  const voxel = list?.[random.below(list.length)] ?? 0;
  const center = [voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / (width * height))];
  const start = (axis: 0 | 1 | 2): number => {
    const [low, high] = startsOf(volume.shape[axis], patch[axis]);
    const anywhere = low + random.below(high - low + 1);
    return wanted && list ? Math.min(Math.max(center[axis]! - Math.floor(patch[axis] / 2), low), high) : anywhere;
  };
  return [start(0), start(1), start(2)];
}

function startsOf(size: number, patch: number): readonly [low: number, high: number] {
  return [Math.min(0, size - patch), Math.max(0, size - patch)];
}

/** The patch that a volume is measured by: around the middle of all foreground, or of the volume without any. */
export function centralPatch({ shape, classes }: Pick<LabeledVolume, "shape" | "classes">, patch: Triple): Triple {
  const sums = [0, 0, 0];
  let count = 0;
  for (let voxel = 0; voxel < classes.length; voxel++) {
    if (classes[voxel] === 0) continue;
    count++;
    sums[0]! += voxel % shape[0];
    sums[1]! += Math.floor(voxel / shape[0]) % shape[1];
    sums[2]! += Math.floor(voxel / (shape[0] * shape[1]));
  }
  const start = (axis: 0 | 1 | 2): number => {
    const size = shape[axis];
    // A volume that fits is measured as inference sees it: in the middle of the padding.
    if (size <= patch[axis]) return -Math.floor((patch[axis] - size) / 2);
    const middle = count === 0 ? size / 2 : sums[axis]! / count;
    return Math.min(Math.max(Math.round(middle - patch[axis] / 2), 0), size - patch[axis]);
  };
  return [start(0), start(1), start(2)];
}

/**
 * Cuts a patch, changed at random: rotation, scaling and elastic deformation about its middle, mirroring, intensities. What lies
 * outside the volume is 0 and background. Images are interpolated linearly, labels taken from the nearest voxel.
 *
 * @param start - of the patch in the volume
 * @param size - voxels of the patch along x, y and z
 */
export function cutPatch(volume: LabeledVolume, start: Triple, size: Triple, augmentation: VolumeAugmentation, random: Random): Patch {
  const matrix = randomMatrix(augmentation, random);
  const shifts = random.chance(augmentation.elasticProbability) ? elasticShifts(size, augmentation, random) : null;
  const mirrored = [0, 1, 2].map((axis) => augmentation.mirrorAxes.includes(axis) && random.chance(0.5));
  const moved = matrix ?? (shifts ? IDENTITY : null);
  const patch = moved ? warped(volume, start, size, moved, shifts) : copied(volume, start, size);
  if (mirrored.some(Boolean)) {
    for (let channel = 0; channel < volume.channels; channel++) mirror(channelOf(patch.image, size, channel), size, mirrored);
    mirror(patch.labels, size, mirrored);
  }
  for (let channel = 0; channel < volume.channels; channel++) {
    changeIntensities(channelOf(patch.image, size, channel), augmentation, random);
  }
  return patch;
}

function voxelsOf([x, y, z]: Triple): number {
  return x * y * z;
}

function channelOf(image: Float32Array, size: Triple, channel: number): Float32Array {
  return image.subarray(channel * voxelsOf(size), (channel + 1) * voxelsOf(size));
}

/** Row by row: where in the volume each voxel of the patch comes from, relative to the patch's middle. */
type Matrix = readonly [number, number, number, number, number, number, number, number, number];

const IDENTITY: Matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** R_z R_y R_x / scale, or null where neither turns up. */
function randomMatrix(augmentation: VolumeAugmentation, random: Random): Matrix | null {
  const { rotationDegrees, scalingRange } = augmentation;
  const rotated = random.chance(augmentation.rotationProbability);
  const scaled = random.chance(augmentation.scalingProbability);
  const [a, b, c] = [0, 1, 2].map(() => (rotated ? (random.uniform(-rotationDegrees, rotationDegrees) * Math.PI) / 180 : 0));
  // A larger picture comes from a smaller part of the volume.
  const s = scaled ? 1 / random.uniform(...scalingRange) : 1;
  if (!rotated && !scaled) return null;
  const [sinX, cosX, sinY, cosY] = [Math.sin(a!), Math.cos(a!), Math.sin(b!), Math.cos(b!)];
  const [sinZ, cosZ] = [Math.sin(c!), Math.cos(c!)];
  return [
    s * cosZ * cosY,
    s * (cosZ * sinY * sinX - sinZ * cosX),
    s * (cosZ * sinY * cosX + sinZ * sinX),
    s * sinZ * cosY,
    s * (sinZ * sinY * sinX + cosZ * cosX),
    s * (sinZ * sinY * cosX - cosZ * sinX),
    -s * sinY,
    s * cosY * sinX,
    s * cosY * cosX,
  ];
}

/** How far each voxel of a patch is shifted along x, y and z. */
type Shifts = readonly [Float32Array, Float32Array, Float32Array];

/** Random shifts of a coarse grid of control points, between them cubic B-splines. */
function elasticShifts(size: Triple, { elasticShift, elasticSpacing }: VolumeAugmentation, random: Random): Shifts {
  const field = (): Float32Array => {
    const grid: Triple = [0, 1, 2].map((axis) => Math.ceil(size[axis as 0 | 1 | 2] / elasticSpacing) + 3) as [number, number, number];
    let values = Float32Array.from({ length: voxelsOf(grid) }, () => random.normal(0, elasticShift));
    // Along x first, so that most of the work is done on the small grid.
    values = splined(values, 1, grid[0], grid[1] * grid[2], size[0], elasticSpacing);
    values = splined(values, size[0], grid[1], grid[2], size[1], elasticSpacing);
    return splined(values, size[0] * size[1], grid[2], 1, size[2], elasticSpacing);
  };
  return [field(), field(), field()];
}

/** [outer, points, inner] to [outer, size, inner]: a uniform cubic B-spline with a control point every `spacing` elements. */
function splined(
  values: Float32Array,
  inner: number,
  points: number,
  outer: number,
  size: number,
  spacing: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(inner * size * outer);
  for (let i = 0; i < size; i++) {
    const first = Math.floor(i / spacing);
    const t = i / spacing - first;
    const weights = [(1 - t) ** 3 / 6, (3 * t ** 3 - 6 * t ** 2 + 4) / 6, (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6, t ** 3 / 6];
    for (let o = 0; o < outer; o++) {
      const [to, from] = [(o * size + i) * inner, (o * points + first) * inner];
      for (let k = 0; k < 4; k++) {
        const weight = weights[k]!;
        for (let n = 0; n < inner; n++) out[to + n]! += weight * values[from + k * inner + n]!;
      }
    }
  }
  return out;
}

function copied({ shape, data, channels, classes }: LabeledVolume, start: Triple, size: Triple): Patch {
  const image = new Float32Array(channels * voxelsOf(size));
  const labels = new Int32Array(voxelsOf(size));
  const [left, right] = [Math.max(0, -start[0]), Math.min(size[0], shape[0] - start[0])];
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const [atY, atZ] = [start[1] + y, start[2] + z];
      if (right <= left || atY < 0 || atY >= shape[1] || atZ < 0 || atZ >= shape[2]) continue;
      const from = (atZ * shape[1] + atY) * shape[0] + start[0];
      const to = (z * size[1] + y) * size[0];
      labels.set(classes.subarray(from + left, from + right), to + left);
      for (let channel = 0; channel < channels; channel++) {
        const row = channel * classes.length + from;
        image.set(data.subarray(row + left, row + right), channel * labels.length + to + left);
      }
    }
  }
  return { image, labels };
}

function warped(volume: LabeledVolume, start: Triple, size: Triple, matrix: Matrix, shifts: Shifts | null): Patch {
  const { shape, channels, classes } = volume;
  const image = new Float32Array(channels * voxelsOf(size));
  const labels = new Int32Array(voxelsOf(size));
  const middle = size.map((length) => (length - 1) / 2);
  const center = start.map((from, axis) => from + middle[axis]!);
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = matrix;
  let at = 0;
  for (let k = 0; k < size[2]; k++) {
    for (let j = 0; j < size[1]; j++) {
      for (let i = 0; i < size[0]; i++, at++) {
        const u = i - middle[0]! + (shifts ? shifts[0][at]! : 0);
        const v = j - middle[1]! + (shifts ? shifts[1][at]! : 0);
        const w = k - middle[2]! + (shifts ? shifts[2][at]! : 0);
        const x = center[0]! + xx * u + xy * v + xz * w;
        const y = center[1]! + yx * u + yy * v + yz * w;
        const z = center[2]! + zx * u + zy * v + zz * w;
        const [nearX, nearY, nearZ] = [Math.round(x), Math.round(y), Math.round(z)];
        if (nearX < 0 || nearY < 0 || nearZ < 0 || nearX >= shape[0] || nearY >= shape[1] || nearZ >= shape[2]) continue;
        labels[at] = classes[(nearZ * shape[1] + nearY) * shape[0] + nearX]!;
        for (let channel = 0; channel < channels; channel++) {
          image[channel * labels.length + at] = between(volume, channel * classes.length, x, y, z);
        }
      }
    }
  }
  return { image, labels };
}

/** The weighted mean of the eight neighbors; beyond the outermost voxels their values. */
function between({ shape, data }: LabeledVolume, offset: number, x: number, y: number, z: number): number {
  const [width, height, depth] = shape;
  const [x0, y0, z0] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  const [tx, ty, tz] = [x - x0, y - y0, z - z0];
  const left = x0 < 0 ? 0 : x0;
  const right = x0 + 1 < width ? x0 + 1 : width - 1;
  const front = (y0 < 0 ? 0 : y0) * width;
  const back = (y0 + 1 < height ? y0 + 1 : height - 1) * width;
  const low = offset + (z0 < 0 ? 0 : z0) * width * height;
  const high = offset + (z0 + 1 < depth ? z0 + 1 : depth - 1) * width * height;
  const a = data[low + front + left]! * (1 - tx) + data[low + front + right]! * tx;
  const b = data[low + back + left]! * (1 - tx) + data[low + back + right]! * tx;
  const c = data[high + front + left]! * (1 - tx) + data[high + front + right]! * tx;
  const d = data[high + back + left]! * (1 - tx) + data[high + back + right]! * tx;
  return (a * (1 - ty) + b * ty) * (1 - tz) + (c * (1 - ty) + d * ty) * tz;
}

/** In place. */
function mirror(values: Float32Array | Int32Array, [width, height, depth]: Triple, turned: readonly boolean[]): void {
  const source = values.slice();
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const from = ((turned[2] ? depth - 1 - z : z) * height + (turned[1] ? height - 1 - y : y)) * width;
      const to = (z * height + y) * width;
      values.set(source.subarray(from, from + width), to);
      if (turned[0]) values.subarray(to, to + width).reverse();
    }
  }
}
