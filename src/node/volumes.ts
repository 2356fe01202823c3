import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type ByteFeed, gzipFeed, looksLikeGzip, plainFeed } from "../data/volumes/byte-feed.js";
import type { LoadedVolumes, VolumeSizes } from "../data/volumes/loaded-volume.js";
import { axisCodes } from "../data/volumes/orientation.js";
import { skipToVoxels, takeVolumes } from "../data/volumes/read-volumes.js";
import { chosenVolume, niftiGrid, type Volume, volumeFromNifti } from "../data/volumes/volume.js";
import { InceptionError, messageOf } from "../errors.js";
import { MAX_HEADER_BYTES, type NiftiHeader, niftiError, parseNiftiHeader, volumeBytes, volumeCount } from "../formats/nifti.js";
import { encodeNifti } from "../formats/nifti-encode.js";
import { storedVoxels } from "../formats/nifti-voxels.js";
import { type DicomSummary, readDicomVolume, summarizeDicom } from "./dicom/read.js";
import { isFolder, openFileSource } from "./file-source.js";
import { gunzip } from "./gunzip.js";
import { writeFileAtomic } from "./write-file.js";

/** Which DICOM series of a directory is read. */
export interface SeriesOption {
  /** SeriesInstanceUID of the series to read from a directory with several, as {@link listDicomSeries} returns it. */
  readonly series?: string;
}

interface SizesOption {
  /** Called before voxels are unpacked or decoded; what it throws ends the reading. */
  readonly onSizes?: (sizes: VolumeSizes) => void;
}

/** Which volume of a file or directory is read. */
export interface ReadVolumeOptions extends SeriesOption, SizesOption {
  /** Which of several volumes, time points or channels, counted from 0 with the fourth axis fastest. Needed only where a file has several. */
  readonly index?: number;
}

/** A volume, and what its file says about it. */
export interface LoadedVolume {
  readonly volume: Volume;
  /** Give it to {@link writeVolume}, so that a result lies where the original lies. Null for a DICOM series: the affine alone says so then. */
  readonly header: NiftiHeader | null;
}

/**
 * Reads one volume of a NIfTI file: `.nii`, `.nii.gz`, or a pair of `.hdr` and `.img`, both packed (`.gz`) or both not, by either's name.
 * Values are scaled by slope and intercept of the header; orientation and size stay as stored.
 *
 * A directory with a DICOM series has one file per slice: files are recognized by content, slices sorted by position, values rescaled,
 * and the affine is converted to RAS. Compressed slices need the package `@itk-wasm/dicom`. docs/decisions/0005-dicom.md lists what
 * is supported.
 *
 * Memory is that of this one volume; a header that declares more than the file can contain is rejected before allocation.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID; OPTION_INVALID (no such index or series, or none given for several);
 * FILE_UNRECOGNIZED, FILE_TRUNCATED, FILE_CORRUPT, FILE_UNSUPPORTED, FILE_LIMIT; for a series also VOLUME_INVALID (slices that are missing,
 * uneven, or not alike) and WRITE_FAILED (compressed slices pass through temporary files)
 *
 * @example
 * ```ts
 * import { tmpdir } from "node:os";
 * import { createVolume } from "inceptionkit/data";
 * import { readVolume, writeVolume } from "inceptionkit/node";
 * const file = `${tmpdir()}/inceptionkit-read.nii.gz`;
 * await writeVolume(file, createVolume([2, 1, 1], Int16Array.of(3, 5)));
 * const { volume } = await readVolume(file);
 * [...volume.data]; // [3, 5]
 * ```
 */
