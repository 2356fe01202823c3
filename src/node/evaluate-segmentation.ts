import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Volume } from "../data/volumes/volume.js";
import { InceptionError, messageOf } from "../errors.js";
import { type LabelMean, type LabelScore, meanScores, type SegmentationOptions, scoreSegmentation } from "../segment/index.js";
import { checkSegmentationOptions } from "../segment/metrics.js";
import { readError } from "./system-error.js";
import { readVolume } from "./volumes.js";

/** One predicted label file with its true one. */
interface SegmentationCase {
  /** The file's name without folder and ending. */
  readonly id: string;
  readonly predicted: string;
  readonly truth: string;
}

/** Scores of one case. */
export interface ScoredCase {
  readonly id: string;
  readonly classes: readonly LabelScore[];
}

/** A case that could not be scored, and why. */
export interface FailedCase {
  readonly id: string;
  readonly error: InceptionError;
}

/** Scores of label maps against ground truth, by case and on average. */
export interface EvaluatedSegmentation {
  /** Sorted by id. */
  readonly cases: readonly ScoredCase[];
  /** Of the scored cases, one entry per label. */
  readonly mean: readonly LabelMean[];
  readonly failed: readonly FailedCase[];
  /** Ground-truth files of the directory that have no prediction; they were skipped. */
  readonly withoutPrediction: number;
}

/** Which labels of label maps are scored, and how. */
export interface EvaluateSegmentationOptions extends SegmentationOptions {
  /** Called after each case with how many are done and how many there are; it is awaited. */
  readonly onCase?: (done: number, total: number) => void | Promise<void>;
}

/** Entries of two affines that differ by no more than this many millimeters are the same: files hold them as 32-bit numbers. */
const AFFINE_TOLERANCE = 1e-3;
const ENDING = /\.nii(\.gz)?$/i;

/**
 * Scores predicted label maps against the ground truth: a file against a file, or the files of a directory against those of the
 * same names in another (`.nii` and `.nii.gz` are the same name). With directories, a case that cannot be read, has no ground
 * truth or is on another grid is reported and does not stop the rest; with two files, it throws. Definitions of the scores:
 * docs/segmentation-metrics.md.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID for paths that cannot be listed; USAGE for a file against a directory;
 *   OPTION_INVALID; DATASET_INVALID where the directory contains no label file; for two files also as `readVolume` and `scoreSegmentation`
 *
 * @example
 * ```ts
 * import { tmpdir } from "node:os";
 * import { createVolume } from "inceptionkit/data";
 * import { evaluateSegmentation, writeVolume } from "inceptionkit/node";
 * const file = `${tmpdir()}/inceptionkit-labels.nii.gz`;
 * await writeVolume(file, createVolume([2, 1, 1], Uint8Array.of(0, 1)));
 * const { cases } = await evaluateSegmentation(file, file);
 * cases[0].classes[0].dice; // 1
 * ```
 */
export async function evaluateSegmentation(
  predicted: string,
  truth: string,
  options: EvaluateSegmentationOptions = {},
): Promise<EvaluatedSegmentation> {
  const { onCase, ...scoring } = options;
  checkSegmentationOptions(scoring);
  const { folders, pairs, failed: unpaired, withoutPrediction } = await pairFiles(predicted, truth);
  const [cases, failed]: [ScoredCase[], FailedCase[]] = [[], [...unpaired]];
  for (const [index, pair] of pairs.entries()) {
    try {
      cases.push({ id: pair.id, classes: await scoreLabelFiles(pair, scoring) });
    } catch (thrown) {
      if (!folders || !(thrown instanceof InceptionError)) throw thrown;
      failed.push({ id: pair.id, error: thrown });
    }
    await onCase?.(index + 1, pairs.length);
  }
  return { cases, mean: meanScores(cases.map(({ classes }) => classes)), failed, withoutPrediction };
}

/**
 * Score one label file against another. Both must lie on the same grid.
 *
 * @throws InceptionError VOLUME_INVALID, OPTION_INVALID and as `readVolume`
 */
export async function scoreLabelFiles(
  { predicted, truth }: SegmentationCase,
  options: SegmentationOptions,
): Promise<readonly LabelScore[]> {
  const [{ volume: found }, { volume: real }] = [await readVolume(predicted), await readVolume(truth)];
  checkSamePlace(found, real);
  return scoreSegmentation(found, real, options);
}

