import { InceptionError } from "../../errors.js";
import { MAX_VOXELS } from "../../formats/nifti.js";
import { type Affine, affineSpacing } from "../../formats/nifti-affine.js";
import type { VolumeData } from "../../formats/nifti-voxels.js";
import { formatCount } from "../../text.js";
import { roundHalfToEven } from "../transforms/crop.js";
import { sameGrid } from "./orientation.js";
import { checkGrid, checkVolume, emptyLike, type Triple, type Volume, type VolumeGrid } from "./volume.js";

/**
 * Interpolation between voxels. `linear`, for images: the weighted mean of the eight neighbors, as float32. `nearest`, for labels: the voxel
 * that the point lies in. `label-linear`, for labels: the label to which the eight neighbors give the most weight together, the smallest of
 * equal ones, which is linear interpolation of one-hot maps and leaves smoother borders. Both keep the element type.
 */
export type Interpolation = "linear" | "nearest" | "label-linear";

/**
 * Sizes of a volume at another spacing: what covers the same field of view, rounded to whole voxels (half to even, as NumPy), at least 1.
 *
 * @param spacing - millimeters along each axis of the volume as it is stored
 * @throws InceptionError OPTION_INVALID (a spacing that is not positive, or more than 2^29 voxels), VOLUME_INVALID
 */
export function shapeAtSpacing(grid: VolumeGrid, spacing: Triple): Triple {
  checkGrid(grid);
  if (spacing.length !== 3 || !spacing.every((length) => Number.isFinite(length) && length > 0)) {
    const message = `Cannot resample to the spacing [${spacing.join(", ")}]: expected three positive lengths in millimeters`;
    throw new InceptionError("OPTION_INVALID", message, { spacing });
  }
  const present = affineSpacing(grid.affine);
  const size = (axis: 0 | 1 | 2): number => Math.max(1, roundHalfToEven((grid.shape[axis] * present[axis]) / spacing[axis]));
  const shape: Triple = [size(0), size(1), size(2)];
  checkSize(shape);
  return shape;
}

/**
 * Resamples to a spacing, keeping the field of view. Since sizes are whole, the result's spacing can differ from the target by up
 * to half a voxel over the whole axis; its `spacing` and `affine` say what it is.
 *
 * Images are not smoothed before they are made smaller, as in nnU-Net.
 *
 * @param interpolation - `linear` for images, `label-linear` or `nearest` for labels
 * @throws InceptionError as {@link shapeAtSpacing}
 *
 * @example
 * ```ts
 * import { createVolume, resampleToSpacing } from "inceptionkit/data";
 * const fine = resampleToSpacing(createVolume([2, 1, 1], Float32Array.of(0, 4)), [0.5, 1, 1], "linear");
 * [...fine.data]; // [0, 1, 3, 4]
 * ```
 */
export function resampleToSpacing(volume: Volume, spacing: Triple, interpolation: Interpolation): Volume {
  return resampleToShape(volume, shapeAtSpacing(volume, spacing), interpolation);
}

/**
 * Resamples to given sizes over the same field of view: the outer faces of the outermost voxels stay where they are, and what
 * lies beyond the outermost centers takes the outermost values. Equals `scipy.ndimage.zoom` with `order=1, grid_mode=True, mode="nearest"`.
 *
 * @throws InceptionError OPTION_INVALID (sizes that are not positive integers, or more than 2^29 voxels), VOLUME_INVALID
 */
export function resampleToShape(volume: Volume, shape: Triple, interpolation: Interpolation): Volume {
  checkVolume(volume);
  checkSize(shape);
  const affine = resampledAffine(volume, shape);
  return { shape, data: SAMPLERS[interpolation](volume, shape), affine, spacing: affineSpacing(affine) };
}

