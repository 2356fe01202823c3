import { learningRateAt } from "../../optim/index.js";
import type { LoopOptions } from "../../train/loop.js";
import { runSchedule, type TrainingSettings } from "../../train/settings.js";

/** The settings that the loop goes by, whatever is learned. */
type LoopSettings = Pick<
  TrainingSettings,
  "accumulate" | "checkpointEvery" | "epochs" | "learningRate" | "metric" | "patience" | "schedule" | "seed"
>;

export function loopOptions(settings: LoopSettings, stepsPerEpoch: number, masks: LoopOptions["masks"]): LoopOptions {
  const schedule = runSchedule(settings);
  const { epochs, seed, accumulate, checkpointEvery, metric, patience } = settings;
  return {
    epochs,
    seed,
    learningRate: (step) => learningRateAt(schedule, { step, stepsPerEpoch }),
    accumulate,
    checkpointEvery,
    metric,
    earlyStopping: patience > 0 ? { metric, patience } : null,
    masks,
  };
}
