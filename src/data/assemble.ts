/** From what a reader of a format found to datasets with a table of classes. */

import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import { type DatasetSource, datasetSource, type SampleStore, sampleName, selectSamples } from "./dataset-source.js";
import { type LabelSets, labelSetsOf, renameClasses } from "./label-sets.js";
import { multiLabelSplit, stratifiedSplit } from "./split.js";

/** Samples with the labels as they are written. */
export interface RawSamples {
  readonly store: SampleStore;
  /** For each sample the name of its class, or its index where the caller gives the names; lists of them where some have several. */
  readonly labels: readonly string[] | readonly (readonly string[])[];
  /** Which part each sample belongs to; null: not said. */
  readonly splits: readonly ("train" | "val" | null)[];
}

/**
 * Labels as `RawSamples` has them: lists for all samples if there is a list for one.
 *
 * @param labels - the class of each sample, or all of its classes
 */
export function rawLabels(labels: readonly (string | readonly string[])[]): RawSamples["labels"] {
  const single = labels.filter((label) => typeof label === "string");
  return single.length === labels.length ? single : labels.map((label) => (typeof label === "string" ? [label] : label));
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
  const classes = options.classes ?? sortedNames(new Set(raw.labels.filter((_, i) => inTrain[i]).flat()));
  checkClasses(
    name,
    classes,
    raw.labels.some((label) => typeof label !== "string"),
  );
  const labels = labelIndices(raw, classes, options);
  const whole = datasetSource(name, classes, labels, raw.store);
  if (raw.splits.some((split) => split !== null)) {
    const part = (wanted: boolean) => indicesWhere(inTrain, wanted);
    const val = part(false);
    return { train: selectSamples(whole, part(true)), val: val.length === 0 ? null : selectSamples(whole, val) };
  }
  const { valFraction, seed } = options;
  const { train, val } =
    labels instanceof Int32Array ? stratifiedSplit(labels, valFraction, seed) : multiLabelSplit(labels, valFraction, seed);
  return { train: selectSamples(whole, train), val: val.length === 0 ? null : selectSamples(whole, val) };
}

/** One class can be present or absent where images may have none; otherwise there must be a choice. */
function checkClasses(name: string, classes: readonly string[], hasSets: boolean): void {
  if (classes.length >= 2 || (hasSets && classes.length === 1)) return;
  if (hasSets) throw invalid(name, "none of its training samples has a class");
  throw invalid(name, `it has only one class (${quoted(classes[0] ?? "")}), expected at least two`, { classes });
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

function labelIndices(raw: RawSamples, classes: readonly string[], { name, classes: given }: AssembleOptions): Int32Array | LabelSets {
  const index = new Map(classes.map((each, i) => [each, i]));
  const unknown = new Map<string, string>();
  const indexOf = (label: string, i: number): number => {
    const found = index.get(label) ?? (given && /^\d{1,9}$/.test(label) && Number(label) < given.length ? Number(label) : undefined);
    if (found === undefined && !unknown.has(label)) unknown.set(label, sampleName(raw.store, i));
    return found ?? -1;
  };
  const single = raw.labels.filter((label) => typeof label === "string");
  const labels =
    single.length === raw.labels.length
      ? Int32Array.from(single, indexOf)
      : labelSetsOf(raw.labels.map((set, i) => Array.from(set, (label) => indexOf(label, i))));
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
  const rename = (label: number): number => index.get(val.classes[label]!)!;
  const sets = setsLike(train, val);
  const labels = sets === null ? val.labels.map(rename) : renameClasses(sets, rename);
  return { train, val: datasetSource(val.name, train.classes, labels, val.samples) };
}

/** The classes of validation images as those of training are: sets where these are, else null. */
function setsLike(train: DatasetSource, val: DatasetSource): LabelSets | null {
  if (train.labelSets !== undefined) return val.labelSets ?? labelSetsOf(Array.from(val.labels, (label) => [label]));
  if (val.labelSets === undefined) return null;
  throw invalid(val.name, "its images may have several classes or none, those for training have one each");
}
