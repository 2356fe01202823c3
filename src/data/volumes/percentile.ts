import { InceptionError } from "../../errors.js";
import { coprimeStride } from "../../tensor/sample.js";
import type { Volume } from "./volume.js";

/**
 * A percentile with linear interpolation between the two nearest values, as numpy.percentile's default.
 *
 * @param sorted - at least one value, in ascending order
 * @param percent - in [0, 100]
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { percentile } from "inceptionkit/segment";
 * percentile([1, 2, 3, 4], 50); // 2.5
 * ```
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0 || !(percent >= 0 && percent <= 100)) {
    const fact = `there are ${sorted.length} values and percent is ${percent}, expected at least one value and a number from 0 to 100`;
    throw new InceptionError("OPTION_INVALID", `Cannot compute a percentile: ${fact}`, { values: sorted.length, percent });
  }
  const place = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  // Of two infinite values the difference would be NaN.
  return low === high ? low : low + (high - low) * (place - below);
}

/** More voxels change no percentile by more than a few thousandths of a standard deviation. */
const SAMPLED_VOXELS = 2 ** 18;

/** A sample of a volume's finite voxels, in ascending order; all of them in a small volume. */
export function sampledVoxels({ data }: Pick<Volume, "data">): Float64Array {
  const stride = coprimeStride(data.length, SAMPLED_VOXELS);
  const sample = Float64Array.from({ length: Math.ceil(data.length / stride) }, (_, index) => data[index * stride] ?? Number.NaN);
  return sample.filter(Number.isFinite).sort();
}
