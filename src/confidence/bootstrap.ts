import { randomStream } from "../data/random.js";
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
    return [quantile(values, 0.025), quantile(values, 0.975)];
  };
  return { nll: interval("nll"), brier: interval("brier"), ece: interval("ece") };
}

/** The quantile of sorted values, linear between neighbors (type 7 of Hyndman and Fan, the default of NumPy). */
export function quantile(sorted: Float64Array, fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const [below, above] = [Math.floor(place), Math.ceil(place)];
  const [low, high] = [at(sorted, below), at(sorted, above)];
  return low + (place - below) * (high - low);
}
