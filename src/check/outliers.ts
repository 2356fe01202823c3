/** Values far from most others of a set, by statistics that outliers themselves do not move. */

interface Outlier {
  readonly index: number;
  readonly value: number;
  /** Modified z-score: positive above the median. */
  readonly score: number;
}

interface OutlierSearch {
  readonly median: number;
  /** Furthest first. */
  readonly outliers: readonly Outlier[];
}

/** Iglewicz and Hoaglin recommend 3.5 for normal values; images' sizes and sharpness have longer tails. */
const MAX_SCORE = 5;
/** Fewer values say nothing about what is usual. */
const MIN_VALUES = 10;

/**
 * Values whose modified z-score, 0.6745 (x − median) / MAD, exceeds 5 in magnitude (Iglewicz and Hoaglin, "How to Detect and Handle
 * Outliers", 1993). Where more than half of the values are equal, the MAD is 0 and the mean absolute deviation takes its place:
 * (x − median) / (1.2533 MeanAD).
 *
 * @param values - NaN: not looked at
 */
export function findOutliers(values: readonly number[]): OutlierSearch {
  const known = values.filter((value) => !Number.isNaN(value));
  const median = medianOf(known);
  const deviations = known.map((value) => Math.abs(value - median));
  const mad = medianOf(deviations);
  const meanDeviation = deviations.reduce((sum, value) => sum + value, 0) / known.length;
  const scale = mad > 0 ? mad / 0.6745 : 1.2533 * meanDeviation;
  if (known.length < MIN_VALUES || !(scale > 0)) return { median, outliers: [] };
  const outliers = values.flatMap((value, index) => {
    const score = (value - median) / scale;
    return Math.abs(score) > MAX_SCORE ? [{ index, value, score }] : [];
  });
  return { median, outliers: outliers.toSorted((a, b) => Math.abs(b.score) - Math.abs(a.score) || a.index - b.index) };
}

/** NaN of no values. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
