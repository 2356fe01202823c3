import { portableExp, portableLog } from "../elementary.js";
import type { Random } from "../random.js";
import type { Window } from "../transforms/crop.js";
import { roundHalfToEven } from "../transforms/crop.js";
import type { Range } from "./augmentation.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** After this many rectangles that do not fit the image, as torchvision counts. */
const TRIES = 10;

/**
 * The window of torchvision's RandomResizedCrop: ten times draw an area (a uniform fraction of the image's) and an aspect
 * ratio w / h (uniform in its logarithm); w = round(sqrt(area * ratio)), h = round(sqrt(area / ratio)); the first rectangle
 * that fits is put anywhere, each place as likely as the other. If none fits, the largest centered rectangle whose ratio is
 * the closest allowed to the image's own.
 */
export function randomAreaWindow(image: Size, area: Range, aspect: Range, random: Random): Window {
  const [low, high] = [portableLog(aspect[0]), portableLog(aspect[1])];
  for (let tries = 0; tries < TRIES; tries++) {
    const target = image.width * image.height * random.uniform(...area);
    const ratio = portableExp(random.uniform(low, high));
    const width = roundHalfToEven(Math.sqrt(target * ratio));
    const height = roundHalfToEven(Math.sqrt(target / ratio));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const top = random.below(image.height - height + 1);
    return { left: random.below(image.width - width + 1), top, width, height };
  }
  return centeredFallback(image, aspect);
}

/** The whole image, narrowed or flattened until its aspect ratio is allowed. */
export function centeredFallback({ width, height }: Size, aspect: Range): Window {
  const ratio = width / height;
  const kept =
    ratio < aspect[0]
      ? { width, height: roundHalfToEven(width / aspect[0]) }
      : ratio > aspect[1]
        ? { width: roundHalfToEven(height * aspect[1]), height }
        : { width, height };
  // A strip of one pixel would round to nothing.
  const size = { width: Math.max(1, kept.width), height: Math.max(1, kept.height) };
  return { left: Math.floor((width - size.width) / 2), top: Math.floor((height - size.height) / 2), ...size };
}

/**
 * The window of random erasing (Zhong et al. 2017, algorithm 1): a rectangle of random area and aspect ratio h / w somewhere
 * inside, smaller than the image on both sides; null when ten draws do not fit.
 */
export function erasingWindow(image: Size, area: Range, aspect: Range, random: Random): Window | null {
  const [low, high] = [portableLog(aspect[0]), portableLog(aspect[1])];
  for (let tries = 0; tries < TRIES; tries++) {
    const target = image.width * image.height * random.uniform(...area);
    const ratio = portableExp(random.uniform(low, high));
    const height = roundHalfToEven(Math.sqrt(target * ratio));
    const width = roundHalfToEven(Math.sqrt(target / ratio));
    if (width < 1 || height < 1 || width >= image.width || height >= image.height) continue;
    const top = random.below(image.height - height + 1);
    return { left: random.below(image.width - width + 1), top, width, height };
  }
  return null;
}
