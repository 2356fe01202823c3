import { randomStream } from "../random.js";
import { createVolume, type Triple, type Volume } from "./volume.js";

/** A scan that no patient was needed for, and what a segmentation of it should give. */
export interface SyntheticVolume {
  /** 8-bit gray, oriented RAS, 1 mm voxels. */
  readonly image: Volume;
  /** 0 background, 1 the front part of the structure, 2 its back part. */
  readonly labels: Volume;
}

const SHAPE: Triple = [36, 50, 36];
/** Gray of a tissue is MEAN + SPREAD times its contrast. */
const MEAN = 110;
const SPREAD = 45;
const NOISE = 0.22;
/** Contrasts in standard deviations of the volume, as in T1-weighted MR: fluid dark, gray matter below the mean, white matter bright. */
const FLUID = -1.9;
const GRAY = -0.55;
const WHITE = 1.1;
/** Of the middle line, in the part from the front end at 0 to the back end at 1, up to which the structure is its front part. */
const FRONT_PART = 0.4;
const LINE_POINTS = 65;

/**
 * Draws something like an MR cut-out around a hippocampus, by a formula: a bent gray body of two parts, about 3,100 voxels, thick in
 * front and thin at the back, on white matter and under fluid, with noise. To try things out; it is no anatomy.
 *
 * The same seed gives the same voxels on every machine.
 *
 * @param seed - an integer of 0 to 2^53 − 1; changes place, bend and noise
 * @returns 36 × 50 × 36 voxels of 1 mm
 * @throws InceptionError OPTION_INVALID for a seed that is none
 *
 * @example
 * ```ts
 * import { generateVolume } from "inceptionkit/data";
 * const { image, labels } = generateVolume(1);
 * image.shape; // [36, 50, 36]
 * new Set(labels.data).size; // 3
 * ```
 */
export function generateVolume(seed: number): SyntheticVolume {
  const form = drawForm(seed);
  const noise = randomStream({ seed, purpose: "drawn volume noise" });
  const [width, height, depth] = SHAPE;
  const gray = new Uint8Array(width * height * depth);
  const labels = new Uint8Array(gray.length);
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        const { distance, along, above } = nearest(form, x, y, z);
        if (distance < 1) labels[at] = along < FRONT_PART ? 1 : 2;
        const contrast = tissue(distance, above, y / height) + noise.normal(0, NOISE);
        gray[at] = Math.min(255, Math.max(0, Math.round(MEAN + SPREAD * contrast)));
      }
    }
  }
  return { image: createVolume(SHAPE, gray), labels: createVolume(SHAPE, labels) };
}

/** A point of the middle line, with the half axes of the body there. */
interface LinePoint {
  readonly center: Triple;
  readonly across: number;
  readonly up: number;
}

/** The middle line from the front end, low and thick, to the back end, higher and thin. */
function drawForm(seed: number): readonly LinePoint[] {
  const random = randomStream({ seed, purpose: "drawn volume form" });
  const [shiftX, shiftY, shiftZ] = [random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)];
  const [bend, rise] = [random.uniform(3, 5), random.uniform(8, 10)];
  return Array.from({ length: LINE_POINTS }, (_, index) => {
    const t = index / (LINE_POINTS - 1);
    const taper = Math.sqrt(1 - 0.45 * t);
    return {
      center: [17 + bend * (t - 0.5) * (t - 0.5) - 2 * t + shiftX, 38 - 26 * t + shiftY, 11.5 + rise * t * t + 2 * t + shiftZ],
      across: 7 * taper,
      up: 5.3 * taper,
    };
  });
}

/** How far a voxel is from the body, 1 at its surface; where along the middle line it is nearest, and how far above it. */
function nearest(form: readonly LinePoint[], x: number, y: number, z: number) {
  let best = { distance: Number.POSITIVE_INFINITY, along: 0, above: 0 };
  for (const [index, { center, across, up }] of form.entries()) {
    const [dx, dy, dz] = [(x - center[0]) / across, (y - center[1]) / up, (z - center[2]) / up];
    const distance = dx * dx + dy * dy + dz * dz;
    if (distance < best.distance) best = { distance, along: index / (form.length - 1), above: dz };
  }
  return { ...best, distance: Math.sqrt(best.distance) };
}

/** Contrast by distance: the body, a rim of fluid above and of white matter below it, and further layers outside. */
function tissue(distance: number, above: number, front: number): number {
  const over = smooth(above + 0.3);
  const rim = mixed(WHITE, FLUID * (0.4 + 0.6 * front), over);
  const beyond = mixed(GRAY - 0.3, WHITE * 0.7, over);
  const outermost = mixed(FLUID * 0.8, WHITE * 0.4, over);
  const inner = mixed(GRAY, rim, smooth((distance - 1.02) * 5));
  return mixed(mixed(inner, beyond, smooth((distance - 1.75) * 2)), outermost, smooth((distance - 3.2) * 2));
}

function mixed(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** 0 below 0, 1 above 1, smooth between. */
function smooth(value: number): number {
  const t = Math.min(1, Math.max(0, value));
  return t * t * (3 - 2 * t);
}
