import { encodeStatistics, openNpz, readStatistics, type SavedStatistics } from "../../frechet/index.js";
import { openFileSource } from "../file-source.js";
import { writeFileAtomic } from "../write-file.js";

/** Whether a path names a file of statistics, and not images. */
export function isStatisticsFile(path: string): boolean {
  return path.toLowerCase().endsWith(".npz");
}

/**
 * Statistics from a `.npz` file of pytorch-fid, TTUR, clean-fid or `saveStatisticsFile`.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED, OPTION_INVALID (no covariance)
 */
export async function readStatisticsFile(path: string): Promise<SavedStatistics> {
  const source = await openFileSource(path);
  try {
    return await readStatistics(await openNpz(source));
  } finally {
    await source.close();
  }
}

/**
 * Writes statistics so that all of these tools read them.
 *
 * @throws InceptionError WRITE_FAILED
 */
export async function saveStatisticsFile(path: string, saved: SavedStatistics): Promise<void> {
  await writeFileAtomic(path, encodeStatistics(saved));
}
