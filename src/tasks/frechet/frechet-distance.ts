import { InceptionError, messageOf } from "../../errors.js";
import { openNpz, readStatistics } from "../../frechet/index.js";
import type { FileInput, ImageInput, Platform, SourceOptions } from "../../runtime/platform.js";
import { fileName } from "../model-source.js";
import type { OpenOptions } from "../open-options.js";
import { downloadProgress, type OnProgress } from "../progress.js";
import type { FrechetThread } from "./frechet-task.js";
import { compareSets, type FrechetEvent, type FrechetResult, type FrechetSettings, imageSide, type Side } from "./measure.js";

/** A set of images: the images, a `.npz` file of statistics, or in Node a directory of images. */
export type ImageSetInput = readonly ImageInput[] | FileInput;

type FoundWith = Pick<OpenOptions, "allowHttps" | "offline" | "token" | "maxBytes" | "onWarning">;

/** How two sets of images are compared by `frechetDistance`. */
export interface FrechetDistanceOptions extends FoundWith, Omit<FrechetSettings, "onEvent"> {
  /** Called after each batch of images, each distance (of the interval, one without each group), and for the kernel distance. */
  readonly onProgress?: OnProgress<"images of a" | "images of b" | "distances" | "subsets">;
  /** Called for an image that cannot be used, which is skipped. */
  readonly onSkipped?: (name: string, reason: string) => void;
}

/** Distances of two sets of images, and what makes them misleading. */
export interface FrechetDistances extends FrechetResult {
  readonly warnings: readonly string[];
}

/** Where sets are found and compared. */
interface FrechetHost<F extends SourceOptions> {
  readonly platform: Platform<F>;
  readonly inThread: FrechetThread;
  /** Threads that compute distances at once. */
  readonly parallel: number;
  /** The images of a directory, where the platform has directories; null for what is none. */
  readonly listDirectory: (place: string) => Promise<readonly string[] | null>;
}

/**
 * Distances of two sets of images; see `compareSets`.
 */
export async function frechetDistances<F extends SourceOptions>(
  host: FrechetHost<F>,
  a: ImageSetInput,
  b: ImageSetInput,
  sources: F,
  options: FrechetDistanceOptions,
): Promise<FrechetDistances> {
  const { onProgress, onSkipped, ...settings } = options;
  const { platform, inThread, parallel } = host;
  const sides = [await openSide(host, a, "a", sources), await openSide(host, b, "b", sources)] as const;
  const warnings: string[] = [];
  const onEvent = (event: FrechetEvent): void => {
    if (event.kind === "warning") warnings.push(event.message);
    else if (event.kind === "skipped") onSkipped?.(event.file, event.error);
    else onProgress?.({ phase: event.kind === "images" ? phaseOf(event.place, sides) : event.kind, done: event.done, total: event.total });
  };
  const site = { platform, sources, inThread, parallel };
  return { ...(await compareSets(site, sides, { ...settings, onEvent })), warnings };
}

/** How files are found: the options that are not of the comparison. */
export function sourcesOf(options: FrechetDistanceOptions): FoundWith & Pick<SourceOptions, "onProgress" | "signal"> {
  const { mode, features, weights, network, batch, interval, kernel, inceptionScore, seed, epsilon, device, threads, onSkipped, ...rest } =
    options;
  const { onProgress, ...sources } = rest;
  return { ...sources, ...downloadProgress(onProgress) };
}

function phaseOf(place: string, [a]: readonly [Side, Side]): "images of a" | "images of b" {
  return place === a.place ? "images of a" : "images of b";
}

async function openSide<F extends SourceOptions>(
  { platform, listDirectory }: FrechetHost<F>,
  set: ImageSetInput,
  name: string,
  sources: F,
): Promise<Side> {
  if (isList(set)) return imageSide(name, set);
  const place = fileName(set) === "model" ? name : fileName(set);
  const images = typeof set === "string" && !/\.npz$/i.test(place) ? await listDirectory(set) : null;
  if (images !== null) return imageSide(place, images);
  if (typeof set === "string" && !/\.npz$/i.test(place)) {
    const message = `Cannot read a set of images from "${messageOf(place)}": expected images in a list, or a .npz file of statistics`;
    throw new InceptionError("SOURCE_INVALID", message, { place });
  }
  const opened = await platform.openSource(set, sources);
  const statistics = await openNpz({ ...opened, name: place })
    .then(readStatistics)
    .finally(() => opened.close());
  return { kind: "file", place, saved: statistics };
}

function isList(set: ImageSetInput): set is readonly ImageInput[] {
  return Array.isArray(set);
}
