import {
  alignVolumes,
  clipPercentiles,
  joinChannels,
  type Normalization,
  type PreparedVolume,
  prepareVolume,
  type SegmentationConfig,
  type Volume,
  type VolumeGrid,
  voxelStatistics,
} from "../../data/index.js";
import { checkScan } from "../../data/volumes/scan.js";
import type { NiftiHeader } from "../../formats/nifti.js";
import { neededStatistics, type RawInput, type Statistic } from "../../predict/segmentation-file.js";
import type { SourceOptions, VolumeInput } from "../../runtime/platform.js";
import { volumeName } from "../volume-input.js";
import { inMillimeters, readChannels, type VolumeReader } from "./read-channels.js";

/** What windows are cut from, and what the network is told besides. */
export interface PreparedCase extends PreparedVolume {
  /** What lies outside the volume. */
  readonly padValue: number;
  /** For each further input of the network a number per channel. */
  readonly statistics: Readonly<Record<string, Float32Array>>;
}

/** A case as its files have it. */
interface ReadCase {
  /** Of the first file; null for a series of DICOM slices. */
  readonly header: NiftiHeader | null;
  /** The first channel, as it was read. */
  readonly image: Volume;
  /** 1 for each voxel that is NaN in a channel, else 0; null where none is. Such voxels are not part of the scan. */
  readonly outside: Uint8Array | null;
  /** All channels, with affines in millimeters. */
  readonly channels: readonly [Volume, ...Volume[]];
}

/**
 * Reads a case.
 *
 * @param inputs - a file with all channels, or a file for each
 * @param count - channels of the model
 * @param onSizes - as of `readChannels`
 * @throws InceptionError as `readChannels` and `checkScan`
 */
export async function readCase<F extends SourceOptions>(
  reader: VolumeReader<F>,
  inputs: readonly VolumeInput[],
  count: number,
  onSizes?: (file: string, grid: VolumeGrid) => void,
): Promise<ReadCase> {
  const { header, channels } = await readChannels(reader, inputs, count, onSizes);
  const outside = checkChannels(channels, inputs.map(volumeName));
  const [image, ...others] = channels;
  if (image === undefined) throw new RangeError("Cannot read a case without channels");
  const scaled = (channel: Volume): Volume => inMillimeters(channel, header);
  return { header, image, outside, channels: [scaled(image), ...others.map(scaled)] };
}

/** Where any channel has no value. One file may hold all channels. */
function checkChannels(channels: readonly Volume[], files: readonly string[]): Uint8Array | null {
  const found = channels.flatMap((channel, index) => checkScan(channel, files[index] ?? files[0] ?? "") ?? []);
  const [first, ...more] = found;
  for (const other of more) for (let voxel = 0; voxel < other.length; voxel++) if (other[voxel] === 1) first![voxel] = 1;
  return first ?? null;
}

/**
 * Prepare a case for a network that is given normalized values, or for a file that normalizes by itself.
 *
 * @throws InceptionError as `prepareVolume`
 */
export function prepareCase(channels: readonly Volume[], recipe: SegmentationConfig, raw: RawInput | undefined): PreparedCase {
  if (raw === undefined) return { ...prepareVolume(channels, recipe), padValue: 0, statistics: {} };
  const aligned = alignVolumes(channels, recipe);
  // NaN is what such a file takes for outside.
  if (raw === "volume") return { ...joinChannels(aligned), padValue: Number.NaN, statistics: {} };
  const measured = aligned.map((volume, index) => measure(volume, recipe.normalization[index]));
  const statistics = neededStatistics(recipe).map((name) => [name, Float32Array.from(measured, (each) => each[name])] as const);
  return { ...joinChannels(measured.map(({ volume }) => volume)), padValue: Number.NaN, statistics: Object.fromEntries(statistics) };
}

type Measured = Readonly<Record<Statistic, number>> & { readonly volume: Volume };

const NO_STATISTICS = { mean: 0, standard_deviation: 0, lower: 0, upper: 0 };

/** The statistics that normalization takes from the whole volume; 0 where there is no voxel to take them from. */
function measure(volume: Volume, normalization: Normalization | undefined): Measured {
  if (normalization === undefined || normalization.name === "ct_window") return { ...NO_STATISTICS, volume };
  const { name, region } = normalization;
  const limited = name === "percentiles" ? clipPercentiles(volume, normalization.lower, normalization.upper, region) : volume;
  const { count, mean, standardDeviation } = voxelStatistics(limited, region);
  // Limited values reach their limits, and NaN has become the lower one.
  const { min, max } = voxelStatistics(limited);
  if (count === 0) return { ...NO_STATISTICS, volume: limited };
  return { mean, standard_deviation: standardDeviation, lower: min, upper: max, volume: limited };
}