export async function readVolume(file: string, options: ReadVolumeOptions = {}): Promise<LoadedVolume> {
  const { index = null, series = null, onSizes } = options;
  if (await isFolder(file)) {
    if (index === null || index === 0) return { volume: await readSeries(file, series, onSizes), header: null };
    const message = `Cannot read volume ${index}: "${messageOf(file)}" is a directory, whose series is one volume; pass index 0 or none`;
    throw new InceptionError("OPTION_INVALID", message, { file, index });
  }
  refuseSeries(file, series);
  return withVoxels(file, async (header, voxels) => {
    onSizes?.({ ...niftiGrid(header, file), count: volumeCount(header), header });
    const chosen = chosenVolume(header, index, messageOf(file));
    const bytes = volumeBytes(header);
    await voxels.skip(chosen * bytes);
    const taken = await voxels.take(bytes);
    await voxels.skip((volumeCount(header) - 1 - chosen) * bytes);
    await voxels.finish();
    return { header, volume: volumeFromNifti(header, taken, file) };
  });
}

/**
 * Reads all volumes of a file, its time points or channels, in one pass: a packed file is unpacked once. A file or series of one volume
 * gives one.
 *
 * Memory is that of all of them, together at most 2^29 voxels.
 *
 * @throws InceptionError as {@link readVolume}; FILE_LIMIT for more voxels
 *
 * @example
 * ```ts
 * import { tmpdir } from "node:os";
 * import { createVolume } from "inceptionkit/data";
 * import { readVolumes, writeVolume } from "inceptionkit/node";
 * const file = `${tmpdir()}/inceptionkit-channels.nii.gz`;
 * await writeVolume(file, createVolume([2, 1, 1], Int16Array.of(3, 5)));
 * (await readVolumes(file)).volumes.length; // 1
 * ```
 */
export async function readVolumes(file: string, options: SeriesOption & SizesOption = {}): Promise<LoadedVolumes> {
  const { series = null, onSizes } = options;
  if (await isFolder(file)) return { volumes: [await readSeries(file, series, onSizes)], header: null };
  refuseSeries(file, series);
  return withVoxels(file, (header, voxels) => takeVolumes(header, voxels, file, onSizes));
}

function readSeries(folder: string, series: string | null, onSizes: SizesOption["onSizes"]): Promise<Volume> {
  return readDicomVolume(folder, series, ({ shape, affine }) => onSizes?.({ shape, affine, count: 1, header: null }));
}

/** Only a folder has series to choose from. */
export function refuseSeries(file: string, series: string | null): void {
  if (series === null) return;
  const message = `Cannot read series ${messageOf(series)} of "${messageOf(file)}": expected a directory with DICOM series`;
  throw new InceptionError("OPTION_INVALID", message, { file, series });
}

/** Summary of a volume file or a DICOM series. Statistics are of all volumes in it, after scaling, in double precision. */
export interface VolumeSummary {
  /** As stored: x, y, z, then time and channels. */
  readonly shape: readonly number[];
  /** The header's pixdim for each axis; of a series the millimeters between neighbors. */
  readonly spacing: readonly number[];
  /** Where the three axes lead, such as "LAS"; null for an affine that flattens the volume. */
  readonly orientation: string | null;
  /** Four rows; voxel indices to the world. */
  readonly affine: readonly (readonly number[])[];
  /** "positions" for a series: those of its slices. */
  readonly affineFrom: NiftiHeader["affineFrom"] | "positions";
  readonly units: NiftiHeader["units"];
  readonly dtype: NiftiHeader["dtype"];
  /** "by slice" for a series whose slices have scalings of their own. */
  readonly scaling: NiftiHeader["scaling"] | "by slice";
  /** Of NIfTI; null for a series. */
  readonly version: NiftiHeader["version"] | null;
  readonly littleEndian: boolean;
  readonly description: string;
  /** Of the finite voxels; null where there are none. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** Voxels that are NaN or infinite. */
  readonly nonFinite: number;
}

/** Voxels' bytes that are summed up at once: whole elements of every size. */
const SUMMARY_BYTES = 2 ** 22;

/**
 * Summarizes a volume file or a directory with a DICOM series.
 *
 * @throws InceptionError as {@link readVolume}
 */
