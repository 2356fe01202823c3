import { at } from "../../tensor/at.js";

/** Where no other samples are given, every so many are held out to compare on. */
export const HELD_OUT = 5;

/** Every fifth sample. */
export function heldOut<T>(samples: readonly T[]): readonly T[] {
  return samples.filter((_, index) => index % HELD_OUT === HELD_OUT - 1);
}

/** At most so many samples, taken evenly from all, so that every class of a sorted list is among them. */
export function evenly<T>(samples: readonly T[], most: number): readonly T[] {
  if (samples.length <= most) return samples;
  return Array.from({ length: most }, (_, index) => at(samples, Math.floor(((index + 0.5) * samples.length) / most)));
}
