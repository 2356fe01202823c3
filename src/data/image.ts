import { InceptionError } from "../errors.js";

/** Pixels of 8 bits, row by row from the top, the channels of a pixel side by side (H W C). */
export interface Raster<C extends number = number> {
  readonly width: number;
  readonly height: number;
  readonly channels: C;
  /** `height * width * channels` values of 0..255. */
  readonly data: Uint8Array;
}

/** A decoded image: 8-bit RGB without alpha, EXIF orientation applied. */
export type Image = Raster<3>;

/** The same layout with float values in whatever range the caller uses (Pillow's mode F when there is one channel). */
export interface FloatRaster<C extends number = number> {
  readonly width: number;
  readonly height: number;
  readonly channels: C;
  readonly data: Float32Array;
}

/**
 * An image over existing RGB bytes (not copied).
 *
 * @throws InceptionError IMAGE_INVALID when a side is not a positive integer or the length is not `width * height * 3`.
 */
export function rgbImage(width: number, height: number, data: Uint8Array): Image {
  const image: Image = { width, height, channels: 3, data };
  checkRaster(image);
  return image;
}

/**
 * Checks that an image has as many values as its sides and channels need; every transform of this directory calls it first.
 *
 * @throws InceptionError IMAGE_INVALID
 */
export function checkRaster(raster: Raster | FloatRaster): void {
  const { width, height, channels, data } = raster;
  const positive = [width, height, channels].every((side) => Number.isSafeInteger(side) && side > 0);
  if (positive && data.length === width * height * channels) return;
  throw new InceptionError(
    "IMAGE_INVALID",
    `Cannot use an image of ${width} x ${height} pixels and ${channels} channels over ${data.length} values: expected positive sides and width * height * channels values`,
    { width, height, channels, length: data.length },
  );
}

/**
 * Luma after ITU-R BT.601 in the 16-bit fixed point of Pillow's `convert("L")`: (19595 R + 38470 G + 7471 B + 2^15) / 2^16, rounded down.
 */
export function toGray(image: Image): Raster<1> {
  checkRaster(image);
  const { width, height, data } = image;
  const gray = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < gray.length; pixel++, at += 3) {
    gray[pixel] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: gray };
}
