/**
 * An interval for a Fréchet distance by the delete-a-group jackknife.
 *
 * The images of each set are dealt at random into g groups. The distance is computed anew g times, each time without one group of
 * either set, and its variance is estimated by (g - 1) / g · Σ (dₖ - d̄)². Leaving out one image at a time would take as many distances as there are images; groups
 * need g, and no image is run again: what is kept is one mean and scatter for each group, merged without one of them.
 * Leaving out a group of both sets together costs half of leaving out each by itself, and estimates the same, since the sets are independent.
 * Source: Kott, "The delete-a-group jackknife", J. of Official Statistics 17 (2001).
 */
import { randomStream } from "../data/index.js";
import { type FeatureStatistics, type Moments, mergeMoments, statisticsOf } from "./moments.js";

/** Ten distances besides the one itself; more would make the interval little shorter (Student's factor 2.26 against 1.96). */
export const JACKKNIFE_GROUPS = 10;

/** 97.5 % points of Student's t for 1, 2, … degrees of freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262] as const;

/**
 * The group of each image.
 *
 * @param count - images
 * @param groups - 1 to count
 * @param purpose - which set it is, so that two sets are dealt differently
 */
export function assignGroups(count: number, groups: number, seed: number, purpose: string): Uint8Array {
  const dealt = new Uint8Array(count);
  const order = randomStream({ seed, purpose: `frechet groups ${purpose}` }).permutation(count);
  for (const [place, image] of order.entries()) dealt[image] = place % groups;
  return dealt;
}

/**
 * Returns the number of jackknife groups for sets of these sizes: 10, or each image by itself where a set has fewer; 1 where a set has
 * fewer than 3 images, of which none can be left out.
 */
export function groupCount(counts: readonly number[]): number {
  const least = Math.min(...counts);
  return least < 3 ? 1 : Math.min(JACKKNIFE_GROUPS, least);
}

/** The statistics without group `left`. */
export function statisticsExcluding(groups: readonly Moments[], left: number): FeatureStatistics {
  return statisticsOf(mergeMoments(groups.filter((_, index) => index !== left)));
}

/**
 * A 95 % interval around a distance.
 *
 * @param without - the distance without each group
 * @returns null for fewer than 2 groups, which say nothing; the lower end is at least 0, or the distance itself where that is below
 *
 * @example
 * ```ts
 * import { jackknifeInterval } from "inceptionkit/frechet";
 * jackknifeInterval(10, [9, 10, 11]); // [5.0313, 14.9687]: 10 ± 4.303 · (2/3 · 2)^½
 * ```
 */
export function jackknifeInterval(distance: number, without: readonly number[]): readonly [low: number, high: number] | null {
  const groups = without.length;
  const factor = STUDENT[groups - 2];
  if (factor === undefined) return null;
  const mean = without.reduce((sum, value) => sum + value, 0) / groups;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const reach = factor * Math.sqrt(((groups - 1) / groups) * squares);
  return [Math.min(distance, Math.max(0, distance - reach)), distance + reach];
}
