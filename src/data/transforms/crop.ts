import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { checkRaster, type Raster } from "../image.js";

/** A rectangle of pixels; `left` and `top` may be outside the image. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The nearest integer, halves to the even neighbor, as Python's `round` does it and with it torchvision. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Where torchvision's CenterCrop (timm uses the same) cuts `size` out of `length` pixels: `round((length - size) / 2)`, halves to even.
 * An image shorter than the crop is padded, the odd pixel behind it, so the start is negative: `-floor((size - length) / 2)`.
 */
export function centerCropStart(length: number, size: number): number {
  return size > length ? 0 - Math.floor((size - length) / 2) : roundHalfToEven((length - size) / 2);
}

/** The window of a center crop of `height` x `width` pixels. */
export function centerCropWindow(image: { readonly width: number; readonly height: number }, height: number, width: number): Window {
  return { left: centerCropStart(image.width, width), top: centerCropStart(image.height, height), width, height };
}

/**
 * The window of TensorFlow's `tf.image.central_crop`: each side keeps `fraction` of its length, less what rounding leaves over,
 * with margins of `floor((length - length * fraction) / 2)` on both ends.
 */
export function centralFractionWindow(image: { readonly width: number; readonly height: number }, fraction: number): Window {
  const left = Math.floor((image.width - image.width * fraction) / 2);
  const top = Math.floor((image.height - image.height * fraction) / 2);
  return { left, top, width: image.width - 2 * left, height: image.height - 2 * top };
}

/** The part of `window` that lies inside an image of that size; its width or height is 0 where they do not meet. */
export function visiblePart(window: Window, image: { readonly width: number; readonly height: number }): Window {
  const left = Math.min(Math.max(0, window.left), image.width);
  const top = Math.min(Math.max(0, window.top), image.height);
  return {
    left,
    top,
    width: Math.max(0, Math.min(image.width, window.left + window.width) - left),
    height: Math.max(0, Math.min(image.height, window.top + window.height) - top),
  };
}

/** Largest crop, in pixels: more than any network takes, and its bytes still fit one typed array of every platform. */
const MAX_CROP_PIXELS = 1e8;

/**
 * Crops a window of an image. Pixels outside the image are 0, as in torchvision.
 *
 * @throws InceptionError OPTION_INVALID when the window is not made of integers or is empty, IMAGE_LIMIT above 100 megapixels.
 */
export function crop<C extends number>(image: Raster<C>, window: Window): Raster<C> {
  checkRaster(image);
  checkWindow(window);
  const { width, height } = window;
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  const part = visiblePart(window, image);
  for (let y = part.top; y < part.top + part.height && part.width > 0; y++) {
    const from = (y * image.width + part.left) * channels;
    const to = ((y - window.top) * width + part.left - window.left) * channels;
    data.set(image.data.subarray(from, from + part.width * channels), to);
  }
  return { width, height, channels, data };
}

/** Center crop of `height` x `width` pixels with torchvision's rounding and zero padding. Throws as `crop` does. */
export function centerCrop<C extends number>(image: Raster<C>, height: number, width: number): Raster<C> {
  return crop(image, centerCropWindow(image, height, width));
}

function checkWindow({ left, top, width, height }: Window): void {
  if (![left, top, width, height].every(Number.isSafeInteger) || width < 1 || height < 1) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot crop ${width} x ${height} pixels at ${left}, ${top}: expected integers and sides of at least 1`,
      { left, top, width, height },
    );
  }
  if (width * height > MAX_CROP_PIXELS) {
    throw new InceptionError(
      "IMAGE_LIMIT",
      `Cannot crop ${width} x ${height} pixels: the limit is ${formatCount(MAX_CROP_PIXELS)} pixels`,
      {
        width,
        height,
        limit: MAX_CROP_PIXELS,
      },
    );
  }
}
