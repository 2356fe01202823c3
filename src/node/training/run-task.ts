/** A training run with a directory, whatever is learned: the loop, then the evaluation of the run and its report. */

import { learn } from "../../tasks/training/learn.js";
import type { Closers, LearnedTask, RecordedTrainer, RunRecord, RunSettings, TaskSources } from "../../tasks/training/learning.js";
import type { RunNetwork } from "../../tasks/training/run-network.js";
import { bestEpoch, type EpochRow } from "../../train/history.js";
import type { LoopParts } from "../../train/loop.js";
import type { TrainingBatch } from "../../train/task.js";
import { NODE_PLATFORM } from "../platform.js";
import { environmentFacts, type RunLog, runLog } from "./run-log.js";
import { hashOf } from "./run-network.js";
import { type ReportOfTask, writeRunReport } from "./run-report.js";
import { runSaver } from "./run-saver.js";
import type { StartedRun, TrainedRun } from "./training-run.js";

/**
 * What is learned, and how it is evaluated and reported in the end.
 *
 * @typeParam B - batches
 * @typeParam E - evaluation of an epoch
 * @typeParam R - evaluation of the whole run
 */
export interface RunTask<B extends TrainingBatch, E, R> extends LearnedTask<B, E> {
  /** Evaluates the run after its last epoch. */
  readonly evaluate: (trained: TrainedParts<B, E>) => Promise<Evaluated<R>>;
  /** What the report says beside what it says of every run. */
  readonly report: (evaluation: R | null) => ReportOfTask | Promise<ReportOfTask>;
}

export interface Evaluated<R> {
  /** Null where there is nothing to evaluate on, or the evaluation was interrupted. */
  readonly evaluation: R | null;
  readonly interrupted: boolean;
}

/** The state of a run after its last epoch. */
export interface TrainedParts<B extends TrainingBatch, E> {
  readonly interrupted: boolean;
  readonly best: EpochRow | null;
  readonly log: RunLog<E>;
  readonly parts: LoopParts<B, E>;
  /** Names of the trainer's state. */
  readonly stateNames: ReadonlySet<string>;
}

/**
 * Trains to the end, writes the report, and closes everything, the run's directory included.
 *
 * @returns the run, and its evaluation: null where there is none, or the run was interrupted
 * @throws InceptionError OPTION_INVALID, DATASET_INVALID, TRAINING_DIVERGED, WRITE_FAILED; what `signal` was aborted with before the
 *   first step
 */
export async function runTask<B extends TrainingBatch, E, R>(
  task: RunTask<B, E, R>,
  sources: TaskSources<B>,
  network: RunNetwork,
  run: StartedRun<RunSettings, E>,
): Promise<{ readonly trained: TrainedRun; readonly evaluation: R | null }> {
  run.options.onEvent?.({ kind: "folder", run: run.options.out });
  const closers: Closers = [() => run.writer.close()];
  try {
    return await trainAndReport(task, sources, network, run, closers);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

async function trainAndReport<B extends TrainingBatch, E, R>(
  task: RunTask<B, E, R>,
  sources: TaskSources<B>,
  network: RunNetwork,
  run: StartedRun<RunSettings, E>,
  closers: Closers,
): Promise<{ readonly trained: TrainedRun; readonly evaluation: R | null }> {
  const { settings, writer, options } = run;
  const { opened, ...looped } = await learnRecorded(task, sources, network, run, closers);
  const { parts, stepsPerEpoch, stateNames, record } = opened;
  const { log } = record;
  await log.flush();
  const { history, position } = looped.progress;
  const best = bestEpoch(history, settings.metric) ?? history.at(-1) ?? null;
  const { evaluation, interrupted } = await task.evaluate({ interrupted: looped.end === "interrupted", best, log, parts, stateNames });
  const end = interrupted ? "interrupted" : looped.end;
  const finished = { writer, network, settings, classes: task.classes, progress: looped.progress, end, stepsPerEpoch };
  const report = await writeRunReport(
    {
      ...finished,
      steps: log.steps(),
      secondsPerStep: log.secondsPerStepOfRun(),
      environment: environmentFacts(parts.trainer.device, options.threads ?? 0),
    },
    await task.report(evaluation),
  );
  const trained: TrainedRun = {
    run: options.out,
    end,
    epochs: position.epoch,
    steps: position.step,
    best,
    final: history.at(-1) ?? null,
    history,
    metric: settings.metric,
    secondsPerStep: log.secondsPerStep(),
    report,
  };
  return { trained, evaluation };
}

type FolderRecord<B extends TrainingBatch, E> = RunRecord<B, E> & { readonly log: RunLog<E> };

/** Trains with the directory as the record. */
async function learnRecorded<B extends TrainingBatch, E, R>(
  task: RunTask<B, E, R>,
  sources: TaskSources<B>,
  network: RunNetwork,
  run: StartedRun<RunSettings, E>,
  closers: Closers,
) {
  const { settings, writer, options, earlier } = run;
  const recordOf = ({ trainer, fixed, batchesPerEpoch }: RecordedTrainer, previous: FolderRecord<B, E> | null): FolderRecord<B, E> => {
    const log = previous?.log ?? runLog<E>(writer, settings, batchesPerEpoch, options.onEvent ?? (() => {}), earlier);
    return {
      log,
      report: log.report,
      lastCheckpoint: () => log.lastCheckpoint(),
      save: runSaver({ trainer, fixed, network, graphHash: hashOf(network.graph), settings, writer, log }),
    };
  };
  return learn(NODE_PLATFORM, task, sources, network, run, closers, recordOf);
}
