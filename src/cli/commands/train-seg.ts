import type { TrainedRun } from "../../node/training/train-model.js";
import { resumeSegmentation, type TrainSegmentationOptions, trainSegmentation } from "../../node/training/train-segmentation.js";
import { metricValue } from "../../train/history.js";
import { formatLoss } from "../../train/progress.js";
import { SEGMENTATION_SETTINGS } from "../../train/segmentation-settings.js";
import type { Flags, RunCommand } from "../command.js";
import { deviceFlags, optionFlags, textFlag } from "../flags.js";
import { refuseSettings, runTraining, type TrainingCommand, usage, workersFlag } from "../run-training.js";
import { flagSettings, givenSettings } from "../training-flags.js";

const TRAIN_SEG: TrainingCommand = {
  name: "train-seg",
  samples: "cases",
  scores: (row) => ({ dice: metricValue(row, "dice"), classes: row.dice ?? null, loss: row.loss }),
  formatRow: (row) => {
    const dice = metricValue(row, "dice");
    const { epoch, loss, trainLoss } = row;
    if (dice === null || loss === null) return `epoch ${epoch}: training loss ${formatLoss(trainLoss)}, nothing to measure on`;
    return `epoch ${epoch}: mean Dice of patches ${dice.toFixed(4)}, by class ${(row.dice ?? []).map((value) => value.toFixed(4)).join(" ")}, loss ${formatLoss(loss)}`;
  },
};

/** `train-seg DATA --out RUN`, or `train-seg --resume RUN`. */
export const run: RunCommand = ([data], flags, io) =>
  runTraining(TRAIN_SEG, flags, io, (watch) =>
    start(data === undefined ? undefined : String(data), flags, { ...deviceFlags(flags), ...workersFlag(flags), ...watch }),
  );

async function start(data: string | undefined, flags: Flags, common: Omit<TrainSegmentationOptions, "out">): Promise<TrainedRun> {
  const [model = "inception_resnet_3d", out, resume] = ["model", "out", "resume"].map((name) => textFlag(flags, name));
  const settings = givenSettings(flags, flagSettings(SEGMENTATION_SETTINGS));
  if (resume !== undefined) {
    // The model has a default, which is not given by anybody.
    refuseSettings(resume, data, settings, { ...flags, model: undefined });
    return resumeSegmentation({ ...common, out: resume });
  }
  if (data === undefined) {
    throw usage("without data: expected a folder of labelled volumes, as in inception train-seg Task04_Hippocampus --out run");
  }
  if (out === undefined) throw usage("without a place for the run: expected --out with a new folder, or --resume with the folder of a run");
  return trainSegmentation(model, { ...settings, data }, { ...common, out, options: optionFlags(flags) });
}
