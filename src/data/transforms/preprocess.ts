/**
 * From a photograph to the values a network reads. The way there belongs to the weights, not to the network, so it is data.
 *
 * image -> gray, where one channel is wanted -> resize -> center crop -> channel order -> (x - mean) / std -> C H W
 */

import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { type FloatRaster, type Image, type Raster, toGray } from "../image.js";
import { centerCropWindow, centralFractionWindow, crop, visiblePart, type Window } from "./crop.js";
import { type PointFilter, resizePointBilinear } from "./point-bilinear.js";
import { type PillowFilter, resize, resizeFloat } from "./resize.js";

/** Pillow's bicubic on float pixels: nothing is rounded to 8 bits; what the filter overshoots is limited to 0..255. clean-fid's resize. */
export type FloatFilter = "float_bicubic";

type ResizeFilter = PillowFilter | PointFilter | FloatFilter;

/** Preprocessing of images for a weight set, on pixel values from 0 to 255. Plain JSON that exported models contain. */
export interface Preprocessing {
  readonly resize: {
    /**
     * - "warp": the whole image becomes a square; the aspect ratio is not kept.
     * - "shorter_side": the shorter side becomes `size`, the longer `floor(size * longer / shorter)` (torchvision, timm).
     * - "central_crop_warp": the central `cropFraction` of each side becomes a square (slim).
     */
    readonly kind: "warp" | "shorter_side" | "central_crop_warp";
    /** Pixels of the square's side, or of the shorter side. */
    readonly size: number;
    /** Of "central_crop_warp" only, in (0, 1]. */
    readonly cropFraction?: number;
    /** Pillow's filters give whole numbers, the two point filters and the float filter fractions. */
    readonly filter: ResizeFilter;
  };
  /** Pixels of the center crop, torchvision's rounding, 0 where the image ends before the crop; null: no crop. */
  readonly crop: readonly [height: number, width: number] | null;
  /** "L" is one channel, ITU-R BT.601 luma, taken before the resize. */
  readonly channelOrder: "RGB" | "BGR" | "L";
  /** Mean to subtract, on pixel values from 0 to 255: one value per channel in the order of the output. */
  readonly mean: readonly number[];
  /** Standard deviation to divide by, on pixel values from 0 to 255: one value per channel in the order of the output. */
  readonly std: readonly number[];
  /**
   * Afterwards subtract the mean of all values of the image and divide by their standard deviation, taken as at least
   * 1 / sqrt(number of values): the whitening that early FaceNet models were trained with. Default: no.
   */
  readonly perImageWhitening?: boolean;
}

/** Where to write, so that the images of a batch end up side by side without a copy. */
export interface Destination {
  readonly data: Float32Array;
  /** Index of the first value. */
  readonly offset: number;
}

/** Channels, height and width of what `preprocess` makes of an image. Depends on the image only for "shorter_side" without crop. */
export function preprocessedShape(
  recipe: Preprocessing,
  image: { readonly width: number; readonly height: number },
): [channels: number, height: number, width: number] {
  const channels = recipe.channelOrder === "L" ? 1 : 3;
  if (recipe.crop) return [channels, recipe.crop[0], recipe.crop[1]];
  const { width, height } = resizedSize(recipe, image);
  return [channels, height, width];
}

/**
 * Resizes, crops, reorders and normalizes an image. Only pixels inside the crop are computed.
 *
 * @returns The values in C H W order: a new array, or the part of `into.data` that was written.
 * @throws InceptionError OPTION_INVALID when the recipe contradicts itself or the result does not fit `into`,
 * IMAGE_INVALID when the data of the image is not what its sides say, IMAGE_LIMIT when the result would have more than 100 megapixels.
 */
export function preprocess(image: Image, recipe: Preprocessing, into?: Destination): Float32Array {
  const fault = recipeFault(recipe);
  if (fault) throw new InceptionError("OPTION_INVALID", `Cannot preprocess an image: ${fault}`, { recipe });
  const whole = recipe.channelOrder === "L" ? toGray(image) : image;
  const source = recipe.resize.kind === "central_crop_warp" ? centralPart(whole, recipe.resize.cropFraction ?? 1) : whole;
  const size = resizedSize(recipe, source);
  const window: Window = recipe.crop ? centerCropWindow(size, recipe.crop[0], recipe.crop[1]) : { left: 0, top: 0, ...size };
  const visible = visiblePart(window, size);
  const pixels = resizePart(source, size, visible, recipe.resize.filter);
  const result = place(into, pixels.channels * window.height * window.width);
  writeChannels(pixels, recipe, { ...visible, left: visible.left - window.left, top: visible.top - window.top }, window, result);
  if (recipe.perImageWhitening) whiten(result);
  return result;
}

