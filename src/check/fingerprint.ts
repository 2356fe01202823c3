/** What is kept of an image while a set is checked: hashes, a thumbnail, and measurements. About 4 kB. */
import type { Image, Raster } from "../data/image.js";
import { at } from "../tensor/at.js";
import { areaAverages, lumaGrid, lumaSums, type Part, WHOLE } from "./luma-grid.js";
import { type HashWords, perceptualHash } from "./perceptual-hash.js";

export interface Fingerprint {
  readonly width: number;
  readonly height: number;
  /** Mean luma, in [0, 1]. */
  readonly brightness: number;
  /** Standard deviation of the luma, in [0, 1]. */
  readonly contrast: number;
  /** Variance of the Laplacian of the luma (0 to 255), on at most 256 × 256 pixels: small where the image is blurred. */
  readonly sharpness: number;
  /** Mean red, green and blue, in [0, 1]. */
  readonly color: readonly [number, number, number];
  /** Of the whole image. */
  readonly hash: HashWords;
  /** Of each part of `CROPS`, as it is and mirrored: what crops of this image are found by. */
  readonly views: readonly HashWords[];
  /** Luma as `THUMBNAIL_SIDE`² area averages, 0 to 255. */
  readonly thumbnail: Uint8Array;
}

export const THUMBNAIL_SIDE = 48;

/** Parts of an image that another image may show: all of it, and crops to 90% and 95% of its sides. */
const CROPS: readonly Part[] = [WHOLE, ...cropsTo(0.9, [0, 0.05, 0.1]), ...cropsTo(0.95, [0, 0.025, 0.05])];

function cropsTo(side: number, offsets: readonly number[]): readonly Part[] {
  return offsets.flatMap((top) => offsets.map((left) => ({ left, top, width: side, height: side })));
}

/** Which part a view shows, and whether mirrored. */
export function viewOf(view: number): { readonly part: Part; readonly mirrored: boolean } {
  const part = CROPS[view >>> 1];
  if (part === undefined) throw new RangeError(`Cannot name view ${view} of ${2 * CROPS.length}`);
  return { part, mirrored: view % 2 === 1 };
}

export function fingerprint(image: Image): Fingerprint {
  const luma = lumaGrid(image);
  const sums = lumaSums(luma);
  const hashes = CROPS.map((part) => perceptualHash(sums, part));
  const thumbnail = Uint8Array.from(areaAverages(sums, WHOLE, THUMBNAIL_SIDE), Math.round);
  return {
    width: image.width,
    height: image.height,
    ...brightnessOf(luma),
    sharpness: laplacianVariance(luma),
    color: meanColor(image),
    // The first of the parts is the whole image.
    hash: at(hashes, 0).hash,
    views: hashes.flatMap(({ hash, mirrored }) => [hash, mirrored]),
    thumbnail,
  };
}

function meanColor({ data }: Image): readonly [number, number, number] {
  let [red, green, blue] = [0, 0, 0];
  for (let at = 0; at < data.length; at += 3) {
    red += data[at]!;
    green += data[at + 1]!;
    blue += data[at + 2]!;
  }
  const all = (data.length / 3) * 255;
  return [red / all, green / all, blue / all];
}

function brightnessOf({ data }: Raster<1>): Pick<Fingerprint, "brightness" | "contrast"> {
  let [sum, squares] = [0, 0];
  for (const value of data) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / data.length;
  return { brightness: mean / 255, contrast: Math.sqrt(Math.max(0, squares / data.length - mean * mean)) / 255 };
}

/**
 * Variance of the 4-neighbor Laplacian inside the border (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy",
 * ICPR 2000); 0 for images of fewer than 3 × 3 pixels.
 *
 * @internal for the test
 */
export function laplacianVariance({ width, height, data }: Pick<Raster<1>, "width" | "height" | "data">): number {
  let [sum, squares] = [0, 0];
  const count = (width - 2) * (height - 2);
  if (width < 3 || height < 3) return 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const value = data[at - 1]! + data[at + 1]! + data[at - width]! + data[at + width]! - 4 * data[at]!;
      sum += value;
      squares += value * value;
    }
  }
  return squares / count - (sum / count) ** 2;
}
