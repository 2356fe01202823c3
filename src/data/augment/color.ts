/**
 * Color distortion as TensorFlow slim's Inception preprocessing does it, on values of 0..255 in floats:
 *
 * - brightness: x + d, d uniform in [-brightness, brightness] * 255, the same for all channels;
 * - contrast: (x - m) * f + m, m the mean of the channel over the image, f uniform in its range;
 * - saturation: S of HSV times f, at most 1, f uniform in its range; hue and value stay;
 * - hue: H of HSV turned by t full circles, t uniform in [-hue, hue]; saturation and value stay.
 *
 * The order is drawn for each image (slim has four fixed ones). Before saturation and hue, which are not defined outside
 * it, and at the end, values are limited to 0..255; slim limits only at the end.
 */
import type { Random } from "../random.js";
import type { ColorJitter } from "./augmentation.js";

/** Change the colors of interleaved RGB pixels, in place. */
export function jitterColors(pixels: Uint8Array, jitter: ColorJitter, random: Random): void {
  const shift = random.uniform(-1, 1) * jitter.brightness * 255;
  const contrast = random.uniform(...jitter.contrast);
  const saturation = random.uniform(...jitter.saturation);
  const turn = random.uniform(-1, 1) * jitter.hue;
  const values = new Float32Array(pixels);
  for (const step of random.permutation(4)) {
    if (step === 0) adjustBrightness(values, shift);
    else if (step === 1) adjustContrast(values, contrast);
    else if (step === 2) adjustSaturation(values, saturation);
    else adjustHue(values, turn);
  }
  // A clamped array limits and rounds what is stored in it.
  new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length).set(values);
}

/** Add `shift` to every value, in place. */
export function adjustBrightness(values: Float32Array, shift: number): void {
  if (shift === 0) return;
  for (let i = 0; i < values.length; i++) values[i] = values[i]! + shift;
}

/** Scale each channel's distance from its own mean, in place. */
export function adjustContrast(values: Float32Array, factor: number): void {
  if (factor === 1) return;
  const sums = [0, 0, 0];
  for (let i = 0; i < values.length; i += 3) {
    sums[0]! += values[i]!;
    sums[1]! += values[i + 1]!;
    sums[2]! += values[i + 2]!;
  }
  const [r = 0, g = 0, b = 0] = sums.map((sum) => (sum / (values.length / 3)) * (1 - factor));
  for (let i = 0; i < values.length; i += 3) {
    values[i] = values[i]! * factor + r;
    values[i + 1] = values[i + 1]! * factor + g;
    values[i + 2] = values[i + 2]! * factor + b;
  }
}

/**
 * Scale the saturation, in place. With V the largest channel, S = (V - smallest) / V; hue and V stay when the distance of
 * every channel from V is scaled by the same number, so no conversion to HSV is needed.
 */
export function adjustSaturation(values: Float32Array, factor: number): void {
  if (factor === 1) return;
  for (let i = 0; i < values.length; i += 3) {
    const r = limited(values[i]!);
    const g = limited(values[i + 1]!);
    const b = limited(values[i + 2]!);
    const value = Math.max(r, g, b);
    const spread = value - Math.min(r, g, b);
    // S * factor <= 1 means spread * factor <= V.
    const scale = spread * factor > value ? value / spread : factor;
    values[i] = value - (value - r) * scale;
    values[i + 1] = value - (value - g) * scale;
    values[i + 2] = value - (value - b) * scale;
  }
}

/** Turn the hue by a fraction of the full circle, from -1 to 1, in place. */
export function adjustHue(values: Float32Array, turn: number): void {
  if (turn === 0) return;
  const sixth = 6 * (turn < 0 ? turn + 1 : turn);
  for (let i = 0; i < values.length; i += 3) {
    const r = limited(values[i]!);
    const g = limited(values[i + 1]!);
    const b = limited(values[i + 2]!);
    const value = Math.max(r, g, b);
    const spread = value - Math.min(r, g, b);
    const hue = wrapped(sixths(r, g, b, value, spread) + sixth);
    // The color circle of Smith's hexcone: each channel is a trapezium over the hue, the three shifted by a third.
    values[i] = value - spread * away(wrapped(hue + 5));
    values[i + 1] = value - spread * away(wrapped(hue + 3));
    values[i + 2] = value - spread * away(wrapped(hue + 1));
  }
}

/** Hue in sixths of the circle, from red (0) over yellow (1) and green (2) on; below 6. */
function sixths(r: number, g: number, b: number, value: number, spread: number): number {
  if (spread === 0) return 0;
  if (value === r) return g >= b ? (g - b) / spread : 6 + (g - b) / spread;
  return value === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
}

/** Back into the circle, for less than two of them. */
function wrapped(position: number): number {
  return position >= 6 ? position - 6 : position;
}

/** How far below V a channel is, in units of the spread: over the circle it climbs from 0 to 1, stays, falls from 3 to 4 and stays 0. */
function away(position: number): number {
  if (position < 1) return position;
  if (position <= 3) return 1;
  return position < 4 ? 4 - position : 0;
}

function limited(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
