/**
 * From two sets of images to the distances between them.
 *
 *   folder ──images──► network ──features──► moments by group ──► statistics ─┐
 *   .npz ───────────────────────────────────────────────────────► statistics ─┴─► distance, and those without each group
 */
import { InceptionError, messageOf } from "../../errors.js";
import {
  FEATURE_SIZES,
  type FrechetMode,
  groupCount,
  type InceptionScore,
  jackknifeInterval,
  type KernelDistance,
  mergeMoments,
  type SavedStatistics,
  statisticsOf,
} from "../../frechet/index.js";
import { callOf, throwIfAborted } from "../../runtime/abort.js";
import type { FileInput, ImageInput, Platform, SourceOptions } from "../../runtime/platform.js";
import type { FrechetThread } from "./frechet-task.js";
import { collectImages, type ImageSet } from "./image-set.js";
import { type FeatureNetwork, type FeatureNetworkOptions, FRECHET_WEIGHTS, openFeatureNetwork } from "./network.js";

/** What happens while a distance is measured. */
export type FrechetEvent =
  /** Images of a set are done, so many of so many. */
  | { readonly kind: "images"; readonly place: string; readonly done: number; readonly total: number }
  /** An image cannot be used and is left out. */
  | { readonly kind: "skipped"; readonly file: string; readonly error: string }
  /** Something about the sets that makes numbers misleading. */
  | { readonly kind: "warning"; readonly message: string }
  /** Distances are computed: the one itself, and those without a group. */
  | { readonly kind: "distances"; readonly done: number; readonly total: number }
  | { readonly kind: "subsets"; readonly done: number; readonly total: number };

/** How two sets of images are compared. */
export interface FrechetSettings extends Omit<FeatureNetworkOptions, "logits"> {
  /** pytorch-fid's weight file, as a source of weights; needed where a set is images and no `network` is given. */
  readonly weights?: FileInput;
  /** Another network, or one that is open already. It is not closed, and `mode`, `features` and `weights` are its own. */
  readonly network?: FeatureNetwork;
  /** Images that run together. Default 16. */
  readonly batch?: number;
  /** Whether to compute the interval, for which the distance is computed ten times more. Default true. */
  readonly interval?: boolean;
  /** Compute the kernel distance too; both sets must be images. */
  readonly kernel?: { readonly subsets?: number; readonly subsetSize?: number };
  /** Compute the inception score of each set of images too. */
  readonly inceptionScore?: { readonly splits?: number };
  /** Of groups, subsets and splits: an integer of 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** See `frechetDistance`. Default 0. */
  readonly epsilon?: number;
  readonly onEvent?: (event: FrechetEvent) => void;
}

/** The distances of two sets of images. */
export interface FrechetResult {
  readonly fid: number;
  /** Feature size. */
  readonly features: number;
  readonly mode: FrechetMode | null;
  /** Images of each set that were used; null for a file that does not say. */
  readonly images: readonly [number | null, number | null];
  /** 95 % interval of the distance of sets of this size; null where it was not asked for, or no set is images. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly kernel: KernelDistance | null;
  /** Of each set; null where it was not asked for, or the set is a file. */
  readonly inceptionScore: readonly [InceptionScore | null, InceptionScore | null];
}

/** A side of the comparison: statistics, or images of which a network makes some. */
export type Side =
  | { readonly kind: "file"; readonly place: string; readonly saved: SavedStatistics }
  | { readonly kind: "images"; readonly place: string; readonly images: readonly ImageInput[] };

type MeasuredSide =
  | { readonly kind: "file"; readonly place: string; readonly saved: SavedStatistics }
  | { readonly kind: "images"; readonly place: string; readonly set: ImageSet };

/** Where sets are compared. */
interface FrechetSite<F extends SourceOptions> {
  readonly platform: Pick<Platform<F>, "createSession" | "openWeights" | "prepareImage">;
  /** How weights and images that have to be fetched are found. */
  readonly sources: F;
  readonly inThread: FrechetThread;
  /** Threads that compute distances at once. */
  readonly parallel: number;
}

/**
 * The Fréchet inception distance of two sets, with an interval; on demand their kernel distance and inception scores.
 * Conventions are in docs/frechet.md.
 *
 * @throws InceptionError OPTION_INVALID (statistics of another mode, size or network; fewer than 2 images); those of weights and sessions
 */
export async function compareSets<F extends SourceOptions>(
  site: FrechetSite<F>,
  sides: readonly [Side, Side],
  options: FrechetSettings,
): Promise<FrechetResult> {
  checkFlags(sides, options);
  const features = options.network?.features ?? options.features ?? fileFeatures(sides) ?? 2048;
  const mode = options.network === undefined ? (options.mode ?? modeOf(sides)) : options.network.mode;
  for (const side of sides) checkAlike(side, features, mode);
  return withNetwork(site, sides, options, async (network) => {
    for (const side of sides) checkWeights(side, network);
    const groups =
      options.interval === false ? 1 : groupCount(sides.flatMap((side) => (side.kind === "images" ? [side.images.length] : [])));
    const measured = [
      await measureSide(site, sides[0], "a", network, groups, options),
      await measureSide(site, sides[1], "b", network, groups, options),
    ] as const;
    warnOfRank(measured, features, options);
    const { fid, without } = await distances(site, measured, options);
    return {
      fid,
      features,
      mode: network === null ? mode : network.mode,
      images: [countOf(measured[0]), countOf(measured[1])],
      interval: jackknifeInterval(fid, without),
      kernel: await kernelOf(site, measured, options),
      inceptionScore: [scoreOf(measured[0]), scoreOf(measured[1])],
    };
  });
}

