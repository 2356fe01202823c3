/** A run that learns to classify images: how it is evaluated and reported in the end. */
import type { OpenedDataset } from "../../data/assemble.js";
import type { Batch } from "../../data/batch.js";
import { stateOf } from "../../tasks/training/checkpoint-state.js";
import { imageTask } from "../../tasks/training/image-task.js";
import { evaluate } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";
import type { TrainingSettings } from "../../train/settings.js";
import { type DataFaults, faultFacts } from "../check/before-training.js";
import { openRun, readRunCheckpoint } from "../open-run.js";
import { mistakePictures } from "./mistake-pictures.js";
import type { RunTask, TrainedParts } from "./run-task.js";
import type { StartedRun } from "./training-run.js";

/** @param faults - of the data; null where it was not looked at */
export function imageRunTask(
  data: OpenedDataset,
  { settings, options }: StartedRun<TrainingSettings, Evaluation>,
  faults: DataFaults | null,
): RunTask<Batch, Evaluation, Evaluation> {
  const { val } = data;
  return {
    ...imageTask(data, settings),
    evaluate: async (trained) => {
      const known = trained.best === null ? null : trained.log.evaluationOf(trained.best.epoch);
      if (trained.best === null || known !== null) return { evaluation: known, interrupted: false };
      const found = await evaluateBest(options.out, trained);
      return found === "interrupted" ? { evaluation: null, interrupted: true } : { evaluation: found, interrupted: false };
    },
    report: async (evaluation) => ({
      evaluation,
      pictures:
        val && evaluation ? await mistakePictures(val, evaluation, { allowHttps: options.allowHttps === true }) : new Map<number, string>(),
      facts: faults === null ? [] : faultFacts(faults),
      configuration: {},
    }),
  };
}

/** Of a run whose best epoch was measured before it was resumed. */
async function evaluateBest(
  folder: string,
  { parts, stateNames }: TrainedParts<Batch, Evaluation>,
): Promise<Evaluation | "interrupted" | null> {
  const run = await openRun(folder);
  if (parts.validation === null || !run.hasBest) return null;
  const { state } = await readRunCheckpoint(run, "best", { select: (name) => stateNames.has(name) });
  await parts.trainer.writeState(stateOf(state, stateNames));
  return evaluate(parts, parts.validation);
}