/**
 * Brings a volume, such as a prediction, back to the grid that it was resampled from.
 *
 * @param grid - the original; the result has its shape and its affine, number by number
 * @throws InceptionError VOLUME_INVALID when the volume does not cover the grid's field of view
 *
 * @example
 * ```ts
 * import { createVolume, resampleToGrid, resampleToShape } from "inceptionkit/data";
 * const labels = createVolume([4, 1, 1], Uint8Array.of(0, 0, 1, 1));
 * [...resampleToGrid(resampleToShape(labels, [2, 1, 1], "nearest"), labels, "nearest").data]; // [0, 0, 1, 1]
 * ```
 */
export function resampleToGrid(volume: Volume, grid: VolumeGrid, interpolation: Interpolation): Volume {
  checkVolume(volume);
  checkGrid(grid);
  if (!sameGrid(volume, { shape: volume.shape, affine: resampledAffine(grid, volume.shape) })) {
    throw new InceptionError(
      "VOLUME_INVALID",
      `Cannot resample a volume of ${volume.shape.join(" x ")} voxels to the grid of ${grid.shape.join(" x ")} voxels: they do not cover the same field of view; resample only volumes that were computed from that grid`,
      { volume: { shape: volume.shape, affine: volume.affine }, grid },
    );
  }
  return { ...resampleToShape(volume, grid.shape, interpolation), affine: grid.affine, spacing: affineSpacing(grid.affine) };
}

function checkSize(shape: Triple): void {
  const voxels = shape.reduce((product, dim) => product * dim, 1);
  if (shape.length === 3 && shape.every((dim) => Number.isSafeInteger(dim) && dim > 0) && voxels <= MAX_VOXELS) return;
  const message = `Cannot resample to ${shape.join(" x ")} voxels: expected three positive sizes and at most ${formatCount(MAX_VOXELS)} voxels`;
  throw new InceptionError("OPTION_INVALID", message, { shape });
}

/** The affine of other sizes over the same field of view: index i of the new grid is (i + 1/2) n / n' - 1/2 of the old one. */
function resampledAffine({ shape, affine }: VolumeGrid, size: Triple): Affine {
  const ratios = size.map((dim, axis) => (shape[axis] ?? 1) / dim);
  const rows = [0, 4, 8].flatMap((row) => {
    const origin = ratios.reduce((sum, ratio, axis) => sum + ((affine[row + axis] ?? 0) * (ratio - 1)) / 2, affine[row + 3] ?? 0);
    return [...ratios.map((ratio, axis) => (affine[row + axis] ?? 0) * ratio), origin];
  });
  return [...rows, 0, 0, 0, 1];
}

/** Where each new index of an axis lies among the old ones. */
interface Taps {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Weight of `high`; where it is 0 both are the same voxel, so that NaN spreads no further than it must. */
  readonly weight: Float64Array;
}

function linearTaps(size: number, target: number, stride: number): Taps {
  const taps: Taps = { low: new Int32Array(target), high: new Int32Array(target), weight: new Float64Array(target) };
  for (let index = 0; index < target; index++) {
    const position = Math.min(Math.max(((index + 0.5) * size) / target - 0.5, 0), size - 1);
    const low = Math.floor(position);
    taps.low[index] = low * stride;
    taps.weight[index] = position - low;
    taps.high[index] = (position > low ? low + 1 : low) * stride;
  }
  return taps;
}

type Sampler = (volume: Volume, shape: Triple) => VolumeData;

