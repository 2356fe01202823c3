import type { FrechetMode } from "../../frechet/index.js";
import {
  compareSets,
  type FrechetResult,
  type FrechetSettings,
  imageSide,
  imageStatistics,
  type Side,
} from "../../tasks/frechet/measure.js";
import { imagesInPlace } from "../image-threads.js";
import { listImages } from "../list-images.js";
import { nodePlatform } from "../platform.js";
import type { OpenFrechetNetworkOptions } from "./feature-network.js";
import { distanceThreads, FRECHET_THREAD } from "./frechet-thread.js";
import { isStatisticsFile, readStatisticsFile, saveStatisticsFile } from "./statistics-file.js";

/** How sets of image files are compared. */
export interface MeasureFrechetOptions
  extends FrechetSettings,
    Pick<OpenFrechetNetworkOptions, "allowHttps" | "onProgress" | "onWarning"> {}

/**
 * The Fréchet inception distance of two sets, with an interval; on demand their kernel distance and inception scores.
 * Conventions are in docs/frechet.md.
 *
 * @param a - a directory of images (those in its subdirectories too), or a `.npz` file of statistics
 * @param b - the same
 * @throws InceptionError FILE_…, SOURCE_INVALID, OPTION_INVALID (files of another mode, size or network; fewer than 2 images), as `loadModel`
 */
export async function measureFrechet(a: string, b: string, options: MeasureFrechetOptions = {}): Promise<FrechetResult> {
  return compareSets(siteOf(options), [await openSide(a), await openSide(b)], options);
}

/**
 * Writes the statistics of a set of images as `.npz`, which pytorch-fid, TTUR, clean-fid and `measureFrechet` read.
 *
 * @throws InceptionError as `measureFrechet`; WRITE_FAILED
 */
export async function saveFrechetStatistics(
  images: string,
  file: string,
  options: Omit<MeasureFrechetOptions, "interval" | "kernel" | "inceptionScore" | "epsilon"> = {},
): Promise<{ readonly images: number; readonly features: number; readonly mode: FrechetMode | null }> {
  const saved = await imageStatistics(siteOf(options), await openSide(images), options);
  await saveStatisticsFile(file, saved);
  return { images: saved.statistics.count ?? 0, features: saved.statistics.mean.length, mode: saved.origin.mode };
}

/** A set of a path. @throws InceptionError FILE_…, OPTION_INVALID for fewer than 2 images */
async function openSide(place: string): Promise<Side> {
  if (isStatisticsFile(place)) return { kind: "file", place, saved: await readStatisticsFile(place) };
  return imageSide(place, await listImages([place]));
}

function siteOf({ allowHttps, onProgress, onWarning, signal }: MeasureFrechetOptions) {
  const sources = {
    ...(allowHttps === undefined ? {} : { allowHttps }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(onWarning === undefined ? {} : { onWarning }),
    ...(signal === undefined ? {} : { signal }),
  };
  return { platform: nodePlatform(imagesInPlace()), sources, inThread: FRECHET_THREAD, parallel: distanceThreads() };
}