export async function summarizeVolume(file: string, options: SeriesOption = {}): Promise<VolumeSummary> {
  const { series = null } = options;
  if (await isFolder(file)) return seriesSummary(await summarizeDicom(file, series));
  refuseSeries(file, series);
  return withVoxels(file, async (header, voxels) => {
    const statistics = await sumUp(header, voxels);
    await voxels.finish();
    const { shape, spacing, affine, affineFrom, units, dtype, scaling, version, littleEndian, description } = header;
    const base = { shape, spacing, orientation: codesOrNull(header), affine: rowsOf(affine), affineFrom, units, dtype, scaling };
    return { ...base, version, littleEndian, description, ...statistics };
  });
}

/** The same of a DICOM series. */
export function seriesSummary({ affine, bytes, ...rest }: DicomSummary): VolumeSummary {
  const units = { space: "mm", time: "unknown" } as const;
  return { ...rest, affine: rowsOf(affine), affineFrom: "positions", units, version: null, littleEndian: true, nonFinite: 0 };
}

function rowsOf(affine: readonly number[]): readonly (readonly number[])[] {
  return [0, 4, 8, 12].map((row) => affine.slice(row, row + 4));
}

async function sumUp(header: NiftiHeader, voxels: ByteFeed): Promise<Pick<VolumeSummary, "min" | "max" | "mean" | "nonFinite">> {
  const { slope, intercept } = header.scaling ?? { slope: 1, intercept: 0 };
  let [min, max, sum, count, nonFinite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let left = volumeCount(header) * volumeBytes(header); left > 0; ) {
    const bytes = await voxels.take(Math.min(left, SUMMARY_BYTES));
    left -= bytes.length;
    for (const stored of storedVoxels(header, bytes)) {
      const value = Number(stored) * slope + intercept;
      if (!Number.isFinite(value)) {
        nonFinite++;
        continue;
      }
      count++;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return count === 0 ? { min: null, max: null, mean: null, nonFinite } : { min, max, mean: sum / count, nonFinite };
}

function codesOrNull({ affine }: NiftiHeader): string | null {
  try {
    return axisCodes(affine);
  } catch (thrown) {
    if (thrown instanceof InceptionError) return null;
    throw thrown;
  }
}

/**
 * Writes a volume as a NIfTI single file, packed if the name ends in `.gz`; it is written completely or not at all. Element type is that of
 * `volume.data`, without scaling.
 *
 * @param file - ends in `.nii` or `.nii.gz`; a file of that name is replaced
 * @param like - header of the file that the volume was made from: version, units and description follow it and, where the grid is the same,
 * both of its transforms unchanged, so that viewers overlay the two. Extensions are not carried over. Null, as for a DICOM
 * series: the affine gives the position of the volume.
 * @throws InceptionError OPTION_INVALID (another ending), VOLUME_INVALID (shape and data disagree, affine not finite), WRITE_FAILED
 *
 * @example
 * ```ts
 * import { tmpdir } from "node:os";
 * import { createVolume, toRas } from "inceptionkit/data";
 * import { readVolume, writeVolume } from "inceptionkit/node";
 * const file = `${tmpdir()}/inceptionkit-example.nii.gz`;
 * await writeVolume(file, createVolume([2, 1, 1], Int16Array.of(3, 5)));
 * const { volume, header } = await readVolume(file);
 * toRas(volume).shape; // [2, 1, 1]
 * const mask = Uint8Array.from(volume.data, (value) => (value > 4 ? 1 : 0));
 * await writeVolume(file, createVolume(volume.shape, mask, volume.affine), header);
 * ```
 */
export async function writeVolume(file: string, volume: Volume, like: NiftiHeader | null = null): Promise<void> {
  const ending = /\.nii(\.gz)?$/i.exec(file);
  if (ending === null) {
    throw new InceptionError("OPTION_INVALID", `Cannot write "${messageOf(file)}": the name of a volume ends in .nii or .nii.gz`, { file });
  }
  const parts = encodeNifti(volume, like);
  await writeFileAtomic(file, ending[1] === undefined ? parts : packed(parts));
}

/** Bytes that go to the packer at once. */
const WRITE_BYTES = 2 ** 20;
/** As nibabel writes: level 6 takes three times as long and saves a tenth. */
const GZIP_LEVEL = 1;

async function* packed(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  const gzip = createGzip({ level: GZIP_LEVEL });
  pipeline(Readable.from(pieces(parts)), gzip).catch(() => undefined);
  yield* gzip as AsyncIterable<Uint8Array>;
}

function* pieces(parts: readonly Uint8Array[]): Generator<Uint8Array, void> {
  for (const part of parts) for (let at = 0; at < part.length; at += WRITE_BYTES) yield part.subarray(at, at + WRITE_BYTES);
}

const VOLUME_NAME = /\.(nii|hdr|img)(\.gz)?$/i;

/** Whether a file is a volume by its name: .nii, .hdr or .img, packed or not. */
export function isVolumeName(file: string): boolean {
  return VOLUME_NAME.test(file);
}

/** Header and voxels of a file or a pair; the feed is at the first voxel, and the file can hold all of them. */
async function withVoxels<T>(file: string, use: (header: NiftiHeader, voxels: ByteFeed) => Promise<T>): Promise<T> {
  const [, kind, gz = ""] = VOLUME_NAME.exec(file) ?? [];
  if (kind === undefined) {
    const message = `Cannot read "${messageOf(file)}" as a volume: its name does not end in .nii, .hdr or .img, with or without .gz, and it is not a directory of DICOM slices`;
    throw new InceptionError("FILE_UNRECOGNIZED", message, { file });
  }
  const pair = kind.toLowerCase() !== "nii";
  const named = (ending: string): string => file.slice(0, -`${kind}${gz}`.length) + inCaseOf(kind, ending) + gz;
  const headerFile = pair ? named("hdr") : file;
  const read = async (feed: ByteFeed): Promise<NiftiHeader> =>
    checkKind(parseNiftiHeader(await feed.peek(MAX_HEADER_BYTES), headerFile), pair, headerFile);
  const begin = async (header: NiftiHeader, feed: ByteFeed): Promise<T> => {
    await skipToVoxels(header, feed);
    return use(header, feed);
  };
  if (!pair) return withFeed(file, async (feed) => begin(await read(feed), feed));
  const header = await withFeed(headerFile, read);
  return withFeed(named("img"), (feed) => begin(header, feed));
}

function inCaseOf(example: string, ending: string): string {
  return example === example.toUpperCase() ? ending.toUpperCase() : ending;
}

function checkKind(header: NiftiHeader, pair: boolean, name: string): NiftiHeader {
  if (header.pair === pair) return header;
  const [says, is] = pair ? ["one file with its voxels", "the header of a pair"] : ["the header of a pair", "one file with its voxels"];
  throw niftiError("FILE_CORRUPT", name, `its magic bytes are those of ${says}, its name is that of ${is}`);
}

async function withFeed<T>(file: string, use: (feed: ByteFeed) => Promise<T>): Promise<T> {
  const source = await openFileSource(file);
  try {
    const gzip = await looksLikeGzip(source);
    if (gzip !== /\.gz$/i.test(file)) {
      const fact = gzip
        ? "it is compressed with gzip, but its name does not end in .gz; rename it"
        : "its name ends in .gz, but it is not compressed with gzip";
      throw niftiError("FILE_CORRUPT", file, fact);
    }
    const feed = gzip ? gzipFeed(source, gunzip) : plainFeed(source);
    try {
      return await use(feed);
    } finally {
      await feed.close();
    }
  } finally {
    await source.close();
  }
}
