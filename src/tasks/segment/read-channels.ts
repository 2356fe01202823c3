import type { Volume, VolumeGrid } from "../../data/index.js";
import type { VolumeSizes } from "../../data/volumes/loaded-volume.js";
import { InceptionError, messageOf } from "../../errors.js";
import type { NiftiHeader } from "../../formats/nifti.js";
import type { Platform, SourceOptions, VolumeInput } from "../../runtime/platform.js";
import { volumeName } from "../volume-input.js";

/** What reads volumes, and the options of how files are found. */
export interface VolumeReader<F extends SourceOptions> {
  readonly platform: Pick<Platform<F>, "readVolumes">;
  readonly sources: F;
}

/** The volumes of one case. */
interface ChannelVolumes {
  /** Of the first file; null for a series of DICOM slices. */
  readonly header: NiftiHeader | null;
  readonly channels: readonly Volume[];
}

/** As far as grids of one shape may lie apart, in millimeters: files hold affines as 32-bit numbers. */
const AFFINE_TOLERANCE = 1e-3;

/**
 * Read the channels of one case: one file with all of them, or a file for each; a folder of DICOM slices counts as a file.
 *
 * @param onSizes - called for each file before its voxels are read, with its grid in millimeters; what it throws ends the reading
 * @throws InceptionError FILE_UNSUPPORTED for another number of volumes, VOLUME_INVALID for files on different grids; as `readVolume`
 */
export async function readChannels<F extends SourceOptions>(
  reader: VolumeReader<F>,
  inputs: readonly VolumeInput[],
  count: number,
  onSizes?: (file: string, grid: VolumeGrid) => void,
): Promise<ChannelVolumes> {
  const [only] = inputs;
  if (only !== undefined && inputs.length === 1) return readFromOne(reader, only, count, onSizes);
  const files = inputs.map(volumeName);
  const [file = ""] = files;
  if (files.length !== count) {
    const message = `Cannot segment "${messageOf(file)}": ${files.length} files were given, expected 1 or ${count}, one for each channel of the model`;
    throw new InceptionError("FILE_UNSUPPORTED", message, { files, channels: count });
  }
  const loaded = [];
  for (const input of inputs) {
    const each = volumeName(input);
    const { header, volumes } = await reader.platform.readVolumes(input, {
      ...reader.sources,
      onSizes: (sizes) => {
        checkCount(each, sizes.count, 1);
        onSizes?.(each, gridInMillimeters(sizes, sizes.header));
      },
    });
    for (const volume of volumes) loaded.push({ each, header, volume });
  }
  const [first] = loaded;
  if (first === undefined) throw new RangeError("Cannot read 0 channels");
  const apart = loaded.find(({ volume }) => !samePlace(volume, first.volume));
  if (apart !== undefined) {
    const message = `Cannot segment "${messageOf(file)}": "${messageOf(apart.each)}" is on another grid, expected the same sizes and affine`;
    throw new InceptionError("VOLUME_INVALID", message, { files });
  }
  return { header: first.header, channels: loaded.map(({ volume }) => volume) };
}

async function readFromOne<F extends SourceOptions>(
  { platform, sources }: VolumeReader<F>,
  input: VolumeInput,
  count: number,
  onSizes?: (file: string, grid: VolumeGrid) => void,
): Promise<ChannelVolumes> {
  const file = volumeName(input);
  const check = (sizes: VolumeSizes): void => {
    checkCount(file, sizes.count, count);
    onSizes?.(file, gridInMillimeters(sizes, sizes.header));
  };
  const { header, volumes } = await platform.readVolumes(input, { ...sources, onSizes: check });
  return { header, channels: volumes };
}

function checkCount(file: string, found: number, count: number): void {
  if (found === count) return;
  const wanted = `expected ${count}, ${count === 1 ? "the channel" : "one for each channel"} of the model`;
  const message = `Cannot segment "${messageOf(file)}": it contains ${found} ${found === 1 ? "volume" : "volumes"}, ${wanted}`;
  throw new InceptionError("FILE_UNSUPPORTED", message, { file, found, channels: count });
}

function samePlace(a: Volume, b: Volume): boolean {
  const sizes = a.shape.every((size, axis) => size === b.shape[axis]);
  return sizes && a.affine.every((value, index) => Math.abs(value - (b.affine[index] ?? Number.NaN)) <= AFFINE_TOLERANCE);
}

/** Millimeters of each unit of a header; without a unit they are taken for millimeters, as everywhere. */
const MILLIMETERS: Readonly<Record<NiftiHeader["units"]["space"], number>> = { unknown: 1, m: 1000, mm: 1, um: 1e-3 };

/** The volume with an affine in millimeters, as models and volumes in mm³ have it. Files keep their unit. */
export function inMillimeters(volume: Volume, header: NiftiHeader | null): Volume {
  const factor = MILLIMETERS[header?.units.space ?? "mm"];
  const [x, y, z] = volume.spacing;
  return { ...volume, ...gridInMillimeters(volume, header), spacing: [x * factor, y * factor, z * factor] };
}

function gridInMillimeters({ shape, affine }: VolumeGrid, header: NiftiHeader | null): VolumeGrid {
  const factor = MILLIMETERS[header?.units.space ?? "mm"];
  return { shape, affine: factor === 1 ? affine : affine.map((value, index) => (index < 12 ? value * factor : value)) };
}
