/** Training without files: what the best epoch has learned stays in memory. */

import type { OpenedDataset } from "../../data/assemble.js";
import type { Batch } from "../../data/batch.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { MeasuredEvaluation } from "../../train/classification.js";
import { bestEpoch, type EpochRow } from "../../train/history.js";
import { INITIAL_PROGRESS, type LoopEnd, type LoopParts } from "../../train/loop.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { TrainingBatch } from "../../train/task.js";
import { imageSources, imageTask } from "./image-task.js";
import { learn } from "./learn.js";
import type { Closers, LearningOptions, RecordedTrainer, RunRecord } from "./learning.js";
import type { TrainingPlatform } from "./open-trainer.js";
import type { TrainingNetwork } from "./prepare-network.js";

interface MemoryRun {
  readonly end: Exclude<LoopEnd, "interrupted">;
  readonly history: readonly EpochRow[];
  /** The epoch that `state` is of. */
  readonly epoch: number;
  /** Parameters and their averages after that epoch, by the names of the trainer's state; frozen parameters too. */
  readonly state: ReadonlyMap<string, Tensor>;
  /** Of the validation images after that epoch; null without any. */
  readonly evaluation: MeasuredEvaluation | null;
}

/**
 * Trains a network on images.
 *
 * @throws InceptionError as `openLearning`; TRAINING_DIVERGED; what `signal` was aborted with
 */
export async function trainInMemory(
  platform: TrainingPlatform,
  data: OpenedDataset,
  network: TrainingNetwork,
  settings: TrainingSettings,
  options: LearningOptions<MeasuredEvaluation>,
): Promise<MemoryRun> {
  const closers: Closers = [];
  try {
    const task = imageTask(data, settings);
    const sources = imageSources(platform, data, network, { settings, options });
    const run = { settings, options, start: INITIAL_PROGRESS, state: null };
    const { end, progress, opened } = await learn<Batch, MeasuredEvaluation, MemoryRecord<Batch>>(
      platform,
      task,
      sources,
      network,
      run,
      closers,
      (trained, previous) => recordOf(trained, previous, network, settings, options),
    );
    if (end === "interrupted") throw options.signal?.reason;
    const best = opened.record.best();
    if (best === null) throw new RangeError("Cannot use what was learned: no epoch has ended");
    return { end, history: progress.history, ...best };
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

interface MemoryRecord<B extends TrainingBatch> extends RunRecord<B, MeasuredEvaluation> {
  /** What the best epoch left; null before the first has ended. */
  best(): Pick<MemoryRun, "epoch" | "evaluation" | "state"> | null;
}

function recordOf<B extends TrainingBatch>(
  { trainer, fixed, stateNames }: RecordedTrainer,
  previous: MemoryRecord<B> | null,
  { graph }: TrainingNetwork,
  { metric }: Pick<TrainingSettings, "metric">,
  { onEvent }: LearningOptions<MeasuredEvaluation>,
): MemoryRecord<B> {
  // Not the slots of the optimizer, which only training needs.
  const names = graph.parameters.flatMap(({ path }) => [path, `${path}:average`]).filter((name) => stateNames.has(name));
  let kept = previous === null ? null : previous.best();
  const save: LoopParts<B, MeasuredEvaluation>["save"] = async ({ position, history }, evaluation) => {
    const best = bestEpoch(history, metric);
    if (position.batch !== 0 || (best !== null && best.epoch !== position.epoch)) return;
    kept = { epoch: position.epoch, evaluation, state: new Map([...fixed, ...(await trainer.readState(names))]) };
  };
  return {
    report: (event) => onEvent?.(event),
    save,
    lastCheckpoint: () => null,
    best: () => kept,
  };
}
