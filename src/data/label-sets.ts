/** Several classes for each image, or none: as plain arrays that can be sent to another thread. */
import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";

/** The classes of sample i are `classes[offsets[i]]` to `classes[offsets[i + 1] - 1]`, ascending and each once. */
export interface LabelSets {
  /** One more than there are samples. */
  readonly offsets: Uint32Array;
  readonly classes: Int32Array;
}

/** A dataset as far as its classes go. */
interface Labeled {
  readonly name: string;
  readonly labelOf: (index: number) => number;
  readonly labelSets?: LabelSets;
}

/** @param sets - class indices of each sample, in any order */
export function labelSetsOf(sets: Iterable<Iterable<number>>): LabelSets {
  const offsets = [0];
  const classes: number[] = [];
  for (const set of sets) {
    for (const index of [...new Set(set)].sort((a, b) => a - b)) classes.push(index);
    offsets.push(classes.length);
  }
  return { offsets: Uint32Array.from(offsets), classes: Int32Array.from(classes) };
}

/** The classes of one sample. */
export function classesOfSample({ offsets, classes }: LabelSets, index: number): Int32Array {
  return classes.subarray(offsets[index], offsets[index + 1]);
}

/** The sets of some of the samples, in the order of `indices`. */
export function selectSets(sets: LabelSets, indices: readonly number[]): LabelSets {
  return labelSetsOf(indices.map((index) => classesOfSample(sets, index)));
}

/** The same sets over other class indices. */
export function renameClasses(sets: LabelSets, rename: (label: number) => number): LabelSets {
  return labelSetsOf(Array.from({ length: sets.offsets.length - 1 }, (_, index) => Array.from(classesOfSample(sets, index), rename)));
}

/** Writes 1 at each class of a sample into a row of zeros that begins at `offset`. */
export function markClasses({ labelOf, labelSets }: Omit<Labeled, "name">, index: number, row: Float32Array, offset: number): void {
  if (labelSets === undefined) row[offset + labelOf(index)] = 1;
  else for (const label of classesOfSample(labelSets, index)) row[offset + label] = 1;
}

/**
 * @param action - what needs one class for each image, for the message
 * @throws InceptionError DATASET_INVALID where images may have several classes
 */
export function requireSingleLabels({ name, labelSets }: Pick<Labeled, "name" | "labelSets">, action: string): void {
  if (labelSets === undefined) return;
  const message = `Cannot ${action} ${quoted(name)}: its images may have several classes or none, expected one class for each`;
  throw new InceptionError("DATASET_INVALID", message, { dataset: name });
}
