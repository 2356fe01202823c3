import { randomStream } from "../data/random.js";
import { percentile } from "../data/volumes/percentile.js";
import { at } from "../tensor/at.js";
import { type ImageQuality, type Quality, qualityOf } from "./quality.js";

/** A range that contains the value with 95% confidence. */
type Interval = readonly [low: number, high: number];

/** Resamples of one interval. */
const RESAMPLES = 1000;

/**
 * 95% intervals by the percentile bootstrap (Efron, 1979) over images: 1,000 resamples with replacement. Resampling enlarges the
 * calibration error of well calibrated probabilities, so that its interval can lie above the value itself.
 *
 * @param seed - the same seed gives the same intervals
 * @throws InceptionError OPTION_INVALID for a seed that is no integer of at least 0
 */
export function qualityIntervals(images: readonly ImageQuality[], seed: number): Readonly<Record<keyof Quality, Interval>> {
  const resamples = Array.from({ length: RESAMPLES }, (_, index) => {
    const random = randomStream({ seed, purpose: "bootstrap", index });
    return qualityOf(images.map(() => at(images, random.below(images.length))));
  });
  const interval = (measure: keyof Quality): Interval => {
    const values = Float64Array.from(resamples, (quality) => quality[measure]).sort();
    return [percentile(values, 2.5), percentile(values, 97.5)];
  };
  return { nll: interval("nll"), brier: interval("brier"), ece: interval("ece") };
}
