/** A run that learns to classify images: how it is evaluated and reported in the end. */
import type { OpenedDataset } from "../../data/assemble.js";
import type { Batch } from "../../data/batch.js";
import { calibrateRun, type RunCalibration } from "../../tasks/calibrate/calibrate-run.js";
import { stateOf } from "../../tasks/training/checkpoint-state.js";
import { imageTask } from "../../tasks/training/image-task.js";
import type { MeasuredEvaluation } from "../../train/classification.js";
import type { JsonRecord } from "../../train/json.js";
import { evaluate } from "../../train/loop.js";
import type { TrainingSettings } from "../../train/settings.js";
import { type DataFaults, faultFacts } from "../check/before-training.js";
import { openRun, readRunCheckpoint } from "../open-run.js";
import { mistakePictures } from "./mistake-pictures.js";
import type { ReportOfTask } from "./run-report.js";
import type { RunTask, TrainedParts } from "./run-task.js";
import { sourceName } from "./source-names.js";
import type { StartedRun } from "./training-run.js";

/** What an image classifier measured in the end. */
interface ImageResult {
  /** Of the best epoch. */
  readonly evaluation: MeasuredEvaluation;
  readonly calibration: RunCalibration;
}

/** @param faults - of the data; null where it was not looked at */
export function imageRunTask(
  data: OpenedDataset,
  { settings, options, writer }: StartedRun<TrainingSettings, MeasuredEvaluation>,
  faults: DataFaults | null,
): RunTask<Batch, MeasuredEvaluation, ImageResult> {
  const { val } = data;
  return {
    ...imageTask(data, settings),
    evaluate: async (trained) => {
      const { best } = trained;
      if (best === null) return { evaluation: null, interrupted: false };
      const evaluation = trained.log.evaluationOf(best.epoch) ?? (await evaluateBest(options.out, trained));
      if (evaluation === "interrupted") return { evaluation: null, interrupted: true };
      if (evaluation === null) return { evaluation: null, interrupted: false };
      const calibration = calibrateRun(evaluation, sourceName(settings.data), settings);
      await writer.writeCalibration(calibrationJson(best.epoch, calibration));
      return { evaluation: { evaluation, calibration }, interrupted: false };
    },
    report: async (result) => ({
      evaluation: result?.evaluation ?? null,
      ...(result === null ? {} : shownCalibration(result)),
      pictures:
        val && result
          ? await mistakePictures(val, result.evaluation, { allowHttps: options.allowHttps === true })
          : new Map<number, string>(),
      facts: faults === null ? [] : faultFacts(faults),
      configuration: {},
    }),
  };
}

/** calibration.json: the calibration of an epoch, or why it has none. */
function calibrationJson(epoch: number, calibrated: RunCalibration): JsonRecord {
  if ("skipped" in calibrated) return { epoch, calibration: null, skipped: calibrated.skipped };
  const { temperature, data, images, before, after } = calibrated.calibration;
  return { epoch, calibration: { temperature, data, images, before: { ...before }, after: { ...after } } };
}

function shownCalibration({ evaluation: { images }, calibration }: ImageResult): Pick<ReportOfTask, "calibration"> {
  if ("skipped" in calibration) {
    const { before, skipped } = calibration;
    return before === null ? {} : { calibration: { images, before, fitted: null, remarks: [`No temperature was fitted: ${skipped}`] } };
  }
  const { before, after, warnings } = calibration;
  return { calibration: { images, before, fitted: { temperature: calibration.calibration.temperature, after }, remarks: warnings } };
}

/** Of a run whose best epoch was measured before it was resumed. */
async function evaluateBest(
  folder: string,
  { parts, stateNames }: TrainedParts<Batch, MeasuredEvaluation>,
): Promise<MeasuredEvaluation | "interrupted" | null> {
  const run = await openRun(folder);
  if (parts.validation === null || !run.hasBest) return null;
  const { state } = await readRunCheckpoint(run, "best", { select: (name) => stateNames.has(name) });
  await parts.trainer.writeState(stateOf(state, stateNames));
  return evaluate(parts, parts.validation);
}
