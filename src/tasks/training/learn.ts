/** Training in phases, of which each trains more parameters than the one before: it has programs and batches of its own. */
import { throwIfAborted } from "../../runtime/abort.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type LoopEnd, type Progress, trainLoop } from "../../train/loop.js";
import type { TrainingBatch } from "../../train/task.js";
import { trainingPhases } from "../../train/unfreeze.js";
import { wholeState } from "./checkpoint-state.js";
import {
  type Closers,
  type LearnedTask,
  type LearningRun,
  type OpenedLearning,
  openLearning,
  type RecordedTrainer,
  type RunRecord,
  type RunSettings,
  type TaskSources,
} from "./learning.js";
import type { TrainingPlatform } from "./open-trainer.js";
import { type RunNetwork, resumedParameters } from "./run-network.js";

/** A run whose loop has ended. */
interface Learned<B extends TrainingBatch, E, R> {
  readonly end: LoopEnd;
  readonly progress: Progress;
  /** Of the last phase, open until the closers are called. */
  readonly opened: OpenedLearning<B, E, R>;
}

/**
 * Trains until the loop ends. A phase continues from the one before as a run resumes from its checkpoint.
 *
 * @param recordOf - opens the record, or continues that of the phase before
 * @param closers - takes what is to be closed, also where this throws
 * @throws InceptionError as `openLearning` and `trainLoop`; what `signal` was aborted with before the first step
 */
export async function learn<B extends TrainingBatch, E, R extends RunRecord<B, E>>(
  platform: Pick<TrainingPlatform, "createSession" | "createTrainer">,
  task: LearnedTask<B, E>,
  sources: TaskSources<B>,
  network: RunNetwork,
  run: LearningRun<RunSettings, E>,
  closers: Closers,
  recordOf: (trained: RecordedTrainer, previous: R | null) => R,
): Promise<Learned<B, E, R>> {
  const phases = trainingPhases(network.graph, task.freeze, task.unfreeze);
  const { signal } = run.options;
  const openPhase = async (from: Progress, state: ReadonlyMap<string, Tensor> | null, previous: R | null) => {
    const phase = phases.findLast(({ start }) => start <= from.position.epoch);
    if (phase === undefined) throw new RangeError(`Cannot train epoch ${from.position.epoch}: no phase has it`);
    const own: Closers = [];
    const close = () => closeAll(own);
    closers.push(close);
    const parameters = previous === null || state === null ? network.parameters : resumedParameters(network.graph, { state });
    const options = previous === null ? run.options : quietly(run.options);
    const opened = await openLearning(
      platform,
      { ...task, freeze: phase.freeze },
      sources,
      { ...network, parameters },
      { ...run, options, start: from, state },
      own,
      (trained) => recordOf(trained, previous),
    );
    return { opened, close, end: phase.end };
  };
  let phase = await openPhase(run.start, run.state, null);
  let progress = run.start;
  for (;;) {
    const { opened } = phase;
    const looped = await trainLoop({ ...opened.loop, epochs: Math.min(phase.end, opened.loop.epochs) }, opened.parts, progress);
    progress = looped.progress;
    if (looped.end !== "finished" || progress.position.epoch >= opened.loop.epochs) return { ...looped, opened };
    const state = await wholeState(opened.parts.trainer, opened.fixed);
    try {
      throwIfAborted(signal);
      const next = await openPhase(progress, state, opened.record);
      await phase.close();
      phase = next;
    } catch (thrown) {
      // The epoch before was saved.
      if (signal?.aborted) return { end: "interrupted", progress, opened };
      throw thrown;
    }
  }
}

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

/** The plan of a run is reported once. */
function quietly<E>({ onEvent, ...options }: LearningRun<RunSettings, E>["options"]): LearningRun<RunSettings, E>["options"] {
  if (onEvent === undefined) return options;
  return {
    ...options,
    onEvent: (event) => {
      if (event.kind !== "start") onEvent(event);
    },
  };
}
