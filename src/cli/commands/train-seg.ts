import { findModel, type OptionInput } from "../../models/index.js";
import { type CrossValidation, crossValidate } from "../../node/training/cross-validation.js";
import {
  resumeSegmentation,
  type SegmentedRun,
  type TrainSegmentationOptions,
  trainSegmentation,
} from "../../node/training/train-segmentation.js";
import { planSegmentationTraining } from "../../node/training/training-plan.js";
import { metricValue } from "../../train/history.js";
import { formatDice, formatLoss } from "../../train/progress.js";
import { SEGMENTATION_SETTINGS } from "../../train/segmentation-settings.js";
import type { Flags, RunCommand } from "../command.js";
import { deviceFlags, optionFlags, textFlag } from "../flags.js";
import { formatTable } from "../io.js";
import {
  epochsFlag,
  type Outcome,
  outcomeOf,
  outcomeOfPlan,
  quotedForShell,
  type RunFormat,
  refuseSettings,
  runTraining,
  workersFlag,
} from "../run-training.js";
import { formatScores, scoreKeys } from "../segmentation-scores.js";
import { flagSettings, givenSettings } from "../training-flags.js";
import { missing } from "../usage-error.js";

const FORMAT: RunFormat = {
  command: "train-seg",
  scores: (row) => ({ dice: metricValue(row, "dice"), classes: row.dice ?? null, loss: row.loss }),
  formatScores: (row) => {
    const dice = formatDice(row);
    if (dice === null || row.loss === null) return `training loss ${formatLoss(row.trainLoss)} (no validation set)`;
    return `Dice of patches ${dice}  loss ${formatLoss(row.loss)}`;
  },
  next: (run) => `inception segment scan.nii.gz --model ${run} --out segmented`,
};

/** `train-seg DATA --out RUN`, or `train-seg --resume RUN`. */
export const run: RunCommand = ([data], flags, io) =>
  runTraining({ command: "train-seg", sample: "case" }, flags, io, (watch) =>
    start(data === undefined ? undefined : String(data), flags, { ...deviceFlags(flags), ...workersFlag(flags), ...watch }),
  );

async function start(data: string | undefined, flags: Flags, common: Omit<TrainSegmentationOptions, "out">): Promise<Outcome> {
  const [model = "inception_resnet_3d", out, resume] = ["model", "out", "resume"].map((name) => textFlag(flags, name));
  const { fold, ...settings } = givenSettings(flags, flagSettings(SEGMENTATION_SETTINGS));
  const oneFold: OptionInput = fold === undefined ? {} : { fold };
  if (resume !== undefined) {
    const { epochs, ...others } = settings;
    refuseSettings(data, { ...others, ...oneFold }, flags);
    return outcomeOfRun(await resumeSegmentation({ ...common, ...epochsFlag(flags), out: resume }));
  }
  if (data === undefined) {
    throw missing("data", "pass a directory of labeled volumes, as in inception train-seg Task04_Hippocampus --out run");
  }
  const { id } = findModel(model);
  const options = { ...common, ...(out === undefined ? {} : { out }), options: optionFlags(flags) };
  // The folds of a cross-validation differ by at most one case; the first stands for all.
  if (flags.dryRun === true) {
    const planned: OptionInput = fold === "all" ? { fold: 0 } : oneFold;
    return outcomeOfPlan(await planSegmentationTraining(id, { ...settings, ...planned, data }, options));
  }
  if (fold === "all") return outcomeOfAll(await crossValidate(id, { ...settings, data }, options));
  return outcomeOfRun(await trainSegmentation(id, { ...settings, ...oneFold, data }, options));
}

function outcomeOfRun(trained: SegmentedRun): Outcome {
  const { json, text, interrupted } = outcomeOf(trained, FORMAT);
  const { validation } = trained;
  return {
    json: { ...Object(json), validation: validation && { meanDice: validation.meanDice, ...scoreKeys(validation) } },
    text: validation === null ? text : `${text}\nValidation cases, full volumes:\n\n${formatScores(validation)}`,
    interrupted,
  };
}

function outcomeOfAll({ folder, total, folds, all }: CrossValidation): Outcome {
  const rows = folds.map(({ fold, run: { epochs, steps }, validation }) => [
    ...[String(fold), String(validation.cases.length), String(epochs), String(steps)],
    validation.meanDice?.toFixed(4) ?? "–",
  ]);
  const table = formatTable(["fold", "cases", "epochs", "steps", "mean Dice"], rows, [0, 1, 2, 3, 4]);
  return {
    json: {
      run: folder,
      folds: folds.map(({ fold, validation }) => ({ fold, meanDice: validation.meanDice, ...scoreKeys(validation) })),
      all: all && { meanDice: all.meanDice, ...scoreKeys(all) },
    },
    text: all === null ? table : `${table}\n${formatScores(all)}`,
    interrupted:
      all === null
        ? `interrupted after ${folds.length} of ${total} folds; run the same command again with --out ${quotedForShell(folder)} to resume`
        : null,
  };
}
