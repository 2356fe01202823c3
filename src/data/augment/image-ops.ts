/**
 * The image operations of TrivialAugment and RandAugment, equal byte for byte to the Pillow calls that torchvision makes for
 * them (`_apply_op` of torchvision/transforms/autoaugment.py): nearest neighbor, black where the image does not reach.
 * None changes its input.
 */
import { roundedCosine, roundedSine } from "../elementary.js";
import { type Image, toGray } from "../image.js";

/** An image operation with its magnitude, whose meaning depends on the operation. */
type ImageOp = (image: Image, magnitude: number) => Image;

/** The operations by name; `magnitude` is what torchvision passes as such. */
export const IMAGE_OPS = {
  identity: (image) => image,
  /** Row y is moved to the left by `magnitude * y` pixels. */
  shearX: (image, magnitude) => affine(image, [1, magnitude, 0, 0, 1, 0]),
  /** Column x is moved up by `magnitude * x` pixels. */
  shearY: (image, magnitude) => affine(image, [1, 0, 0, magnitude, 1, 0]),
  /** Moved to the right by whole pixels; fractions are cut off. */
  translateX: (image, magnitude) => affine(image, [1, 0, -Math.trunc(magnitude), 0, 1, 0]),
  /** Moved down by whole pixels. */
  translateY: (image, magnitude) => affine(image, [1, 0, 0, 0, 1, -Math.trunc(magnitude)]),
  /** Turned counterclockwise about the center, in degrees. */
  rotate: (image, magnitude) => affine(image, rotation(image, magnitude)),
  /** Every value times `1 + magnitude`. */
  brightness: (image, magnitude) => blend(image, new Uint8Array(image.data.length), 1 + magnitude),
  /** Distance from the gray of the same luma times `1 + magnitude`. */
  color: (image, magnitude) => blend(image, grayOf(image), 1 + magnitude),
  /** Distance from the mean luma of the image, rounded, times `1 + magnitude`. */
  contrast: (image, magnitude) => blend(image, new Uint8Array(image.data.length).fill(meanLuma(image)), 1 + magnitude),
  /** Distance from the smoothed image times `1 + magnitude`. */
  sharpness: (image, magnitude) => blend(image, smoothed(image), 1 + magnitude),
  /** Only the `magnitude` highest bits of a value remain. */
  posterize: (image, magnitude) => mapped(image, () => (value) => value & ~(2 ** (8 - magnitude) - 1)),
  /** Values from `magnitude` on become their distance to 255. */
  solarize: (image, magnitude) => mapped(image, () => (value) => (value < magnitude ? value : 255 - value)),
  /** Each channel stretched from its darkest and lightest value to 0 and 255. */
  autoContrast: (image) => mapped(image, stretching),
  /** The histogram of each channel made flat. */
  equalize: (image) => mapped(image, equalizing),
} as const satisfies Readonly<Record<string, ImageOp>>;

/** Name of an image operation. */
export type ImageOpName = keyof typeof IMAGE_OPS;

/** Source position of a pixel: x = a x + b y + c, y = d x + e y + f, of pixel centers. */
type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Pillow computes source positions in steps of 1/65,536 pixel. */
function affine({ width, height, data }: Image, matrix: Affine): Image {
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5);
  const [a, b, c, d, e, f] = matrix;
  const [acrossX, acrossY, downX, downY] = [fixed(a), fixed(d), fixed(b), fixed(e)];
  let [rowX, rowY] = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
  const moved = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++, rowX += downX, rowY += downY) {
    let [atX, atY] = [rowX, rowY];
    for (let x = 0; x < width; x++, to += 3, atX += acrossX, atY += acrossY) {
      const [left, top] = [atX >> 16, atY >> 16];
      if (left < 0 || left >= width || top < 0 || top >= height) continue;
      const from = (top * width + left) * 3;
      moved[to] = data[from]!;
      moved[to + 1] = data[from + 1]!;
      moved[to + 2] = data[from + 2]!;
    }
  }
  return { width, height, channels: 3, data: moved };
}

/** The matrix of Pillow's `rotate`, about the center of the image. */
function rotation({ width, height }: Image, degrees: number): Affine {
  const [cosine, sine] = [roundedCosine(-degrees), roundedSine(-degrees)];
  const [x, y] = [width / 2, height / 2];
  return [cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y];
}

/** `base` plus `factor` times what the image differs from it, in single precision; fractions are cut off. */
function blend(image: Image, base: Uint8Array, factor: number): Image {
  const share = Math.fround(factor);
  const data = new Uint8ClampedArray(base.length);
  for (let i = 0; i < base.length; i++) {
    const from = base[i]!;
    data[i] = Math.trunc(Math.fround(from + Math.fround(share * (image.data[i]! - from))));
  }
  return { ...image, data: new Uint8Array(data.buffer) };
}

function grayOf(image: Image): Uint8Array {
  const gray = toGray(image).data;
  return Uint8Array.from({ length: image.data.length }, (_, i) => gray[Math.floor(i / 3)]!);
}

function meanLuma(image: Image): number {
  const { data } = toGray(image);
  return Math.floor(data.reduce((sum, value) => sum + value, 0) / data.length + 0.5);
}

/** Pillow's SMOOTH: the mean of 3 x 3 pixels in which the middle one counts five times; border pixels stay. */
function smoothed({ width, height, data }: Image): Uint8Array {
  const smooth = data.slice();
  const row = width * 3;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * data[i]!;
      for (const line of [i - row, i, i + row]) sum += data[line - 3]! + data[line]! + data[line + 3]!;
      smooth[i] = Math.floor((2 * sum + 13) / 26);
    }
  }
  return smooth;
}

/** Every value of a channel replaced by the function that `tableOf` makes of the channel's histogram. */
function mapped({ width, height, data }: Image, tableOf: (histogram: Uint32Array) => (value: number) => number): Image {
  const result = new Uint8Array(data.length);
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Uint32Array(256);
    for (let i = channel; i < data.length; i += 3) histogram[data[i]!]! += 1;
    const replaced = tableOf(histogram);
    const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => replaced(value));
    for (let i = channel; i < data.length; i += 3) result[i] = table[data[i]!]!;
  }
  return { width, height, channels: 3, data: result };
}

function stretching(histogram: Uint32Array): (value: number) => number {
  const low = histogram.findIndex((count) => count > 0);
  const high = histogram.findLastIndex((count) => count > 0);
  if (high <= low) return (value) => value;
  const scale = 255 / (high - low);
  const offset = -low * scale;
  return (value) => Math.trunc(value * scale + offset);
}

/** As Pillow counts: the share of the darker pixels in units of a 255th, the lightest value left out of the total. */
function equalizing(histogram: Uint32Array): (value: number) => number {
  const counts = histogram.filter((count) => count > 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((total - counts[counts.length - 1]!) / 255);
  if (counts.length < 2 || step === 0) return (value) => value;
  const darker = new Float64Array(256);
  for (let value = 1; value < 256; value++) darker[value] = darker[value - 1]! + histogram[value - 1]!;
  return (value) => Math.floor((Math.floor(step / 2) + darker[value]!) / step);
}
