/**
 * Images that show the same: candidates by hash, confirmed by the correlation of thumbnails.
 *
 * Candidates come from multi-index hashing (Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR
 * 2012): of hashes that differ in at most 11 of 64 bits, one of the four words of 16 bits differs in at most 2. A table for each
 * word lists the images by its value, so that a search looks at 4 · 137 entries instead of all images.
 */
import type { Fingerprint } from "./fingerprint.js";
import { THUMBNAIL_SIDE, viewOf } from "./fingerprint.js";
import { areaAverages, type LumaSums, lumaSums, type Part, WHOLE } from "./luma-grid.js";
import { type HashWords, hammingDistance } from "./perceptual-hash.js";

/** Two images that show the same. */
interface NearPair {
  readonly a: number;
  readonly b: number;
  /** `b` is `a`, or a part of it, mirrored. */
  readonly mirrored: boolean;
  /** The part of `a` that `b` shows. */
  readonly part: Part;
  /** Correlation of the luma of both after alignment, at most 1. */
  readonly correlation: number;
}

const MAX_DISTANCE = 11;
const WORD_DISTANCE = 2;
/** Hashes that are compared for one image; more would make the search quadratic where most images are alike. */
const MAX_COMPARED = 200_000;
/** Candidates whose thumbnails are compared for one image, the nearest hashes first. */
const MAX_CONFIRMED = 200;
/** Below this contrast an image is one color, and its hash is noise. */
const MIN_CONTRAST = 0.01;
/** Images with a shorter side have too few pixels to tell a copy from another image of the same thing. */
const MIN_SIDE = 16;
/** Correlation before alignment below which no alignment was seen to help. */
const WORTH_ALIGNING = 0.75;
const SAME = 0.97;
/**
 * Largest difference of a channel's mean, of 1. Correlation is blind to color and to contrast; a crop or a copy that is a little
 * brighter differs by less.
 */
const MAX_COLOR_DIFFERENCE = 0.12;
/** Images between two calls of `onImage`: a quarter of a second in a set of 100,000. */
const PAUSE = 128;

/**
 * Pairs of images of which one shows the other, or a part of at least 90% of its sides, also mirrored, resized and recompressed.
 *
 * @param images - null: not compared
 * @param isKnown - pairs that need no comparison, such as those that were already found to belong together
 * @param onFound - called for each pair at once
 * @param onImage - called now and then and awaited, so that the caller can let other work go on
 * @returns the number of images for which not all candidates were looked at, since too many have nearly the same hash
 */
export async function findNearPairs(
  images: readonly (Fingerprint | null)[],
  isKnown: (a: number, b: number) => boolean,
  onFound: (pair: NearPair) => void,
  onImage?: (done: number) => Promise<void>,
): Promise<{ readonly incomplete: number }> {
  const usable = images.map((image) => (image !== null && hasDetail(image) ? image : null));
  const tables = hashTables(usable);
  const seen = new Int32Array(images.length).fill(-1);
  let incomplete = 0;
  for (const [a, image] of usable.entries()) {
    if ((a + 1) % PAUSE === 0) await onImage?.(a + 1);
    if (image === null) continue;
    const { candidates, complete } = candidatesOf(a, image, usable, tables, seen);
    const nearest = candidates.sort((x, y) => x.distance - y.distance || x.b - y.b);
    if (!complete || nearest.length > MAX_CONFIRMED) incomplete++;
    const sums = nearest.length === 0 ? null : thumbnailSums(image);
    for (const { b, view } of nearest.slice(0, MAX_CONFIRMED)) {
      const other = usable[b];
      if (sums === null || other === null || other === undefined || isKnown(a, b) || differInColor(image, other)) continue;
      const pair = confirm(sums, other, view);
      if (pair !== null) onFound({ a, b, ...pair });
    }
  }
  return { incomplete };
}

function hasDetail({ width, height, contrast }: Fingerprint): boolean {
  return contrast >= MIN_CONTRAST && Math.min(width, height) >= MIN_SIDE;
}

interface Candidate {
  readonly b: number;
  readonly view: number;
  readonly distance: number;
}

/** Images by the value of each 16-bit word of their hash. */
interface HashTable {
  /** Where the images of each value begin; 2^16 + 1 entries. */
  readonly starts: Uint32Array;
  readonly images: Uint32Array;
}

function hashTables(images: readonly (Fingerprint | null)[]): readonly HashTable[] {
  return [0, 1, 2, 3].map((word) => {
    const starts = new Uint32Array(2 ** 16 + 1);
    for (const image of images) if (image !== null) starts[wordOf(image.hash, word) + 1]!++;
    for (let value = 0; value < 2 ** 16; value++) starts[value + 1]! += starts[value]!;
    const next = starts.slice();
    const listed = new Uint32Array(starts.at(-1)!);
    for (const [index, image] of images.entries()) if (image !== null) listed[next[wordOf(image.hash, word)]!++] = index;
    return { starts, images: listed };
  });
}

