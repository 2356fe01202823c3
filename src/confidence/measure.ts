import { qualityIntervals } from "./bootstrap.js";
import { type ImageQuality, type Quality, qualityOf, type ReliabilityBin, reliabilityBins } from "./quality.js";

/** Measures of probabilities: values, and their 95% bootstrap intervals. */
export interface MeasuredCalibration extends Quality {
  readonly intervals: Readonly<Record<keyof Quality, readonly [low: number, high: number]>>;
  /** Reliability diagram with 15 bins of equal width. */
  readonly reliability: readonly ReliabilityBin[];
}

/**
 * The measures of at least one image.
 *
 * @throws InceptionError OPTION_INVALID for a seed that is no integer of at least 0
 */
export function measureCalibration(images: readonly ImageQuality[], seed: number): MeasuredCalibration {
  return { ...qualityOf(images), intervals: qualityIntervals(images, seed), reliability: reliabilityBins(images) };
}
