/**
 * How the values of a tensor are spread, in a form that two halves of the data can be counted apart and joined exactly.
 *
 * Bins lie side by side around 0, each as wide as a power of two. When a value lies outside, the width is doubled, which
 * joins neighbors in pairs; no value ever changes its bin in another way. So the histogram of many batches is the same
 * in whatever order and groups they come.
 */

/** Bins on each side of 0. */
export const BINS_PER_SIDE = 2048;

/** Widths are 2^exponent with exponents from here: 2⁻¹⁴⁹ is the smallest float32. */
const MIN_EXPONENT = -149;

export interface Histogram {
  /** Bins are 2^exponent wide. */
  readonly exponent: number;
  /** counts[BINS_PER_SIDE + i] is the number of values in [i, i + 1) · 2^exponent, for −BINS_PER_SIDE ≤ i < BINS_PER_SIDE. */
  readonly counts: Float64Array;
  /** Smallest and largest value, exactly; Infinity and −Infinity where there is none. */
  readonly min: number;
  readonly max: number;
  /** Number of values. */
  readonly total: number;
  /** Values that were no finite numbers; they are in no bin. */
  readonly notFinite: number;
}

/** The histogram of no values. */
export function emptyHistogram(): Histogram {
  return {
    exponent: MIN_EXPONENT,
    counts: new Float64Array(2 * BINS_PER_SIDE),
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    total: 0,
    notFinite: 0,
  };
}

/** The histogram of some values, at most 2^32 − 1. */
export function histogramOf(values: Float32Array): Histogram {
  const { min, max, notFinite } = extremes(values);
  const exponent = exponentFor(min, max);
  const counts = new Uint32Array(2 * BINS_PER_SIDE);
  const perBin = 2 ** -exponent;
  for (let index = 0; index < values.length; index++) {
    // A product of a float32 with a power of two has no rounding. What is not finite falls outside all bins, where nothing is counted.
    const bin = BINS_PER_SIDE + Math.floor((values[index] as number) * perBin);
    (counts[bin] as number)++;
  }
  return { exponent, counts: Float64Array.from(counts), min, max, total: values.length - notFinite, notFinite };
}

/** The histogram of the values of both. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  const exponent = Math.max(a.exponent, b.exponent);
  const counts = new Float64Array(2 * BINS_PER_SIDE);
  for (const part of [a, b]) {
    const shift = 2 ** (exponent - part.exponent);
    for (let index = 0; index < part.counts.length; index++) {
      const count = part.counts[index] ?? 0;
      if (count === 0) continue;
      const bin = BINS_PER_SIDE + Math.floor((index - BINS_PER_SIDE) / shift);
      counts[bin] = (counts[bin] ?? 0) + count;
    }
  }
  return {
    exponent,
    counts,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    total: a.total + b.total,
    notFinite: a.notFinite + b.notFinite,
  };
}

function extremes(values: Float32Array): Pick<Histogram, "min" | "max" | "notFinite"> {
  let [min, max, rest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    // 0 for finite numbers, NaN for all others, which stays.
    rest += value - value;
  }
  if (rest === 0) return { min, max, notFinite: 0 };
  const finite = values.filter(Number.isFinite);
  return { ...extremes(finite), notFinite: values.length - finite.length };
}

/** The least width whose bins hold both ends. */
function exponentFor(min: number, max: number): number {
  let exponent = MIN_EXPONENT;
  const largest = Math.max(Math.abs(min), Math.abs(max));
  if (largest > 0 && Number.isFinite(largest)) {
    exponent = Math.max(exponent, Math.floor(Math.log2(largest)) - Math.log2(BINS_PER_SIDE));
  }
  while (min < -BINS_PER_SIDE * 2 ** exponent || max >= BINS_PER_SIDE * 2 ** exponent) exponent++;
  return exponent;
}