function wordOf([high, low]: HashWords, word: number): number {
  const half = word < 2 ? high : low;
  return word % 2 === 0 ? half >>> 16 : half & 0xffff;
}

/** Every 16-bit number with at most two bits. */
const FLIPS: readonly number[] = Array.from({ length: 2 ** 16 }, (_, bits) => bits).filter((bits) => {
  let rest = bits;
  for (let taken = 0; taken < WORD_DISTANCE; taken++) rest &= rest - 1;
  return rest === 0;
});

/** Each image whose hash is near a view of this one, with the view that is nearest. */
function candidatesOf(
  a: number,
  { views }: Fingerprint,
  images: readonly (Fingerprint | null)[],
  tables: readonly HashTable[],
  seen: Int32Array,
): { readonly candidates: Candidate[]; readonly complete: boolean } {
  const best = new Map<number, Candidate>();
  let compared = 0;
  for (const [view, hash] of views.entries()) {
    const stamp = a * views.length + view;
    for (const [word, { starts, images: listed }] of tables.entries()) {
      const value = wordOf(hash, word);
      for (const flip of FLIPS) {
        const key = value ^ flip;
        for (let at = starts[key]!; at < starts[key + 1]!; at++) {
          const b = listed[at]!;
          if (b === a || seen[b] === stamp) continue;
          seen[b] = stamp;
          if (++compared > MAX_COMPARED) return { candidates: [...best.values()], complete: false };
          const other = images[b];
          const distance = other === null || other === undefined ? 64 : hammingDistance(hash, other.hash);
          if (distance <= MAX_DISTANCE && distance < (best.get(b)?.distance ?? 64)) best.set(b, { b, view, distance });
        }
      }
    }
  }
  return { candidates: [...best.values()], complete: true };
}

function thumbnailSums({ thumbnail }: Fingerprint): LumaSums {
  return lumaSums({ width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE, data: thumbnail });
}

function differInColor({ color: [r, g, b] }: Fingerprint, { color: [red, green, blue] }: Fingerprint): boolean {
  return Math.max(Math.abs(r - red), Math.abs(g - green), Math.abs(b - blue)) > MAX_COLOR_DIFFERENCE;
}

/** Side of the averages that are correlated. */
const COMPARED_SIDE = 32;

/** Shift and resize the part of the first image until it correlates best with the second. */
function confirm(sums: LumaSums, other: Fingerprint, view: number): Omit<NearPair, "a" | "b"> | null {
  const { part: first, mirrored } = viewOf(view);
  const whole = areaAverages(thumbnailSums(other), WHOLE, COMPARED_SIDE);
  const score = (part: Part): number => correlation(areaAverages(sums, part, COMPARED_SIDE, mirrored), whole);
  let part = first;
  let best = score(part);
  if (best < WORTH_ALIGNING) return null;
  for (const step of [0.02, 0.01, 0.005]) {
    for (let better = true; better && best < 1; ) {
      better = false;
      for (const moved of neighbors(part, step)) {
        const reached = score(moved);
        if (reached <= best + 1e-6) continue;
        [part, best, better] = [moved, reached, true];
      }
    }
  }
  if (best < SAME) return null;
  const isWhole = part.width > 0.985 && part.height > 0.985;
  return { mirrored, part: isWhole ? WHOLE : part, correlation: best };
}

function neighbors({ left, top, width, height }: Part, step: number): readonly Part[] {
  const moves = [
    [step, 0, 0, 0],
    [-step, 0, 0, 0],
    [0, step, 0, 0],
    [0, -step, 0, 0],
    [0, 0, step, 0],
    [0, 0, -step, 0],
    [0, 0, 0, step],
    [0, 0, 0, -step],
    [-step, 0, step, 0],
    [0, -step, 0, step],
  ] as const;
  return moves.flatMap(([x, y, wider, higher]) => {
    const moved = { left: left + x, top: top + y, width: width + wider, height: height + higher };
    const inside =
      moved.left >= -1e-9 && moved.top >= -1e-9 && moved.left + moved.width <= 1 + 1e-9 && moved.top + moved.height <= 1 + 1e-9;
    return inside && moved.width >= 0.8 && moved.height >= 0.8 ? [moved] : [];
  });
}

/** Pearson's correlation; 0 where one of both is constant. */
function correlation(a: Float64Array, b: Float64Array): number {
  let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    sumA += x;
    sumB += y;
    squaresA += x * x;
    squaresB += y * y;
    products += x * y;
  }
  const n = a.length;
  const spread = (squaresA - (sumA * sumA) / n) * (squaresB - (sumB * sumB) / n);
  return spread <= 0 ? 0 : (products - (sumA * sumB) / n) / Math.sqrt(spread);
}
