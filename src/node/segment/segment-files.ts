import { stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { throwIfAborted } from "../../runtime/abort.js";
import { type CaseWarning, mirrorings, planWindows } from "../../segment/index.js";
import type { LabelStatistics } from "../../segment/labels.js";
import { inMillimeters } from "../../tasks/segment/read-channels.js";
import type { SegmentedVolume } from "../../tasks/segment/segmented-case.js";
import { checkSegmentOptions, type Segmenter, type SegmentOptions } from "../../tasks/segment/segmenter.js";
import { sourceName } from "../training/source-names.js";
import { writeVolume } from "../volumes.js";
import { makeFolder, writeFileAtomic } from "../write-file.js";
import { inCaseThread } from "./case-thread.js";
import { withoutEnding } from "./list-volumes.js";
import { encodeVolumesCsv } from "./volumes-csv.js";

/** What became of one file. */
export type SegmentedFile =
  | {
      readonly file: string;
      readonly output: string;
      readonly measured: readonly LabelStatistics[];
      /** As of `SegmentedVolume`. */
      readonly warnings: readonly CaseWarning[] | null;
    }
  | { readonly file: string; readonly error: InceptionError };

/** How volumes in files are segmented, and what is written. */
export interface SegmentFilesOptions extends Omit<SegmentOptions, "onWindow"> {
  /** Directory of the results; created if it does not exist. */
  readonly out: string;
  /** Write a page with slices and outlines for each case. Default true. */
  readonly quality?: boolean;
  /** Shown on the pages: how the model is called. Default: the network's id. */
  readonly modelName?: string;
  /** Called with how many windows of a file are done, first with 0, then after each; it is awaited. */
  readonly onWindow?: (at: { readonly file: string; readonly done: number; readonly total: number }) => void | Promise<void>;
  /** Called after each file; it is awaited. */
  readonly onFile?: (result: SegmentedFile) => void | Promise<void>;
}

/** Below the folder of the results. */
const SEGMENT_FILES = { volumes: "volumes.csv", quality: "qc", probabilities: "probabilities" } as const;

/**
 * Segments files one after the other and writes the results to a directory: `NAME.nii.gz` with the labels on the file's own grid, `volumes.csv` with the
 * volume of every label so far, `qc/NAME.html`, and with `probabilities` a float32 volume `probabilities/NAME_VALUE.nii.gz` for
 * each class. A file that cannot be segmented becomes an error in the result and does not stop the rest.
 *
 * Every file is written completely or not at all, also when the process is killed; the labels are written last, so that a case with
 * labels is complete. Files of these names are replaced, but never an input.
 *
 * @returns one entry for each file, in their order
 * @throws InceptionError USAGE where an output would replace an input; WRITE_FAILED where the directory cannot be created; OPTION_INVALID for
 *   an invalid overlap or axis, axes that the model was not trained to be mirrored along, and `strict` for a model without
 *   statistics of its training cases; what `signal` was aborted with
 */
export async function segmentFiles(
  segmenter: Segmenter,
  files: readonly string[],
  options: SegmentFilesOptions,
): Promise<readonly SegmentedFile[]> {
  const { out, onFile, signal } = options;
  // An option that is wrong is wrong for every file: it is no error of the first.
  planWindows([1, 1, 1], [1, 1, 1], options.overlap === undefined ? {} : { overlap: options.overlap });
  mirrorings(options.mirrorAxes ?? []);
  checkSegmentOptions(segmenter, options);
  await checkOutputs(files, out);
  const folders = [
    out,
    ...(options.quality === false ? [] : [SEGMENT_FILES.quality]),
    ...(options.probabilities ? [SEGMENT_FILES.probabilities] : []),
  ];
  for (const folder of folders) await makeFolder(folder === out ? out : path.join(out, folder));
  const results: SegmentedFile[] = [];
  for (const [index, file] of files.entries()) {
    throwIfAborted(signal);
    const same = files.slice(0, index).find((earlier) => outputOf(earlier, out) === outputOf(file, out));
    const result = same === undefined ? await segmentFile(segmenter, file, options) : { file, error: sameName(file, same) };
    results.push(result);
    if ("output" in result) await writeCsv(results, out);
    await onFile?.(result);
  }
  return results;
}

function outputOf(file: string, out: string): string {
  return path.join(out, `${withoutEnding(file)}.nii.gz`);
}

function sameName(file: string, earlier: string): InceptionError {
  const message = `Cannot segment "${messageOf(file)}": "${messageOf(earlier)}" has the same name and was already written; rename one of them`;
  return new InceptionError("DATASET_INVALID", message, { file, earlier });
}

/** Labels must never take the place of the scan that they are of. */
async function checkOutputs(files: readonly string[], out: string): Promise<void> {
  const identity = async (file: string): Promise<string | null> =>
    stat(file).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => null,
    );
  const inputs = new Map<string | null, string>();
  for (const file of files) inputs.set(await identity(file), file);
  for (const file of files) {
    const output = outputOf(file, out);
    const found = await identity(output);
    const replaced = found === null ? undefined : inputs.get(found);
    if (replaced === undefined) continue;
    const message = `Cannot write "${messageOf(output)}": it is the input "${messageOf(replaced)}"; pass another directory as \`out\``;
    throw new InceptionError("USAGE", message, { output, input: replaced });
  }
}

