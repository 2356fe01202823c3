/**
 * Statistics of the cases that a segmentation model was trained on, so that an input of another kind can be noticed: size,
 * spacing, intensities before normalization and the volume of each label.
 */
import { isRecord } from "../is-record.js";
import type { Normalization } from "./intensity.js";
import { percentile, sampledVoxels } from "./percentile.js";
import type { Volume } from "./volume.js";

/** How one number is distributed over the training cases. */
export interface Distribution {
  readonly min: number;
  /** 0.5th percentile. */
  readonly low: number;
  readonly median: number;
  /** 99.5th percentile. */
  readonly high: number;
  readonly max: number;
}

/** Percentiles of a volume's voxels that are compared. */
export const LEVELS = [5, 25, 50, 75, 95] as const;

/** Intensities of one channel over the training cases. */
export interface IntensityDistribution {
  /**
   * One for each percentile of `LEVELS`: for Hounsfield units in widths of the window from its lower end, else in standard
   * deviations from the mean of the volume.
   */
  readonly levels: readonly Distribution[];
  /** Fraction of the voxels that have the lowest value of their volume. */
  readonly lowest: Distribution;
}

/** Statistics that a model records about its training cases. Lengths are along x, y and z (right, anterior, superior). */
export interface TrainingStatistics {
  readonly cases: number;
  /** Voxels times spacing along each axis, in millimeters. */
  readonly extent: readonly Distribution[];
  /** Millimeters. */
  readonly spacing: readonly Distribution[];
  /** By channel. */
  readonly intensities: readonly IntensityDistribution[];
  /** For each label but the background, in the order of the recipe's label values: mm³ of a case, 0 where a case lacks it. */
  readonly labelVolumes: readonly Distribution[];
}

/** Intensities of one channel of one case. */
export interface IntensityProfile {
  /** One for each percentile of `LEVELS`, as stored. */
  readonly levels: readonly number[];
  readonly mean: number;
  readonly standardDeviation: number;
  /** Fraction of the voxels that have the lowest value. */
  readonly lowest: number;
}

/** The profile of a volume, from a sample of its finite voxels; all 0 where none is finite. */
export function intensityProfile(volume: Pick<Volume, "data">): IntensityProfile {
  const values = sampledVoxels(volume);
  if (values.length === 0) return { levels: LEVELS.map(() => 0), mean: 0, standardDeviation: 0, lowest: 1 };
  const levels = LEVELS.map((level) => percentile(values, level));
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  const above = values.findIndex((value) => value > (values[0] ?? 0));
  // The rounded mean of equal values would give them a spread.
  if (above < 0) return { levels, mean, standardDeviation: 0, lowest: 1 };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0);
  return { levels, mean, standardDeviation: Math.sqrt(variance), lowest: above / values.length };
}

/**
 * The percentiles of a profile on a scale that cases share. Only Hounsfield units have one of their own: the numbers of an MR
 * scanner depend on the scanner and on how the file was written, so there each volume is its own scale.
 *
 * @returns all 0 for a volume without contrast
 */
export function relativeLevels({ levels, mean, standardDeviation }: IntensityProfile, normalization: Normalization): readonly number[] {
  if (normalization.name === "ct_window") {
    const { center, width } = normalization;
    return levels.map((level) => (level - (center - width / 2)) / width);
  }
  return levels.map((level) => (standardDeviation > 0 ? (level - mean) / standardDeviation : 0));
}

/** What a recipe has that its statistics must fit. */
interface Described {
  readonly channels: number;
  readonly labels: number;
}

/**
 * Reads statistics from JSON of an untrusted file.
 *
 * @param described - channels, and labels without the background
 * @returns null for anything that `TrainingStatistics` is not
 */
export function readTrainingStatistics(value: unknown, { channels, labels }: Described): TrainingStatistics | null {
  if (!isRecord(value)) return null;
  const { cases, extent, spacing, intensities, labelVolumes } = value;
  const read = {
    cases: typeof cases === "number" && Number.isSafeInteger(cases) && cases > 0 ? cases : null,
    extent: readList(extent, 3, readDistribution),
    spacing: readList(spacing, 3, readDistribution),
    intensities: readList(intensities, channels, readIntensities),
    labelVolumes: readList(labelVolumes, labels, readDistribution),
  };
  return isComplete(read) ? read : null;
}

function isComplete<T extends object>(value: T): value is { [K in keyof T]: Exclude<T[K], null> } {
  return Object.values(value).every((each) => each !== null);
}

function readList<T>(value: unknown, length: number, read: (item: unknown) => T | null): readonly T[] | null {
  if (!Array.isArray(value) || value.length !== length) return null;
  const items = value.map(read).filter((item) => item !== null);
  return items.length === length ? items : null;
}

function readIntensities(value: unknown): IntensityDistribution | null {
  if (!isRecord(value)) return null;
  const read = { levels: readList(value.levels, LEVELS.length, readDistribution), lowest: readDistribution(value.lowest) };
  return isComplete(read) ? read : null;
}

function readDistribution(value: unknown): Distribution | null {
  if (!isRecord(value)) return null;
  const { min, low, median, high, max } = value;
  const rising = [min, low, median, high, max].every(
    (each, index, all) => typeof each === "number" && Number.isFinite(each) && (index === 0 || each >= Number(all[index - 1])),
  );
  return rising ? { min: Number(min), low: Number(low), median: Number(median), high: Number(high), max: Number(max) } : null;
}
