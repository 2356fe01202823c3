/** Opening a dataset by what it is: a folder, a list, tar shards, or "shapes10". */
import { stat } from "node:fs/promises";
import path from "node:path";
import { type AssembleOptions, assemble, invalid, type OpenedDataset, type RawSamples, withValidation } from "../../data/assemble.js";
import type { ListFormat } from "../../data/sample-list.js";
import { parseShapes10, shapes10 } from "../../data/shapes10.js";
import { InceptionError } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { readError, systemErrorCode } from "../system-error.js";
import { readImageFolder } from "./image-folder.js";
import { readListFile } from "./list-file.js";
import { expandBraces, readTarShards, shardsOfFolder, splitByName } from "./tar-shards.js";

export type { OpenedDataset } from "../../data/assemble.js";

/** How a dataset is split, and which classes it has. */
export interface OpenDatasetOptions {
  /** Part of each class that is set aside where the source does not say what is for validation; [0, 1), default 0.2. */
  readonly valFraction?: number;
  /** Decides which samples are set aside. Default 0. */
  readonly seed?: number;
  /**
   * Names of the classes by index; labels are then these names or indices. Default: the labels that training has, sorted (by
   * value where all are whole numbers).
   */
  readonly classes?: readonly string[];
  /** Another source for validation: its validation split if it has one, otherwise all of it. Nothing is then held out. */
  readonly valData?: string;
}

const LISTS: Readonly<Record<string, ListFormat>> = { ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl" };

/**
 * Opens a labeled set of images. No image is read.
 *
 * @param source one of
 *   - a directory `train/CLASS/*.jpg` with `val`, `valid`, `validation` or `test` beside `train`, or a directory `CLASS/*.jpg`, or a
 *     directory of images whose names begin with WordNet ids, `n01440764_10026.JPEG`;
 *   - a list: a `.csv` or `.tsv` file with the columns path, label and optionally split, or a `.jsonl` file with such records; with
 *     labels in place of label, images have several classes or none (`cat|dog`, in JSON an array);
 *   - WebDataset shards: a `.tar` file, a pattern such as `shard-{000..009}.tar`, or a directory of `.tar` files;
 *   - `shapes10`, optionally with settings: `shapes10?train=1000&val=200&size=64&seed=3`, or `shapes10?objects=4` for images of
 *     up to four objects.
 * @throws InceptionError DATASET_INVALID naming the layout found and the layouts expected; FILE_NOT_FOUND; FILE_CORRUPT and
 *   FILE_TRUNCATED for a damaged shard; OPTION_INVALID
 *
 * @example
 * ```ts
 * import { openDataset } from "inceptionkit/node";
 * const { train, val } = await openDataset("shapes10?train=100&val=20");
 * train.size; // 100
 * val?.classes.length; // 10
 * ```
 */
export async function openDataset(source: string, options: OpenDatasetOptions = {}): Promise<OpenedDataset> {
  const { valFraction = 0.2, seed = 0, classes = null, valData: val } = options;
  if (!(valFraction >= 0 && valFraction < 1)) {
    throw new InceptionError("OPTION_INVALID", `Cannot open a dataset with valFraction ${valFraction}: expected a number in [0, 1)`, {
      valFraction,
    });
  }
  const opened = await openOne(source, { classes, valFraction: val === undefined ? valFraction : 0, seed });
  if (val === undefined) return opened;
  const other = await openOne(val, { classes: opened.train.classes, valFraction: 0, seed });
  return withValidation(opened.train, other.val ?? other.train);
}

async function openOne(source: string, options: Pick<AssembleOptions, "classes" | "valFraction" | "seed">): Promise<OpenedDataset> {
  if (source === "shapes10" || source.startsWith("shapes10?")) return shapes10(parseShapes10(source));
  const { raw, expected } = await readRaw(source);
  return assemble(raw, { ...options, name: source, expected });
}

const TAR_EXPECTED = 'samples of an image (.jpg, .jpeg, .png or .webp) and a label (.cls, or .json with "label") each';

async function readRaw(source: string): Promise<{ readonly raw: RawSamples; readonly expected: string }> {
  if (/\{\d+\.\.\d+\}/.test(source)) {
    return { raw: await readTarShards(source, splitByName(expandBraces(source))), expected: TAR_EXPECTED };
  }
  const info = await stat(source).catch((thrown: unknown) => {
    throw notFound(source, thrown);
  });
  if (info.isDirectory()) {
    const shards = await shardsOfFolder(source);
    if (shards) return { raw: await readTarShards(source, shards), expected: TAR_EXPECTED };
    return { raw: await readImageFolder(source), expected: "one directory of images per class" };
  }
  const extension = path.extname(source).toLowerCase();
  if (extension === ".tar") return { raw: await readTarShards(source, [{ file: source, split: null }]), expected: TAR_EXPECTED };
  const format = LISTS[extension];
  if (format) return { raw: await readListFile(source, format), expected: "a line for each sample" };
  const found = extension === "" ? "a file without an ending" : `a ${quoted(extension)} file`;
  throw invalid(source, `it is ${found}, expected a directory, a .csv, .tsv or .jsonl list, a .tar shard or "shapes10"`);
}

function notFound(source: string, thrown: unknown): InceptionError {
  const code = systemErrorCode(thrown);
  const expected = 'expected a directory, a .csv, .tsv or .jsonl list, a .tar shard or "shapes10"';
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") {
    return new InceptionError("FILE_NOT_FOUND", `Cannot open the dataset ${quoted(source)}: no such file or directory, ${expected}`, {
      source,
    });
  }
  return readError(`open the dataset ${quoted(source)}`, source, thrown);
}