/** Statistics of a set of images, to be compared later. @throws InceptionError as `compareSets` */
export async function imageStatistics<F extends SourceOptions>(
  site: FrechetSite<F>,
  side: Side,
  options: FrechetSettings,
): Promise<SavedStatistics> {
  return withNetwork(site, [side], options, async (network) => {
    if (side.kind === "file" || network === null) {
      throw new InceptionError(
        "OPTION_INVALID",
        `Cannot compute statistics of "${messageOf(side.place)}": it is already a statistics file, expected images`,
        {},
      );
    }
    const measured = await measureSide(site, side, "a", network, 1, options);
    if (measured.kind !== "images") return measured.saved;
    const statistics = statisticsOf(mergeMoments(measured.set.groups));
    return { statistics, origin: { mode: network.mode, weightsSha256: network.weightsSha256 } };
  });
}

/** A set of images. @throws InceptionError OPTION_INVALID for fewer than 2 */
export function imageSide(place: string, images: readonly ImageInput[]): Side {
  if (images.length >= 2) return { kind: "images", place, images };
  const fact = `it has ${images.length === 1 ? "1 image" : "no images"}`;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot evaluate "${messageOf(place)}": ${fact}, expected at least 2 images or a .npz statistics file`,
    {
      place,
    },
  );
}

function checkFlags(sides: readonly Side[], { kernel, batch = 16 }: FrechetSettings): void {
  if (!(Number.isSafeInteger(batch) && batch >= 1 && batch <= 1024)) {
    throw new InceptionError("OPTION_INVALID", `Cannot evaluate with a batch size of ${batch}: expected an integer from 1 to 1,024`, {
      batch,
    });
  }
  const file = sides.find((side) => side.kind === "file");
  if (kernel === undefined || file === undefined) return;
  const fact = "a file of statistics has no features of single images";
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot compute the kernel distance of "${messageOf(file.place)}": ${fact}, expected images`,
    {},
  );
}

/** Open the network where it is needed, and close it behind the work. Null where both sides are files. */
async function withNetwork<T, F extends SourceOptions>(
  { platform, sources }: FrechetSite<F>,
  sides: readonly Side[],
  options: FrechetSettings,
  work: (network: FeatureNetwork | null) => Promise<T>,
): Promise<T> {
  const images = sides.find((side) => side.kind === "images");
  if (images === undefined) return work(null);
  if (options.network !== undefined) return work(options.network);
  if (options.weights === undefined) {
    const message = `Cannot compute features of "${messageOf(images.place)}": no weights given; pass \`weights\`: ${FRECHET_WEIGHTS}`;
    throw new InceptionError("OPTION_INVALID", message, { place: images.place });
  }
  const given = options.features ?? FEATURE_SIZES.find((size) => size === fileFeatures(sides)) ?? 2048;
  const { device, threads } = options;
  const network = await openFeatureNetwork(platform, options.weights, sources, {
    features: given,
    mode: options.mode ?? modeOf(sides) ?? "pytorch-fid",
    logits: options.inceptionScore !== undefined,
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...callOf(options),
  });
  try {
    return await work(network);
  } finally {
    await network.close();
  }
}

function fileFeatures(sides: readonly Side[]): number | null {
  for (const side of sides) if (side.kind === "file") return side.saved.statistics.mean.length;
  return null;
}

/** The mode that a file says. */
function modeOf(sides: readonly Side[]): FrechetMode | null {
  for (const side of sides) if (side.kind === "file" && side.saved.origin.mode !== null) return side.saved.origin.mode;
  return null;
}

/** A file must be of the same features as what it is compared with. */
function checkAlike(side: Side, features: number, mode: FrechetMode | null): void {
  if (side.kind === "images") return;
  const { statistics, origin } = side.saved;
  const size = statistics.mean.length;
  if (size !== features) throw unlike(side, `it has ${size} features`, String(features));
  if (origin.mode !== null && mode !== null && origin.mode !== mode) throw unlike(side, `it was computed in mode ${origin.mode}`, mode);
}

function checkWeights(side: Side, network: FeatureNetwork | null): void {
  const [made, used] = [side.kind === "file" ? side.saved.origin.weightsSha256 : null, network?.weightsSha256 ?? null];
  if (made === null || used === null || made === used) return;
  throw unlike(side, `it was computed with weights of SHA-256 ${made.slice(0, 16)}…`, `${used.slice(0, 16)}…`);
}

