import { randomStream } from "../data/random.js";
import { elementCount, float32Tensor, type Tensor } from "../tensor/tensor.js";

/** A dropout mask that a training program is fed. */
export interface MaskFeed {
  /** Name of the input. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Probability that an element is dropped, in (0, 1). */
  readonly dropRate: number;
}

/** Key of a mask: the run, the step (from 0) and the batch within the step. */
export interface MaskKey {
  readonly seed: number;
  readonly step: number;
  readonly part: number;
}

/** Masks of 0 and 1/(1 − dropRate), drawn by name, seed, step and part: the same whatever was drawn before. */
export function dropoutMasks(feeds: readonly MaskFeed[], { seed, step, part }: MaskKey): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    feeds.map(({ name, shape, dropRate }) => {
      const random = randomStream({ seed, purpose: name, epoch: part, index: step });
      const kept = 1 / (1 - dropRate);
      const values = Float32Array.from({ length: elementCount(shape) }, () => (random.chance(dropRate) ? 0 : kept));
      return [name, float32Tensor(shape, values)];
    }),
  );
}
