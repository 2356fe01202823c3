/** From the spread of a value to the range that its 256 levels cover. */
import { InceptionError } from "../../errors.js";
import { BINS_PER_SIDE, type Histogram } from "./histogram.js";
import { entropyThreshold } from "./relative-entropy.js";

/** The part of the real numbers that the levels of a value cover. What lies outside is moved to the nearer end. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const CALIBRATION_METHODS = ["minmax", "percentile", "entropy"] as const;

/**
 * How a range is chosen:
 * - "minmax": from the smallest to the largest value seen; nothing is cut.
 * - "percentile": what lies outside is `100 − percentile` per cent of the values: of one side where all are on one side of 0,
 *   else half of it on each side.
 * - "entropy": cut at ±threshold, where the levels lose least of the distribution's information (see `entropyThreshold`).
 */
export type CalibrationMethod = (typeof CALIBRATION_METHODS)[number];

export interface Calibration {
  readonly method: CalibrationMethod;
  /** For "percentile": per cent of the values that are covered, in (50, 100]. */
  readonly percentile: number;
}

/**
 * The range for a value.
 *
 * @param value - its name, for messages
 * @throws InceptionError OPTION_INVALID where there is nothing to choose from: no values, or not all of them finite numbers
 */
export function chooseRange(histogram: Histogram, { method, percentile }: Calibration, value: string): Range {
  const { min, max, total, notFinite } = histogram;
  if (notFinite > 0 || total === 0) {
    const fact = total === 0 && notFinite === 0 ? "it has no values" : `${notFinite} of its ${total + notFinite} values are not finite`;
    throw new InceptionError("OPTION_INVALID", `Cannot calibrate "${value}": ${fact}, expected finite numbers`, {
      value,
      notFinite,
      total,
    });
  }
  if (method === "percentile") return percentileRange(histogram, percentile);
  if (method === "minmax") return { low: min, high: max };
  const threshold = entropyThreshold(magnitudes(histogram), min >= 0 || max <= 0 ? 256 : 128) * 2 ** histogram.exponent;
  return { low: Math.max(min, -threshold), high: Math.min(max, threshold) };
}

function percentileRange(histogram: Histogram, percentile: number): Range {
  const { min, max } = histogram;
  const outside = 1 - percentile / 100;
  if (min >= 0) return { low: min, high: quantile(histogram, 1 - outside) };
  if (max <= 0) return { low: quantile(histogram, outside), high: max };
  return { low: quantile(histogram, outside / 2), high: quantile(histogram, 1 - outside / 2) };
}

/** The value below which a share of all values lies, as if those of a bin were evenly spread over it. */
function quantile({ counts, exponent, total, min, max }: Histogram, share: number): number {
  const wanted = share * total;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= wanted) {
      const place = index - BINS_PER_SIDE + (wanted - below) / count;
      return Math.min(Math.max(place * 2 ** exponent, min), max);
    }
    below += count;
  }
  return max;
}

/** Counts by distance from 0, in bins of the same width, up to the last that is not empty. */
function magnitudes({ counts }: Histogram): Float64Array {
  const sums = Float64Array.from(
    { length: BINS_PER_SIDE },
    (_, i) => (counts[BINS_PER_SIDE + i] ?? 0) + (counts[BINS_PER_SIDE - 1 - i] ?? 0),
  );
  const last = sums.findLastIndex((count) => count > 0);
  return sums.subarray(0, last + 1);
}