/** Grids of one shape may still lie apart, or be turned round: then equal places in memory are different places in the body. */
function checkSamePlace(found: Volume, real: Volume): void {
  if (!found.shape.every((size, axis) => size === real.shape[axis])) return;
  const wrong = found.affine.findIndex((value, i) => !(Math.abs(value - (real.affine[i] ?? Number.NaN)) <= AFFINE_TOLERANCE));
  if (wrong < 0) return;
  const place = `row ${Math.floor(wrong / 4) + 1}, column ${(wrong % 4) + 1} of the affine`;
  const fact = `the prediction has ${found.affine[wrong]} in ${place}, the ground truth ${real.affine[wrong]}`;
  const message = `Cannot score a segmentation: ${fact}, expected a difference of at most ${AFFINE_TOLERANCE}`;
  throw new InceptionError("VOLUME_INVALID", message, { predicted: found.affine, truth: real.affine });
}

interface Pairing {
  readonly folders: boolean;
  readonly pairs: readonly SegmentationCase[];
  readonly failed: readonly FailedCase[];
  readonly withoutPrediction: number;
}

async function pairFiles(predicted: string, truth: string): Promise<Pairing> {
  const [predictedIsFolder, truthIsFolder] = [await isFolder(predicted), await isFolder(truth)];
  if (predictedIsFolder !== truthIsFolder) {
    const kind = (folder: boolean): string => (folder ? "directory" : "file");
    const fact = `"${messageOf(predicted)}" is a ${kind(predictedIsFolder)} and "${messageOf(truth)}" a ${kind(truthIsFolder)}`;
    throw new InceptionError("USAGE", `Cannot compare label files: ${fact}, expected two files or two directories`, { predicted, truth });
  }
  if (!predictedIsFolder) {
    return {
      folders: false,
      pairs: [{ id: path.basename(truth).replace(ENDING, ""), predicted, truth }],
      failed: [],
      withoutPrediction: 0,
    };
  }
  return pairByName(await labelFiles(predicted), await labelFiles(truth), { predicted, truth });
}

type FilesById = ReadonlyMap<string, readonly string[]>;

function pairByName(predictions: FilesById, truths: FilesById, folders: { readonly predicted: string; readonly truth: string }): Pairing {
  if (predictions.size === 0) {
    const message = `Cannot compare label files: "${messageOf(folders.predicted)}" contains no .nii or .nii.gz file`;
    throw new InceptionError("DATASET_INVALID", message, folders);
  }
  const [pairs, failed]: [SegmentationCase[], FailedCase[]] = [[], []];
  for (const [id, files] of predictions) {
    const [predicted = "", truth = ""] = [files[0], truths.get(id)?.[0]];
    const several = [files, truths.get(id) ?? []].find(({ length }) => length > 1);
    if (several !== undefined) {
      const fact = `"${messageOf(several[0])}" and "${messageOf(several[1])}" have the same name, expected unique names`;
      failed.push({ id, error: new InceptionError("DATASET_INVALID", `Cannot compare label files: ${fact}`, { id }) });
    } else if (truth === "") {
      const fact = `"${messageOf(folders.truth)}" has no file for "${messageOf(predicted)}"`;
      failed.push({ id, error: new InceptionError("DATASET_INVALID", `Cannot compare label files: ${fact}`, { id }) });
    } else pairs.push({ id, predicted, truth });
  }
  return { folders: true, pairs, failed, withoutPrediction: [...truths.keys()].filter((id) => !predictions.has(id)).length };
}

/** The label files of a folder by their names without endings, sorted; hidden ones are left out, as in archives of a Macintosh. */
async function labelFiles(folder: string): Promise<FilesById> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw unreadable(folder, thrown);
  });
  const files = new Map<string, string[]>();
  for (const name of names.filter((each) => ENDING.test(each) && !each.startsWith(".")).toSorted()) {
    const id = name.replace(ENDING, "");
    files.set(id, [...(files.get(id) ?? []), path.join(folder, name)]);
  }
  return files;
}

async function isFolder(file: string): Promise<boolean> {
  const found = await stat(file).catch((thrown: unknown) => {
    throw unreadable(file, thrown);
  });
  return found.isDirectory();
}

function unreadable(file: string, thrown: unknown): InceptionError {
  return readError(`compare label files of "${messageOf(file)}"`, file, thrown);
}
