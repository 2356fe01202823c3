import { InceptionError } from "../errors.js";
import { randomStream } from "./random.js";

/**
 * Sets one of several parts of about equal size aside. Over all folds each sample is set aside once.
 *
 * @param size - number of samples
 * @param folds - 2 to `size`
 * @param fold - from 0
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { foldSplit } from "inceptionkit/data";
 * foldSplit(200, 5, 0, 1).val.length; // 40
 * ```
 */
export function foldSplit(size: number, folds: number, fold: number, seed: number): Split {
  if (!Number.isInteger(folds) || folds < 2 || folds > size) {
    const message = `Cannot split ${size} samples into ${folds} folds: expected an integer from 2 to ${size}`;
    throw new InceptionError("OPTION_INVALID", message, { size, folds });
  }
  if (!Number.isInteger(fold) || fold < 0 || fold >= folds) {
    throw new InceptionError("OPTION_INVALID", `Cannot hold out fold ${fold} of ${folds}: expected an integer from 0 to ${folds - 1}`, {
      fold,
      folds,
    });
  }
  const order = randomStream({ seed, purpose: "folds" }).permutation(size);
  return { train: order.filter((_, i) => i % folds !== fold).sort(), val: order.filter((_, i) => i % folds === fold).sort() };
}

/** Indices of the samples of two parts, each in ascending order. */
export interface Split {
  readonly train: Uint32Array;
  readonly val: Uint32Array;
}

/**
 * Sets a fraction of every class aside for validation. The same labels, fraction and seed give the same split.
 *
 * Of n samples of a class `round(n * fraction)` are set aside, at least one and never all; a class of one sample stays
 * whole in training. A fraction of 0 sets nothing aside.
 *
 * @param labels class index of each sample
 * @throws InceptionError OPTION_INVALID when the fraction is not in [0, 1)
 */
export function stratifiedSplit(labels: ArrayLike<number>, fraction: number, seed: number): Split {
  if (!(fraction >= 0 && fraction < 1)) {
    throw new InceptionError("OPTION_INVALID", `Cannot hold out a fraction of ${fraction} for validation: expected a number in [0, 1)`, {
      fraction,
    });
  }
  const byClass = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const members = byClass.get(labels[i]!);
    if (members) members.push(i);
    else byClass.set(labels[i]!, [i]);
  }
  const held = new Uint8Array(labels.length);
  for (const [label, members] of byClass) {
    const wanted = fraction === 0 ? 0 : Math.max(1, Math.round(members.length * fraction));
    const count = Math.min(wanted, members.length - 1);
    const order = randomStream({ seed, purpose: "split", index: label }).permutation(members.length);
    for (const at of order.subarray(0, count)) held[members[at]!] = 1;
  }
  const indices = Uint32Array.from({ length: labels.length }, (_, i) => i);
  return { train: indices.filter((i) => held[i] === 0), val: indices.filter((i) => held[i] === 1) };
}