const SAMPLERS: Readonly<Record<Interpolation, Sampler>> = {
  linear: ({ data, shape }, target) => {
    const out = new Float32Array(target[0] * target[1] * target[2]);
    const { x, y, z } = linearGrid(shape, target);
    forEachRow(target, (to, j, k) => {
      const [low, high] = [z.low[k] as number, z.high[k] as number];
      const [near, far] = [y.low[j] as number, y.high[j] as number];
      const [up, back] = [z.weight[k] as number, y.weight[j] as number];
      for (let i = 0; i < target[0]; i++) {
        const [left, right, weight] = [x.low[i] as number, x.high[i] as number, x.weight[i] as number];
        const along = (row: number): number => between(data[row + left] as number, data[row + right] as number, weight);
        out[to + i] = between(between(along(low + near), along(low + far), back), between(along(high + near), along(high + far), back), up);
      }
    });
    return out;
  },
  nearest: ({ data, shape }, target) => {
    const out = emptyLike(data, target[0] * target[1] * target[2]);
    const [x, y, z] = [
      nearestTaps(shape[0], target[0], 1),
      nearestTaps(shape[1], target[1], shape[0]),
      nearestTaps(shape[2], target[2], shape[0] * shape[1]),
    ];
    forEachRow(target, (to, j, k) => {
      const row = (y[j] as number) + (z[k] as number);
      for (let i = 0; i < target[0]; i++) out[to + i] = data[row + (x[i] as number)] as number;
    });
    return out;
  },
  "label-linear": ({ data, shape }, target) => {
    const out = emptyLike(data, target[0] * target[1] * target[2]);
    const { x, y, z } = linearGrid(shape, target);
    const labels = new Float64Array(8);
    const shares = new Float64Array(8);
    forEachRow(target, (to, j, k) => {
      const rows = [z.low[k], z.high[k]].flatMap((plane) => [y.low[j], y.high[j]].map((row) => (plane as number) + (row as number)));
      const parts = shared(z.weight[k] as number).flatMap((up) => shared(y.weight[j] as number).map((back) => up * back));
      for (let i = 0; i < target[0]; i++) {
        let same = true;
        for (let corner = 0; corner < 8; corner++) {
          const column = (corner & 1 ? x.high[i] : x.low[i]) as number;
          labels[corner] = data[(rows[corner >> 1] as number) + column] as number;
          same &&= labels[corner] === labels[0];
        }
        if (!same) {
          for (let corner = 0; corner < 8; corner++) {
            const right = x.weight[i] as number;
            shares[corner] = (parts[corner >> 1] as number) * (corner & 1 ? right : 1 - right);
          }
        }
        // Most voxels lie inside one label; only borders are weighed.
        out[to + i] = same ? (labels[0] as number) : heaviestLabel(labels, shares);
      }
    });
    return out;
  },
};

function linearGrid(shape: Triple, target: Triple): { readonly x: Taps; readonly y: Taps; readonly z: Taps } {
  return {
    x: linearTaps(shape[0], target[0], 1),
    y: linearTaps(shape[1], target[1], shape[0]),
    z: linearTaps(shape[2], target[2], shape[0] * shape[1]),
  };
}

/** The old voxel that the middle of each new one lies in. */
function nearestTaps(size: number, target: number, stride: number): Int32Array {
  return Int32Array.from({ length: target }, (_, index) => Math.floor(((index + 0.5) * size) / target) * stride);
}

/** Call `row` for each new row of voxels with where it begins and its indices along the second and third axis. */
function forEachRow(target: Triple, row: (to: number, j: number, k: number) => void): void {
  for (let k = 0; k < target[2]; k++) for (let j = 0; j < target[1]; j++) row(target[0] * (j + target[1] * k), j, k);
}

/** A share of b, the rest of a; where b has none, a itself, also if it is infinite. */
function between(a: number, b: number, weight: number): number {
  return weight === 0 ? a : a * (1 - weight) + b * weight;
}

function shared(weight: number): readonly [low: number, high: number] {
  return [1 - weight, weight];
}

/** Labels whose shares differ by less are equal; sums of products of thirds and the like round. */
const EQUAL_SHARES = 1e-9;

function heaviestLabel(labels: Float64Array, shares: Float64Array): number {
  let best = labels[0] as number;
  let most = -1;
  for (let corner = 0; corner < 8; corner++) {
    const label = labels[corner] as number;
    let share = 0;
    for (let other = 0; other < 8; other++) if (labels[other] === label) share += shares[other] as number;
    if (share > most + EQUAL_SHARES || (share > most - EQUAL_SHARES && label < best)) [best, most] = [label, share];
  }
  return best;
}
