import { InceptionError } from "../../errors.js";
import type { VolumeData } from "../../formats/nifti-voxels.js";
import { percentile } from "./percentile.js";
import { checkVolume, type Volume } from "./volume.js";

/** Which voxels a statistic is of: all, or those that are not 0, where air was set to 0. Voxels that are not finite never count. */
export type Region = "all" | "nonzero";

/**
 * Intensity normalization of one channel. `z_score`: mean 0 and standard deviation 1 of each volume, for MR.
 * `percentiles`: limited to two percentiles of each volume first. `ct_window`: a window of Hounsfield units to 0 to 1.
 */
export type Normalization =
  | { readonly name: "z_score"; readonly region: Region }
  | { readonly name: "percentiles"; readonly lower: number; readonly upper: number; readonly region: Region }
  | { readonly name: "ct_window"; readonly center: number; readonly width: number };

/** Statistics of the finite voxels of a volume. */
export interface VoxelStatistics {
  /** Of the finite voxels in the region. */
  readonly count: number;
  readonly mean: number;
  /** Of the population: the square root of the mean squared distance from the mean. */
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Statistics in double precision. Without a finite voxel in the region, `count` is 0 and everything else NaN.
 *
 * @throws InceptionError VOLUME_INVALID
 *
 * @example
 * ```ts
 * import { createVolume, voxelStatistics } from "inceptionkit/data";
 * voxelStatistics(createVolume([3, 1, 1], Int16Array.of(0, 2, 6)), "nonzero").mean; // 4
 * ```
 */
export function voxelStatistics(volume: Volume, region: Region = "all"): VoxelStatistics {
  checkVolume(volume);
  let [count, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  forEachIn(volume.data, region, (value) => {
    count++;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  });
  if (count === 0) return { count, mean: Number.NaN, standardDeviation: Number.NaN, min: Number.NaN, max: Number.NaN };
  const mean = sum / count;
  let squares = 0;
  forEachIn(volume.data, region, (value) => {
    squares += (value - mean) ** 2;
  });
  return { count, mean, standardDeviation: Math.sqrt(squares / count), min, max };
}

/**
 * Subtract the mean and divide by the standard deviation, as nnU-Net does for MR. All voxels of a region without spread become 0, and so do
 * voxels that are not finite. With `nonzero`, voxels of 0 stay 0.
 *
 * @param region - which voxels count, and are changed
 * @throws InceptionError VOLUME_INVALID
 *
 * @example
 * ```ts
 * import { createVolume, zScore } from "inceptionkit/data";
 * [...zScore(createVolume([4, 1, 1], Int16Array.of(0, 2, 4, 6)), "nonzero").data]; // [0, -1.2247449159622192, 0, 1.2247449159622192]
 * ```
 */
export function zScore(volume: Volume, region: Region = "all"): Volume {
  const { mean, standardDeviation } = voxelStatistics(volume, region);
  return mapped(volume, (value) => {
    if (!Number.isFinite(value) || (region === "nonzero" && value === 0) || !(standardDeviation > 0)) return 0;
    return (value - mean) / standardDeviation;
  });
}

/**
 * Limit values to two percentiles of a region. Between two values a percentile is interpolated linearly, as `numpy.percentile` does. NaN becomes the
 * lower limit. Voxels outside the region are limited too. A volume without a finite voxel in the region becomes 0.
 *
 * @param lower - in percent, 0 to 100; nnU-Net's is 0.5 for CT
 * @param upper - in percent, not below `lower`; nnU-Net's is 99.5
 * @throws InceptionError OPTION_INVALID, VOLUME_INVALID
 */
export function clipPercentiles(volume: Volume, lower: number, upper: number, region: Region = "all"): Volume {
  if (!(lower >= 0 && lower <= upper && upper <= 100)) {
    const message = `Cannot clip to the percentiles ${lower} and ${upper}: expected 0 <= lower <= upper <= 100`;
    throw new InceptionError("OPTION_INVALID", message, { lower, upper });
  }
  checkVolume(volume);
  let count = 0;
  forEachIn(volume.data, region, () => count++);
  const values = new Float64Array(count);
  count = 0;
  forEachIn(volume.data, region, (value) => {
    values[count++] = value;
  });
  values.sort();
  const [low, high] = count === 0 ? [0, 0] : [percentile(values, lower), percentile(values, upper)];
  return mapped(volume, (value) => (value > low ? Math.min(value, high) : low));
}

/**
 * The window of a CT viewer: values from `center - width / 2` to `center + width / 2` become 0 to 1, values beyond are limited. NaN becomes 0.
 *
 * @param center - in Hounsfield units; for soft tissue of the abdomen 40, lung -600, bone 400
 * @param width - in Hounsfield units, positive; for these 400, 1500, 1800
 * @throws InceptionError OPTION_INVALID, VOLUME_INVALID
 *
 * @example
 * ```ts
 * import { createVolume, ctWindow } from "inceptionkit/data";
 * [...ctWindow(createVolume([3, 1, 1], Int16Array.of(-1000, 40, 140)), 40, 400).data]; // [0, 0.5, 0.75]
 * ```
 */
export function ctWindow(volume: Volume, center: number, width: number): Volume {
  if (!Number.isFinite(center) || !Number.isFinite(width) || width <= 0) {
    const message = `Cannot apply a window of center ${center} and width ${width}: expected finite Hounsfield units and a positive width`;
    throw new InceptionError("OPTION_INVALID", message, { center, width });
  }
  checkVolume(volume);
  const low = center - width / 2;
  return mapped(volume, (value) => (value > low ? Math.min((value - low) / width, 1) : 0));
}

function mapped(volume: Volume, change: (value: number) => number): Volume {
  const data = new Float32Array(volume.data.length);
  for (let index = 0; index < data.length; index++) data[index] = change(volume.data[index] as number);
  return { ...volume, data };
}

function forEachIn(data: VolumeData, region: Region, visit: (value: number) => void): void {
  for (const value of data) if (Number.isFinite(value) && (region === "all" || value !== 0)) visit(value);
}
