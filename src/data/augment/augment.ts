import type { Image } from "../image.js";
import type { Random } from "../random.js";
import { crop, type Window } from "../transforms/crop.js";
import { type Destination, type Preprocessing, preprocess } from "../transforms/preprocess.js";
import { type PillowFilter, resize } from "../transforms/resize.js";
import type { Augmentation, Interpolation, RandomErasing } from "./augmentation.js";
import { jitterColors } from "./color.js";
import { applyPolicy } from "./policy.js";
import { erasingWindow, randomAreaWindow } from "./random-area.js";

/**
 * A training image: random part, mirroring, drawn operations, colors and erasing as `augmentation` says. The image given is left alone.
 *
 * @param recipe what evaluation does; used where `augmentation.crop` is "none"
 * @param inputSize side of the result, in pixels
 * @param random decides everything; the same stream gives the same image
 * @throws InceptionError as `preprocess` does
 */
export function augment(image: Image, augmentation: Augmentation, recipe: Preprocessing, inputSize: number, random: Random): Image {
  const part = takePart(image, augmentation, recipe, inputSize, random);
  if (random.chance(augmentation.flip)) mirror(part);
  const taken = augmentation.policy ? applyPolicy(part, augmentation.policy, random) : part;
  if (augmentation.color) jitterColors(taken.data, augmentation.color, random);
  if (augmentation.erasing) erase(taken, augmentation.erasing, random);
  return taken;
}

/**
 * A training image as the values that the network reads: `augment`, then the channel order and normalization of `recipe`,
 * the same that `preprocess` applies in evaluation.
 *
 * @returns C H W values: a new array, or the part of `into.data` that was written
 */
export function augmentAndNormalize(
  image: Image,
  augmentation: Augmentation,
  recipe: Preprocessing,
  inputSize: number,
  random: Random,
  into?: Destination,
): Float32Array {
  return normalize(augment(image, augmentation, recipe, inputSize, random), recipe, into);
}

/** Channel order and normalization of a recipe for a square image that already has the size of the input. */
export function normalize(image: Image, recipe: Preprocessing, into?: Destination): Float32Array {
  const asIs: Preprocessing = {
    ...recipe,
    resize: { kind: "warp", size: image.width, filter: "bilinear" },
    crop: [image.height, image.width],
  };
  return preprocess(image, asIs, into);
}

/** Always pixels of its own, so that the next steps may work in place. */
function takePart(image: Image, { crop: kind }: Augmentation, recipe: Preprocessing, size: number, random: Random): Image {
  if (kind.kind === "none") return evaluationPart(image, recipe);
  if (kind.kind === "pad") return padAndCrop(scaled(image, size, "bilinear"), kind.pixels, kind.border, random);
  const window = randomAreaWindow(image, kind.area, kind.aspect, random);
  return scaled(crop(image, window), size, filterOf(kind.interpolation, random));
}

function filterOf(interpolation: Interpolation, random: Random): PillowFilter {
  if (interpolation !== "random") return interpolation;
  return random.chance(0.5) ? "bicubic" : "bilinear";
}

function scaled(image: Image, size: number, filter: PillowFilter): Image {
  return resize(image, { width: size, height: size, filter });
}

/** Resize and crop of evaluation, as pixels: what `preprocess` computes before it normalizes, rounded to 8 bits. */
function evaluationPart(image: Image, recipe: Preprocessing): Image {
  const raw: Preprocessing = { resize: recipe.resize, crop: recipe.crop, channelOrder: "RGB", mean: [0, 0, 0], std: [1, 1, 1] };
  const planes = preprocess(image, raw);
  const pixels = planes.length / 3;
  const [height, width] = recipe.crop ?? [Math.sqrt(pixels), Math.sqrt(pixels)];
  const data = new Uint8Array(planes.length);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < pixels; i++) data[i * 3 + c] = Math.min(255, planes[c * pixels + i]! + 0.5);
  }
  return { width, height, channels: 3, data };
}

/**
 * Cut a part of the image's own size out of the image with a border around it; each of the (2 * border + 1)^2 places is as
 * likely as the others.
 */
export function padAndCrop(image: Image, pixels: number, border: "zero" | "reflect", random: Random): Image {
  const left = random.below(2 * pixels + 1) - pixels;
  const top = random.below(2 * pixels + 1) - pixels;
  const window = { left, top, width: image.width, height: image.height };
  return border === "zero" ? crop(image, window) : cropReflected(image, window);
}

/** Cut a window; outside, the image goes on as if mirrored at its outermost pixels, which are not repeated (d c b | a b c d). */
export function cropReflected(image: Image, { left, top, width, height }: Window): Image {
  const columns = Int32Array.from({ length: width }, (_, x) => reflected(left + x, image.width) * 3);
  const data = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = reflected(top + y, image.height) * image.width * 3;
    for (const column of columns) {
      const from = row + column;
      data[to++] = image.data[from]!;
      data[to++] = image.data[from + 1]!;
      data[to++] = image.data[from + 2]!;
    }
  }
  return { width, height, channels: 3, data };
}

/** There and back again has a period of 2 (length - 1) pixels. */
function reflected(position: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const at = ((position % period) + period) % period;
  return at < length ? at : period - at;
}

/** Mirror left and right, in place. */
export function mirror({ width, height, data }: Image): void {
  for (let y = 0; y < height; y++) {
    let left = y * width * 3;
    let right = left + (width - 1) * 3;
    for (; left < right; left += 3, right -= 3) {
      for (let c = 0; c < 3; c++) {
        const kept = data[left + c]!;
        data[left + c] = data[right + c]!;
        data[right + c] = kept;
      }
    }
  }
}

function erase(image: Image, { probability, area, aspect, fill }: RandomErasing, random: Random): void {
  const window = random.chance(probability) ? erasingWindow(image, area, aspect, random) : null;
  if (!window) return;
  for (let y = window.top; y < window.top + window.height; y++) {
    let at = (y * image.width + window.left) * 3;
    for (let x = 0; x < window.width; x++) {
      const word = fill === "noise" ? random.word() : 0;
      for (let c = 0; c < 3; c++) image.data[at++] = fill === "noise" ? (word >>> (8 * c)) & 255 : fill[c]!;
    }
  }
}
