import { messageOf } from "../../errors.js";
import { resumeTraining, type TrainedClassifierRun, type TrainModelOptions, trainModel } from "../../node/training/train-model.js";
import { planModelTraining } from "../../node/training/training-plan.js";
import { describedModel } from "../../tasks/described-model.js";
import { formatLoss, formatPercent } from "../../train/progress.js";
import { SETTINGS } from "../../train/settings.js";
import type { Flags, RunCommand } from "../command.js";
import { deviceFlags, optionFlags, textFlag } from "../flags.js";
import { formatCount } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { inFlags } from "../option-words.js";
import { readPreprocessing, sourceFlags } from "../run-model.js";
import {
  epochsFlag,
  type Outcome,
  outcomeOf,
  outcomeOfPlan,
  type RunFormat,
  refuseSettings,
  runTraining,
  workersFlag,
} from "../run-training.js";
import { flagSettings, givenSettings } from "../training-flags.js";
import { missing } from "../usage-error.js";

const FORMAT: RunFormat = {
  command: "train",
  scores: ({ top1, top5, loss }) => ({ top1, top5, loss }),
  formatScores: ({ top1, top5, loss, trainLoss }) =>
    top1 === null || top5 === null || loss === null
      ? `training loss ${formatLoss(trainLoss)} (no validation set)`
      : `top-1 ${formatPercent(top1)}  top-5 ${formatPercent(top5)}  loss ${formatLoss(loss)}`,
  next: (run) => `inception classify photo.jpg --model ${run}`,
};

/** `train DATA --model ID --out RUN`, or `train --resume RUN`. */
export const run: RunCommand = ([data], flags, io) =>
  runTraining({ command: "train", sample: "image" }, flags, io, async (watch) => {
    const common = {
      ...deviceFlags(flags),
      ...workersFlag(flags),
      ...sourceFlags(flags, io),
      ...(flags.check === false ? { checkData: false } : {}),
      ...watch,
    };
    return start(data === undefined ? undefined : String(data), flags, common);
  });

async function start(data: string | undefined, flags: Flags, common: Omit<TrainModelOptions, "out">): Promise<Outcome> {
  const [model, out, resume, preprocessing] = ["model", "out", "resume", "preprocessing"].map((name) => textFlag(flags, name));
  const settings = givenSettings(flags, flagSettings(SETTINGS));
  if (resume !== undefined) {
    const { epochs, ...others } = settings;
    refuseSettings(data, others, flags);
    return imageOutcome(await resumeTraining({ ...common, ...epochsFlag(flags), out: resume }));
  }
  if (data === undefined) {
    throw missing(
      "data",
      "pass an image folder, a list (.csv, .jsonl), tar shards or shapes10, as in inception train photos --model googlenet --out run",
    );
  }
  if (model === undefined) throw missing("--model", "pass a model id or a custom network");
  const network = describedModel(await modelOperand(model));
  const given = { ...settings, data };
  const options = {
    ...common,
    ...(out === undefined ? {} : { out }),
    options: optionFlags(flags),
    ...(preprocessing === undefined ? {} : { preprocessing: await readPreprocessing(preprocessing) }),
  };
  if (flags.dryRun === true) return outcomeOfPlan(await planModelTraining(network, given, options));
  return imageOutcome(await trainModel(network, given, options));
}

function imageOutcome(trained: TrainedClassifierRun): Outcome {
  const { calibration, notCalibrated } = trained;
  const shown = (value: number): string => value.toFixed(3);
  const line =
    calibration === null
      ? `not calibrated: ${inFlags(messageOf(notCalibrated))}`
      : `calibrated: temperature ${shown(calibration.temperature)}, ECE ${shown(calibration.before.ece)} → ${shown(calibration.after.ece)} (cross-fitted on ${formatCount(calibration.images)} images)`;
  return outcomeOf(trained, FORMAT, { json: { calibration, notCalibrated }, lines: [line] });
}
