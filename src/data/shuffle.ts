import { randomStream } from "./random.js";

/** The order in which the samples of an epoch are read: another one each epoch, or 0, 1, 2, ... without shuffling. */
export function epochOrder(
  size: number,
  options: { readonly seed: number; readonly epoch: number; readonly shuffle: boolean },
): Uint32Array {
  const { seed, epoch, shuffle } = options;
  if (!shuffle) return Uint32Array.from({ length: size }, (_, i) => i);
  return randomStream({ seed, purpose: "shuffle", epoch }).permutation(size);
}
