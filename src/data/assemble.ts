/** From what a reader of a format found to datasets with a table of classes. */

import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import { type DatasetSource, datasetSource, type SampleStore, sampleName, selectSamples } from "./dataset-source.js";
import { stratifiedSplit } from "./split.js";

/** Samples with the labels as they are written. */
export interface RawSamples {
  readonly store: SampleStore;
  /** Name of the class, or its index where the caller gives the names. */
  readonly labels: readonly string[];
  /** Which part each sample belongs to; null: not said. */
  readonly splits: readonly ("train" | "val" | null)[];
}

export interface AssembleOptions {
  /** What the dataset is called in messages. */
  readonly name: string;
  /** Given names of the classes, by index; null: those that are found, sorted. */
  readonly classes: readonly string[] | null;
  /** Fraction to set aside where no sample says its part. */
  readonly valFraction: number;
  readonly seed: number;
  /** What the reader looked for, to say when there is nothing. */
  readonly expected: string;
}

/** The two parts of a dataset. */
export interface OpenedDataset {
  readonly train: DatasetSource;
  /** Null where nothing is there or was set aside for validation. */
  readonly val: DatasetSource | null;
}

/** @throws InceptionError DATASET_INVALID when there are no samples, or their labels cannot be classes */
export function assemble(raw: RawSamples, options: AssembleOptions): OpenedDataset {
  const { name } = options;
  if (raw.labels.length === 0) throw invalid(name, `it has no samples, expected ${options.expected}`);
  const inTrain = raw.splits.map((split) => split !== "val");
  if (!inTrain.includes(true)) throw invalid(name, `all ${raw.labels.length} samples are validation samples, expected some for training`);
  const trainLabels = raw.labels.filter((_, i) => inTrain[i]);
  const classes = options.classes ?? sortedNames(new Set(trainLabels));
  if (classes.length < 2) {
    throw invalid(name, `it has only one class (${quoted(classes[0] ?? "")}), expected at least two`, { classes });
  }
  const labels = labelIndices(raw, classes, options);
  const whole = datasetSource(name, classes, labels, raw.store);
  if (raw.splits.some((split) => split !== null)) {
    const part = (wanted: boolean) => indicesWhere(inTrain, wanted);
    const val = part(false);
    return { train: selectSamples(whole, part(true)), val: val.length === 0 ? null : selectSamples(whole, val) };
  }
  const { train, val } = stratifiedSplit(labels, options.valFraction, options.seed);
  return { train: selectSamples(whole, train), val: val.length === 0 ? null : selectSamples(whole, val) };
}

function indicesWhere(flags: readonly boolean[], wanted: boolean): Uint32Array {
  return Uint32Array.from({ length: flags.length }, (_, i) => i).filter((i) => flags[i] === wanted);
}

/** @internal An error about a dataset as a whole. */
export function invalid(name: string, fact: string, details: Readonly<Record<string, unknown>> = {}): InceptionError {
  return new InceptionError("DATASET_INVALID", `Cannot open the dataset ${quoted(name)}: ${fact}`, { dataset: name, ...details });
}

/** By value where all are whole numbers ("2" before "10"), otherwise by their characters' codes. */
function sortedNames(names: Iterable<string>): string[] {
  const all = [...names];
  const byCode = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  if (!all.every((each) => /^\d{1,15}$/.test(each))) return all.sort(byCode);
  return all.sort((a, b) => Number(a) - Number(b) || byCode(a, b));
}

function labelIndices(raw: RawSamples, classes: readonly string[], { name, classes: given }: AssembleOptions): Int32Array {
  const index = new Map(classes.map((each, i) => [each, i]));
  const unknown = new Map<string, string>();
  const labels = Int32Array.from(raw.labels, (label, i) => {
    const found = index.get(label) ?? (given && /^\d{1,9}$/.test(label) && Number(label) < given.length ? Number(label) : undefined);
    if (found === undefined && !unknown.has(label)) unknown.set(label, sampleName(raw.store, i));
    return found ?? -1;
  });
  if (unknown.size === 0) return labels;
  const shown = [...unknown].slice(0, 5).map(([label, sample]) => `${quoted(label)} (${quoted(sample)})`);
  const more = unknown.size > shown.length ? ` and ${unknown.size - shown.length} more` : "";
  const law = given
    ? `expected one of the ${given.length} class names given or an index below ${given.length}`
    : `the training samples have ${listed(classes)}`;
  throw invalid(name, `${given ? "unknown class" : "only validation has the class"} ${shown.join(", ")}${more}; ${law}`, {
    unknown: [...unknown.keys()],
  });
}

/** The first names of a list, and how many there are. */
export function listed(names: readonly string[], shown = 8): string {
  const first = names.slice(0, shown).map(quoted).join(", ");
  return names.length > shown ? `${first} and ${names.length - shown} more` : first;
}

/**
 * Put another dataset in place of the validation part: its classes are matched by name.
 *
 * @throws InceptionError DATASET_INVALID when it has a class that training lacks
 */
export function withValidation(train: DatasetSource, val: DatasetSource): OpenedDataset {
  const index = new Map(train.classes.map((each, i) => [each, i]));
  const unknown = val.classes.filter((each) => !index.has(each));
  if (unknown.length > 0) {
    throw invalid(val.name, `the training data lacks its classes ${listed(unknown)}; the training samples have ${listed(train.classes)}`, {
      unknown,
    });
  }
  const labels = val.labels.map((label) => index.get(val.classes[label]!)!);
  return { train, val: datasetSource(val.name, train.classes, labels, val.samples) };
}
