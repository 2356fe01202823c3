import { InceptionError } from "../errors.js";
import { classesOfSample, type LabelSets } from "./label-sets.js";
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
  checkFraction(fraction);
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

function checkFraction(fraction: number): void {
  if (fraction >= 0 && fraction < 1) return;
  throw new InceptionError("OPTION_INVALID", `Cannot hold out a fraction of ${fraction} for validation: expected a number in [0, 1)`, {
    fraction,
  });
}

/**
 * Sets a fraction of samples that have several classes or none aside for validation, so that each class has about that fraction in
 * it. The same sets, fraction and seed give the same split. A class of one sample stays in training.
 *
 * Source: iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011) with two parts: the samples of the rarest class first, each
 * to the part that wants most of that class; of ties to the part that wants most samples.
 *
 * @throws InceptionError OPTION_INVALID when the fraction is not in [0, 1)
 */
export function multiLabelSplit(sets: LabelSets, fraction: number, seed: number): Split {
  checkFraction(fraction);
  const size = sets.offsets.length - 1;
  const order = randomStream({ seed, purpose: "split" }).permutation(size);
  const members = membersByClass(sets, order);
  const shares = [1 - fraction, fraction] as const;
  const wanted = shares.map((share) => ({ samples: size * share, classes: members.map(({ length }) => length * share) }));
  const left = members.map(({ length }) => length);
  const part = new Int8Array(size).fill(-1);
  const place = (sample: number, to: 0 | 1): void => {
    part[sample] = to;
    const wants = wanted[to]!;
    wants.samples -= 1;
    for (const label of classesOfSample(sets, sample)) {
      wants.classes[label]! -= 1;
      left[label]! -= 1;
    }
  };
  const preferred = (label: number): 0 | 1 => {
    const [train, val] = wanted.map(({ samples, classes }) => [classes[label] ?? 0, samples] as const);
    const difference = val![0] - train![0] || val![1] - train![1];
    return difference > 0 ? 1 : 0;
  };
  for (let label = rarest(left); label >= 0; label = rarest(left)) {
    const only = members[label]!.length === 1;
    for (const sample of members[label]!) if (part[sample] === -1) place(sample, only ? 0 : preferred(label));
  }
  for (const sample of order) if (part[sample] === -1) place(sample, wanted[1]!.samples > wanted[0]!.samples ? 1 : 0);
  const indices = Uint32Array.from({ length: size }, (_, i) => i);
  return { train: indices.filter((i) => part[i] === 0), val: indices.filter((i) => part[i] === 1) };
}

function membersByClass(sets: LabelSets, order: Uint32Array): readonly (readonly number[])[] {
  const count = sets.classes.reduce((most, label) => Math.max(most, label + 1), 0);
  const members = Array.from({ length: count }, (): number[] => []);
  for (const sample of order) for (const label of classesOfSample(sets, sample)) members[label]!.push(sample);
  return members;
}

/** The class with the fewest samples left, the first of ties; −1 where none has any. */
function rarest(left: readonly number[]): number {
  let best = -1;
  for (const [label, count] of left.entries()) if (count > 0 && (best < 0 || count < left[best]!)) best = label;
  return best;
}