function centralPart<C extends number>(image: Raster<C>, fraction: number): Raster<C> {
  return fraction === 1 ? image : crop(image, centralFractionWindow(image, fraction));
}

type Size = Pick<Window, "width" | "height">;

function resizedSize({ resize: { kind, size } }: Preprocessing, { width, height }: Size): Size {
  if (kind !== "shorter_side") return { width: size, height: size };
  const longer = Math.floor((size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: size, height: longer } : { width: longer, height: size };
}

function resizePart(source: Raster, size: Size, window: Window, filter: ResizeFilter): Raster | FloatRaster {
  if (filter === "float_bicubic") {
    const { data, ...sides } = resizeFloat({ ...source, data: Float32Array.from(source.data) }, { ...size, filter: "bicubic", window });
    return { ...sides, data: data.map((value) => Math.min(255, Math.max(0, value))) };
  }
  if (filter === "tf1_bilinear" || filter === "torch_bilinear") return resizePointBilinear(source, { ...size, filter, window });
  return resize(source, { ...size, filter, window });
}

function place(into: Destination | undefined, length: number): Float32Array {
  if (!into) return new Float32Array(length);
  const { data, offset } = into;
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= data.length) return data.subarray(offset, offset + length);
  throw new InceptionError("OPTION_INVALID", `Cannot write ${length} values at ${offset} of an array of ${data.length}: they do not fit`, {
    length,
    offset,
    available: data.length,
  });
}

/** Pixels (H W C) to planes (C H W). `inside` is where the pixels lie in the crop; the rest is padding of pixel value 0. */
function writeChannels(pixels: Raster | FloatRaster, recipe: Preprocessing, inside: Window, size: Size, result: Float32Array): void {
  const { channels, data } = pixels;
  const plane = size.width * size.height;
  for (let c = 0; c < channels; c++) {
    const mean = recipe.mean[c]!;
    const std = recipe.std[c]!;
    const from = recipe.channelOrder === "BGR" ? channels - 1 - c : c;
    if (inside.width * inside.height < plane) result.fill((0 - mean) / std, c * plane, (c + 1) * plane);
    // 256 divisions instead of one per pixel.
    const table = data instanceof Uint8Array ? Float32Array.from({ length: 256 }, (_, value) => (value - mean) / std) : null;
    for (let y = 0; y < inside.height; y++) {
      let at = y * inside.width * channels + from;
      let to = c * plane + (inside.top + y) * size.width + inside.left;
      for (const end = to + inside.width; to < end; to++, at += channels) {
        result[to] = table ? table[data[at]!]! : (data[at]! - mean) / std;
      }
    }
  }
}

function whiten(values: Float32Array): void {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const deviation = Math.max(Math.sqrt(squares / values.length), 1 / Math.sqrt(values.length));
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! - mean) / deviation;
}

/** Largest side of a recipe, in pixels: thirty times that of any network here, and a square of it is within every limit of the resize. */
const MAX_SIDE = 9999;

/** What is wrong with the numbers of a recipe, in words, or null. */
export function recipeFault(recipe: Preprocessing): string | null {
  const { resize, crop, channelOrder, mean, std } = recipe;
  const channels = channelOrder === "L" ? 1 : 3;
  const side = (value: number) => Number.isSafeInteger(value) && value >= 1 && value <= MAX_SIDE;
  const fraction = resize.cropFraction ?? 1;
  if (!side(resize.size)) return `resize.size is ${resize.size}, expected an integer from 1 to ${formatCount(MAX_SIDE)}`;
  if (crop && !crop.every(side)) return `crop is [${crop.join(", ")}], expected integers from 1 to ${formatCount(MAX_SIDE)}`;
  if (!(fraction > 0 && fraction <= 1)) return `resize.cropFraction is ${fraction}, expected a number in (0, 1]`;
  if (mean.length !== channels || std.length !== channels) {
    return `mean has ${mean.length} and std ${std.length} values, channel order ${channelOrder} needs ${channels} of each`;
  }
  if (!mean.every(Number.isFinite)) return `mean is [${mean.join(", ")}], expected finite numbers`;
  if (!std.every((value) => Number.isFinite(value) && value !== 0))
    return `std is [${std.join(", ")}], expected finite numbers other than 0`;
  return null;
}
