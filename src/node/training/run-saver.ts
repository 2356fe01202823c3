import type { Trainer } from "../../runtime/trainer.js";
import { checkpointOf } from "../../tasks/training/checkpoint-state.js";
import type { RunNetwork } from "../../tasks/training/run-network.js";
import type { Tensor } from "../../tensor/tensor.js";
import { bestEpoch } from "../../train/history.js";
import type { LoopParts } from "../../train/loop.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { TrainingBatch } from "../../train/task.js";
import type { RunWriter } from "../run-folder.js";
import type { RunLog } from "./run-log.js";
import { namedSettings } from "./source-names.js";

interface SaverParts<E> {
  readonly trainer: Trainer;
  /** Parameters that the trainer does not have because they are frozen. */
  readonly fixed: ReadonlyMap<string, Tensor>;
  readonly network: Pick<RunNetwork, "model" | "options">;
  readonly graphHash: string;
  readonly settings: Pick<TrainingSettings, "seed" | "metric" | "keepCheckpoints">;
  readonly writer: RunWriter;
  readonly log: RunLog<E>;
}

/** What a run does at its checkpoints, whatever it learns. */
export function runSaver<E>(parts: SaverParts<E>): LoopParts<TrainingBatch, E>["save"] {
  const { writer, log, settings } = parts;
  const { seed } = settings;
  const config = namedSettings({ ...settings });
  return async (progress, evaluation) => {
    // Lines come first: a run that is killed in between resumes from the checkpoint before and writes the same lines again.
    await log.flush();
    const checkpoint = await checkpointOf({ ...parts, seed, config, progress, unlogged: log.unlogged() });
    if (progress.position.batch === 0) await writer.saveEpoch(checkpoint, { metric: settings.metric, count: settings.keepCheckpoints });
    else await writer.saveLast(checkpoint);
    const best = bestEpoch(progress.history, settings.metric);
    // Only the evaluation of the best epoch is asked for later.
    log.saved(progress, best === null || best.epoch === progress.position.epoch ? evaluation : null);
  };
}
