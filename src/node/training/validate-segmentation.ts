import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { throwIfAborted } from "../../runtime/abort.js";
import type { CancelSignal } from "../../runtime/session.js";
import type { TrainerOptions } from "../../runtime/trainer.js";
import { type LabelMean, meanScores } from "../../segment/index.js";
import { checkSegmentOptions } from "../../tasks/segment/segmenter.js";
import { openVolumeDataset } from "../datasets/volume-dataset.js";
import { type FailedCase, type ScoredCase, scoreLabelFiles } from "../evaluate-segmentation.js";
import { openRun, RUN_FILES } from "../open-run.js";
import { locateSource } from "../run-sources.js";
import { openSegmenter } from "../segment/segmenter.js";
import { writeVolume } from "../volumes.js";
import { makeFolder, writeFileAtomic } from "../write-file.js";
import { planOf } from "./segmentation-plan.js";

/** How held-out cases are segmented and scored. */
export interface ValidateSegmentationOptions extends Pick<TrainerOptions, "device" | "threads"> {
  /** As `Segmenter.segment` takes it. Default 0.5. */
  readonly overlap?: number;
  /** As `Segmenter.segment` takes it. Default: none. */
  readonly mirrorAxes?: readonly number[];
  /** Ends the validation: it rejects with `signal.reason`, at the latest after the window under way. */
  readonly signal?: CancelSignal;
  /** Called after each case. */
  readonly onCase?: (done: number, total: number) => void;
}

/** How a run does on the whole volumes of the cases that were set aside, at their own grids. */
export interface SegmentationValidation {
  /** Sorted by id. */
  readonly cases: readonly ScoredCase[];
  /** One entry for each label but the background. */
  readonly mean: readonly LabelMean[];
  readonly failed: readonly FailedCase[];
  /** Mean of Dice over labels and cases, in [0, 1]; null where nothing could be scored. */
  readonly meanDice: number | null;
}

/** Where scores are below the directory of a run. */
const VALIDATION_FILE = "validation.json";

/**
 * Segments the whole cases that a run held out and scores them against their labels. Predictions are written to
 * `validation/` in the run directory, scores to `validation.json`.
 *
 * @param folder - directory of a run of `trainSegmentation`; its best checkpoint is used
 * @throws InceptionError RUN_INVALID, DATASET_INVALID, WRITE_FAILED and as `openSegmenter`; OPTION_INVALID for axes that the run's
 *   training did not mirror; a case that cannot be read or scored is in `failed`
 *
 * @example
 * ```ts
 * import { validateSegmentation } from "inceptionkit/node";
 * const { meanDice } = await validateSegmentation("runs/hippocampus");
 * console.log(meanDice);
 * ```
 */
export async function validateSegmentation(folder: string, options: ValidateSegmentationOptions = {}): Promise<SegmentationValidation> {
  const run = await openRun(folder);
  const { validation, recipe } = planOf(run);
  const { data } = run.config.settings;
  if (validation.length === 0 || typeof data !== "string") {
    const message = `Cannot validate run "${messageOf(folder)}": it has no held-out cases, expected a run with a fold`;
    throw new InceptionError("RUN_INVALID", message, { folder });
  }
  const { onCase, overlap, mirrorAxes, signal, ...device } = options;
  const dataset = await openVolumeDataset(await locateSource(run, "data", data));
  const segmenter = await openSegmenter(folder, device);
  const [cases, failed]: [ScoredCase[], FailedCase[]] = [[], []];
  const how = {
    ...(overlap === undefined ? {} : { overlap }),
    ...(mirrorAxes === undefined ? {} : { mirrorAxes }),
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    checkSegmentOptions(segmenter, how);
    const place = path.join(folder, RUN_FILES.validation);
    await makeFolder(place);
    for (const [index, id] of validation.entries()) {
      throwIfAborted(signal);
      try {
        const found = dataset.cases.find((each) => each.id === id);
        if (found === undefined)
          throw new InceptionError("DATASET_INVALID", `Cannot validate on "${id}": "${messageOf(data)}" has no such case`);
        const { labels, header } = await segmenter.segment(found.image, how);
        const predicted = path.join(place, `${id}.nii.gz`);
        await writeVolume(predicted, labels, header);
        const classes = await scoreLabelFiles({ id, predicted, truth: found.label }, { labels: recipe.labelValues.slice(1) });
        cases.push({ id, classes });
      } catch (thrown) {
        if (signal?.aborted || !(thrown instanceof InceptionError)) throw thrown;
        failed.push({ id, error: thrown });
      }
      onCase?.(index + 1, validation.length);
    }
  } finally {
    await segmenter.close();
  }
  const result = summed(cases, failed);
  await writeFileAtomic(path.join(folder, VALIDATION_FILE), [
    new TextEncoder().encode(`${JSON.stringify(validationJson(result), null, 1)}\n`),
  ]);
  return result;
}

/** The same of cases of several runs. */
export function summed(cases: readonly ScoredCase[], failed: readonly FailedCase[]): SegmentationValidation {
  const mean = meanScores(cases.map(({ classes }) => classes));
  const dice = mean.flatMap((each) => each.dice ?? []);
  const meanDice = dice.length === 0 ? null : dice.reduce((sum, value) => sum + value, 0) / dice.length;
  return { cases, mean, failed, meanDice };
}

/** As it is written and printed: the keys of `eval-seg`, and the mean. */
export function validationJson({ cases, mean, failed, meanDice }: SegmentationValidation) {
  return { meanDice, mean, cases, failed: failed.map(({ id, error }) => ({ id, error: error.message })) };
}