async function segmentFile(segmenter: Segmenter, file: string, options: SegmentFilesOptions): Promise<SegmentedFile> {
  const { out, onWindow, onFile, quality = true, modelName, ...rest } = options;
  try {
    const segmented = await segmenter.segment(file, {
      ...rest,
      ...(onWindow === undefined ? {} : { onWindow: (done: number, total: number) => onWindow({ file, done, total }) }),
    });
    const name = withoutEnding(file);
    await writeProbabilities(segmented, segmenter, path.join(out, SEGMENT_FILES.probabilities, name));
    if (quality) {
      const html = await caseQuality(segmenter, name, segmented, modelName);
      await writeFileAtomic(path.join(out, SEGMENT_FILES.quality, `${name}.html`), [new TextEncoder().encode(html)]);
    }
    const output = outputOf(file, out);
    await writeVolume(output, segmented.labels, segmented.header);
    return { file, output, measured: segmented.labelStatistics, warnings: segmented.warnings };
  } catch (thrown) {
    if (thrown instanceof InceptionError) return { file, error: thrown };
    throw thrown;
  }
}

async function writeProbabilities({ probabilities, header }: SegmentedVolume, { labels }: Segmenter, stem: string): Promise<void> {
  for (const [index, volume] of (probabilities ?? []).entries()) {
    await writeVolume(`${stem}_${labels[index]?.value ?? index}.nii.gz`, volume, header);
  }
}

async function caseQuality(segmenter: Segmenter, title: string, segmented: SegmentedVolume, modelName?: string): Promise<string> {
  const { metadata, recipe, labels, window } = segmenter;
  const { image, header, labelStatistics: measured } = segmented;
  const shown = {
    title,
    image: inMillimeters(image, header),
    labels: inMillimeters(segmented.labels, header),
    classes: labels,
    measured,
    warnings: segmented.warnings,
    normalization: recipe.normalization[0] ?? { name: "z_score", region: "all" },
    facts: [
      ["Model", [...new Set([modelName === undefined ? metadata.model : sourceName(modelName), metadata.model])].join(", ")],
      ["Weights", metadata.source],
      ["Window", window === null ? "whole volume" : window.join(" × ")],
    ],
  } as const;
  return inCaseThread("page", shown, image.data.length);
}

async function writeCsv(results: readonly SegmentedFile[], out: string): Promise<void> {
  const text = encodeVolumesCsv(results.flatMap((result) => ("output" in result ? [result] : [])));
  await writeFileAtomic(path.join(out, SEGMENT_FILES.volumes), [new TextEncoder().encode(text)]);
}
