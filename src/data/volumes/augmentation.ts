import { InceptionError } from "../../errors.js";
import { portableExp, portableLog } from "../elementary.js";
import { isRecord } from "../is-record.js";
import type { Random } from "../random.js";

/**
 * What is changed at random in a patch of a volume. Probabilities are in [0, 1] and each is drawn by itself; 0 leaves a change out.
 * Plain data, so that a run's plan can hold it.
 */
export interface VolumeAugmentation {
  /** Axes that are turned round in half of the patches: 0 for x, 1 for y, 2 for z. */
  readonly mirrorAxes: readonly number[];
  readonly rotationProbability: number;
  /** Largest angle about each axis, in degrees, at most 180. */
  readonly rotationDegrees: number;
  readonly scalingProbability: number;
  /** Factor on sizes, lowest and highest, one for all axes. */
  readonly scalingRange: readonly [low: number, high: number];
  readonly elasticProbability: number;
  /** Standard deviation of the shift of each control point, in voxels. */
  readonly elasticShift: number;
  /** Voxels between control points. */
  readonly elasticSpacing: number;
  readonly noiseProbability: number;
  /** Highest standard deviation of the noise, in units of the normalized image. */
  readonly noiseDeviation: number;
  readonly brightnessProbability: number;
  /** Factor on all values. */
  readonly brightnessRange: readonly [low: number, high: number];
  readonly contrastProbability: number;
  /** Factor on the distance from the mean; values stay between the lowest and the highest of the patch. */
  readonly contrastRange: readonly [low: number, high: number];
  readonly gammaProbability: number;
  /** Exponent on the values between the lowest, 0, and the highest, 1; half of the patches are inverted for it. Mean and deviation stay. */
  readonly gammaRange: readonly [low: number, high: number];
}

/** Changes of the strength that nnU-Net uses, but for rotations, which are smaller and more frequent. */
export const VOLUME_AUGMENTATION: VolumeAugmentation = {
  mirrorAxes: [0],
  rotationProbability: 0.5,
  rotationDegrees: 15,
  scalingProbability: 0.5,
  scalingRange: [0.8, 1.25],
  elasticProbability: 0.2,
  elasticShift: 2,
  elasticSpacing: 12,
  noiseProbability: 0.15,
  noiseDeviation: 0.3,
  brightnessProbability: 0.15,
  brightnessRange: [0.75, 1.25],
  contrastProbability: 0.15,
  contrastRange: [0.75, 1.25],
  gammaProbability: 0.3,
  gammaRange: [0.7, 1.5],
};

/** Nothing is changed. */
export const NO_VOLUME_AUGMENTATION: VolumeAugmentation = {
  ...VOLUME_AUGMENTATION,
  mirrorAxes: [],
  rotationProbability: 0,
  scalingProbability: 0,
  elasticProbability: 0,
  noiseProbability: 0,
  brightnessProbability: 0,
  contrastProbability: 0,
  gammaProbability: 0,
};

/** Nothing rotates further, shifts further or is scaled more than anybody would want; beyond lies a slip of the pen. */
const RANGES: Readonly<Record<string, readonly [low: number, high: number]>> = {
  rotationDegrees: [0, 180],
  elasticShift: [0, 100],
  elasticSpacing: [2, 1024],
  noiseDeviation: [0, 100],
  scalingRange: [0.1, 10],
  brightnessRange: [0, 10],
  contrastRange: [0, 10],
  gammaRange: [0.05, 20],
};

/**
 * Reads an augmentation from JSON of a stranger, or from a record that leaves out what stays as in `VOLUME_AUGMENTATION`.
 *
 * @param place - how the message names where it was found
 * @throws InceptionError OPTION_INVALID naming the field
 */
export function parseVolumeAugmentation(value: unknown, place: string): VolumeAugmentation {
  const fail = (field: string, expected: string): never => {
    throw new InceptionError("OPTION_INVALID", `Cannot read the augmentation of ${place}: ${field} is not ${expected}`, { place, field });
  };
  const given = isRecord(value) ? value : fail("the value", "an object");
  const unknown = Object.keys(given).find((field) => !Object.hasOwn(VOLUME_AUGMENTATION, field));
  if (unknown !== undefined) fail(unknown, `one of ${Object.keys(VOLUME_AUGMENTATION).join(", ")}`);
  for (const [field, found] of Object.entries(given)) {
    const [low, high] = RANGES[field] ?? [0, 1];
    const inRange = (number: unknown): boolean => typeof number === "number" && number >= low && number <= high;
    if (field === "mirrorAxes") {
      if (!isList(found) || !found.every((axis) => axis === 0 || axis === 1 || axis === 2)) fail(field, "a list of 0, 1 and 2");
    } else if (field.endsWith("Range")) {
      const fits = isList(found) && found.length === 2 && found.every(inRange) && Number(found[0]) <= Number(found[1]);
      if (!fits) fail(field, `a minimum and a maximum from ${low} to ${high}`);
    } else if (!inRange(found)) fail(field, `a number from ${low} to ${high}`);
  }
  return { ...VOLUME_AUGMENTATION, ...given };
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/**
 * Changes the intensities of one channel in place: noise, brightness, contrast and gamma, each by its chance.
 *
 * @param values - of a patch, normalized
 */
export function changeIntensities(values: Float32Array, augmentation: VolumeAugmentation, random: Random): void {
  const { noiseDeviation, brightnessRange, contrastRange, gammaRange } = augmentation;
  if (random.chance(augmentation.noiseProbability)) {
    const deviation = random.uniform(0, noiseDeviation);
    for (let i = 0; i < values.length; i++) values[i] = values[i]! + random.normal(0, deviation);
  }
  if (random.chance(augmentation.brightnessProbability)) {
    const factor = random.uniform(...brightnessRange);
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
  }
  if (random.chance(augmentation.contrastProbability)) stretchContrast(values, random.uniform(...contrastRange));
  if (random.chance(augmentation.gammaProbability)) {
    const inverted = random.chance(0.5);
    bendGamma(values, random.uniform(...gammaRange), inverted);
  }
}

interface Moments {
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

function momentsOf(values: Float32Array): Moments {
  let [sum, squares, low, high] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    sum += value;
    squares += value * value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const mean = sum / values.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / values.length - mean * mean)), low, high };
}

function stretchContrast(values: Float32Array, factor: number): void {
  const { mean, low, high } = momentsOf(values);
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max((values[i]! - mean) * factor + mean, low), high);
}

function bendGamma(values: Float32Array, exponent: number, inverted: boolean): void {
  const before = momentsOf(values);
  const { low, high } = before;
  if (!(high > low)) return;
  for (let i = 0; i < values.length; i++) {
    const share = (inverted ? high - values[i]! : values[i]! - low) / (high - low);
    const bent = share > 0 ? portableExp(exponent * portableLog(share)) : 0;
    values[i] = inverted ? high - bent * (high - low) : low + bent * (high - low);
  }
  const after = momentsOf(values);
  const factor = after.deviation > 0 ? before.deviation / after.deviation : 1;
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! - after.mean) * factor + before.mean;
}