function unlike({ place }: Side, fact: string, law: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot compare "${messageOf(place)}": ${fact}, expected ${law}`, { place });
}

async function measureSide<F extends SourceOptions>(
  { platform, sources }: FrechetSite<F>,
  side: Side,
  name: string,
  network: FeatureNetwork | null,
  groups: number,
  options: FrechetSettings,
): Promise<MeasuredSide> {
  if (side.kind === "file" || network === null) return side.kind === "file" ? side : unreachable(side.place);
  const { place, images } = side;
  const { batch = 16, seed = 0, onEvent, kernel, inceptionScore } = options;
  let done = 0;
  const set = await collectImages({ platform, sources }, images, network, {
    ...callOf(options),
    place,
    name,
    groups,
    seed,
    batch,
    keepRows: kernel !== undefined,
    splits: inceptionScore === undefined ? null : (inceptionScore.splits ?? 10),
    onImages: (more) => {
      done += more;
      onEvent?.({ kind: "images", place, done, total: images.length });
    },
    onSkipped: (file, error) => onEvent?.({ kind: "skipped", file, error }),
  });
  return { kind: "images", place, set };
}

function unreachable(place: string): never {
  throw new RangeError(`Cannot evaluate "${place}": no network is open`);
}

function countOf(side: MeasuredSide): number | null {
  return side.kind === "images" ? side.set.count : side.saved.statistics.count;
}

function scoreOf(side: MeasuredSide): InceptionScore | null {
  return side.kind === "images" ? side.set.score : null;
}

/** Fewer images than features: a number comes out, but it says more about how few they are than about how they look. */
function warnOfRank(sides: readonly MeasuredSide[], features: number, { onEvent }: FrechetSettings): void {
  for (const side of sides) {
    const count = countOf(side);
    if (count === null || count > features) continue;
    const fact = `${count} images span only ${count - 1} of ${features} feature dimensions, so FID is biased upward`;
    const message = `"${messageOf(side.place)}": ${fact} and comparable only between sets of equal size; use more than ${features} images, typically 10,000`;
    onEvent?.({ kind: "warning", message });
  }
}

/** The distance, and the distances without each group. */
async function distances(
  { inThread, parallel }: Pick<FrechetSite<SourceOptions>, "inThread" | "parallel">,
  sides: readonly [MeasuredSide, MeasuredSide],
  options: FrechetSettings,
) {
  const { epsilon = 0, onEvent, interval = true } = options;
  const groups = Math.min(...sides.map((side) => (side.kind === "images" ? side.set.groups.length : Number.POSITIVE_INFINITY)));
  const left = interval && Number.isFinite(groups) && groups >= 2 && canLeaveOut(sides) ? Array.from({ length: groups }, (_, k) => k) : [];
  const total = 1 + left.length;
  let done = 0;
  const most = Math.min(MAX_WORKERS, options.threads !== undefined && options.threads > 0 ? options.threads : parallel);
  const [fid = Number.NaN, ...without] = await inParallel([null, ...left], most, async (group) => {
    throwIfAborted(options.signal);
    const [a, b] = [statisticsAt(sides[0], group), statisticsAt(sides[1], group)];
    const value = await inThread.distance({ kind: "distance", a, b, epsilon }, callOf(options));
    onEvent?.({ kind: "distances", done: ++done, total });
    return value;
  });
  return { fid, without };
}

/** Two images must stay, whichever group is left out. */
function canLeaveOut(sides: readonly MeasuredSide[]): boolean {
  return sides.every((side) => side.kind === "file" || side.set.groups.every(({ count }) => side.set.count - count >= 2));
}

/** In memory of its own, which may be moved to a thread. */
function statisticsAt(side: MeasuredSide, without: number | null) {
  if (side.kind === "file") return { ...side.saved.statistics, covariance: side.saved.statistics.covariance.slice() };
  return statisticsOf(mergeMoments(side.set.groups.filter((_, index) => index !== without)));
}

/** A distance of 2048 features takes 300 MB, so that not every core is given one. */
const MAX_WORKERS = 4;

/** The results in order, with at most so many under way. */
async function inParallel<I, O>(items: readonly I[], most: number, work: (item: I) => Promise<O>): Promise<readonly O[]> {
  const results = new Map<number, O>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results.set(at, await work(items[at]!));
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return [...results].sort(([x], [y]) => x - y).map(([, value]) => value);
}

async function kernelOf(
  { inThread }: Pick<FrechetSite<SourceOptions>, "inThread">,
  [a, b]: readonly [MeasuredSide, MeasuredSide],
  options: FrechetSettings,
): Promise<KernelDistance | null> {
  const { kernel, seed = 0, onEvent } = options;
  if (kernel === undefined || a.kind === "file" || b.kind === "file" || a.set.rows === null || b.set.rows === null) return null;
  return inThread.kernel(
    { kind: "kernel", a: a.set.rows, b: b.set.rows, options: { ...kernel, seed } },
    {
      onProgress: (done, total) => onEvent?.({ kind: "subsets", done, total }),
      ...callOf(options),
    },
  );
}
