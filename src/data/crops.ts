/**
 * The crops over which the papers average their predictions (GoogLeNet, section 7): from the image at several scales, from
 * squares of it, corners, center and the whole square, each also mirrored.
 */
import { InceptionError } from "../errors.js";
import { mirror } from "./augment/augment.js";
import type { Image } from "./image.js";
import { centerCropStart, crop, type Window } from "./transforms/crop.js";
import { type PillowFilter, resize } from "./transforms/resize.js";

/** How many crops of an image are predicted. */
export const CROP_COUNTS = [1, 10, 12, 144] as const;
/** Number of crops of each image whose predictions are averaged. */
export type CropCount = (typeof CROP_COUNTS)[number];

/** One crop: a window of the image after it was resized to `size`, scaled to the input size where it is larger. */
export interface CropPlan {
  /** Of the whole resized image, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  readonly window: Window;
  readonly mirrored: boolean;
}

/** Shorter sides at 224 pixels of input; other inputs scale them, rounded to whole pixels. */
const SCALES = [256, 288, 320, 352] as const;
const PAPER_INPUT = 224;

/**
 * Which crops are taken, in order:
 *
 * - 1: the center crop; the shorter side is 256/224 of the input size, the longer `floor` of what keeps the aspect ratio;
 * - 10: from the center square of that image the four corners (top left, top right, bottom left, bottom right) and the
 *   center, then the mirror images of the five;
 * - 12: likewise six, the sixth being the whole square scaled to the input size;
 * - 144: twelve from each of three squares (left or top, center, right or bottom) at each of four scales, the shorter side
 *   256, 288, 320 and 352 at an input of 224.
 *
 * The papers define 144 crops for 224 pixels only; for other inputs the scales grow in proportion. They do not say what
 * their 12 crops are; this is the natural reading.
 *
 * @throws InceptionError OPTION_INVALID when the count is none of these or the input size no integer of 1 to 4096
 */
export function planCrops(image: { readonly width: number; readonly height: number }, count: CropCount, inputSize: number): CropPlan[] {
  if (!CROP_COUNTS.includes(count)) {
    throw new InceptionError("OPTION_INVALID", `Cannot use ${count} crops: expected one of ${CROP_COUNTS.join(", ")}`, { count });
  }
  if (!Number.isInteger(inputSize) || inputSize < 1 || inputSize > 4096) {
    throw new InceptionError("OPTION_INVALID", `Cannot use crops of ${inputSize} pixels: expected an integer from 1 to 4,096`, {
      inputSize,
    });
  }
  const scales = count === 144 ? SCALES : SCALES.slice(0, 1);
  const views = count === 1 ? ["center" as const] : count === 10 ? VIEWS.slice(0, 5) : VIEWS;
  return scales.flatMap((scale) => {
    const size = resizedTo(image, Math.round((scale * inputSize) / PAPER_INPUT));
    const squares = squaresOf(size);
    const chosen = count === 144 ? squares : [squares[1]!];
    return chosen.flatMap((square) =>
      (count === 1 ? [false] : [false, true]).flatMap((mirrored) =>
        views.map((view) => ({ size, window: viewOf(square, view, inputSize), mirrored })),
      ),
    );
  });
}

const VIEWS = ["top_left", "top_right", "bottom_left", "bottom_right", "center", "whole"] as const;

function resizedTo({ width, height }: { readonly width: number; readonly height: number }, shorter: number): CropPlan["size"] {
  const longer = Math.floor((shorter * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
}

/** Left, center and right of a wide image; top, center and bottom of a tall one. */
function squaresOf({ width, height }: CropPlan["size"]): readonly Window[] {
  const side = Math.min(width, height);
  return [0, centerCropStart(Math.max(width, height), side), Math.max(width, height) - side].map((at) => ({
    left: width > height ? at : 0,
    top: width > height ? 0 : at,
    width: side,
    height: side,
  }));
}

function viewOf(square: Window, view: (typeof VIEWS)[number], size: number): Window {
  if (view === "whole") return square;
  const margin = square.width - size;
  const center = centerCropStart(square.width, size);
  const left = view === "center" ? center : view === "top_right" || view === "bottom_right" ? margin : 0;
  const top = view === "center" ? center : view === "bottom_left" || view === "bottom_right" ? margin : 0;
  return { left: square.left + left, top: square.top + top, width: size, height: size };
}

/**
 * The crops of an image, in the order of `planCrops`, each a square of the input size. `normalize` makes input of them.
 *
 * @param filter of both resizes, default "bilinear"
 * @throws InceptionError OPTION_INVALID as `planCrops`, IMAGE_INVALID and IMAGE_LIMIT as `resize`
 *
 * @example
 * ```ts
 * import { cropsOf, rgbImage } from "inceptionkit/data";
 * const image = rgbImage(40, 30, new Uint8Array(3600));
 * cropsOf(image, 10, 28).length; // 10
 * ```
 */
export function cropsOf(image: Image, count: CropCount, inputSize: number, filter: PillowFilter = "bilinear"): Image[] {
  const resized = new Map<CropPlan["size"], Image>();
  return planCrops(image, count, inputSize).map(({ size, window, mirrored }) => {
    const whole = resized.get(size) ?? resize(image, { ...size, filter });
    resized.set(size, whole);
    const part = crop(whole, window);
    const result = window.width === inputSize ? part : resize(part, { width: inputSize, height: inputSize, filter });
    if (mirrored) mirror(result);
    return result;
  });
}
