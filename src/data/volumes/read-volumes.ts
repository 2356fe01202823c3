import type { ByteSource } from "../../formats/byte-source.js";
import {
  MAX_HEADER_BYTES,
  MAX_VOXELS,
  type NiftiHeader,
  niftiError,
  parseNiftiHeader,
  volumeBytes,
  volumeCount,
} from "../../formats/nifti.js";
import { elementCount } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import { type ByteFeed, gzipFeed, looksLikeGzip, plainFeed, type Unpack } from "./byte-feed.js";
import type { LoadedVolumes, VolumeSizes } from "./loaded-volume.js";
import { niftiGrid, type Volume, volumeFromNifti } from "./volume.js";

type OnSizes = (sizes: VolumeSizes) => void;

/**
 * All volumes of a NIfTI single file that has no name, packed with gzip or not, as its content says.
 *
 * @param onSizes - called before voxels are unpacked; what it throws ends the reading
 * @throws InceptionError FILE_CORRUPT, FILE_TRUNCATED, FILE_UNSUPPORTED, FILE_LIMIT, VOLUME_INVALID
 */
export async function readVolumesOf(source: ByteSource, unpack: Unpack, onSizes?: OnSizes): Promise<LoadedVolumes> {
  const feed = (await looksLikeGzip(source)) ? gzipFeed(source, unpack) : plainFeed(source);
  try {
    const header = parseNiftiHeader(await feed.peek(MAX_HEADER_BYTES), source.name);
    if (header.pair) throw niftiError("FILE_UNSUPPORTED", source.name, "it is the header of a pair, expected one file with its voxels");
    await skipToVoxels(header, feed);
    return await takeVolumes(header, feed, source.name, onSizes);
  } finally {
    await feed.close();
  }
}

/** Moves a feed behind the header. @throws InceptionError FILE_TRUNCATED where the file cannot hold its voxels */
export async function skipToVoxels(header: NiftiHeader, feed: ByteFeed): Promise<void> {
  feed.checkHolds(header.voxelOffset + volumeCount(header) * volumeBytes(header));
  await feed.skip(header.voxelOffset);
}

/** The volumes of a feed that is at the first voxel. */
export async function takeVolumes(header: NiftiHeader, voxels: ByteFeed, name: string, onSizes?: OnSizes): Promise<LoadedVolumes> {
  onSizes?.({ ...niftiGrid(header, name), count: volumeCount(header), header });
  const voxelCount = elementCount(header.shape);
  if (voxelCount > MAX_VOXELS) {
    const fact = `its ${volumeCount(header)} volumes have ${formatCount(voxelCount)} voxels`;
    throw niftiError(
      "FILE_LIMIT",
      name,
      `${fact}, the limit for reading them at once is ${formatCount(MAX_VOXELS)}; read one by its index`,
    );
  }
  const volumes: Volume[] = [];
  for (let index = 0; index < volumeCount(header); index++) {
    volumes.push(volumeFromNifti(header, await voxels.take(volumeBytes(header)), name));
  }
  await voxels.finish();
  return { header, volumes };
}
