/**
 * A training run, whatever is learned:
 *
 *   network ──► frozen part ──► programs ──┐
 *   sources ──► batches ──► inputs ────────┴─► loop ──► run directory, report
 *
 * What one kind of training does differently from another is its task and its sources: image-task.ts and volume-task.ts.
 */
import { type SplitNetwork, splitFrozen } from "../../compile/training/frozen.js";
import type { TrainingOptions } from "../../compile/training/options.js";
import { selectTrained } from "../../compile/training/training.js";
import { throwIfAborted } from "../../runtime/abort.js";
import { trainedParameters } from "../../train/freeze.js";
import { bestEpoch, type EpochRow } from "../../train/history.js";
import { type LoopParts, trainLoop } from "../../train/loop.js";
import type { LearningTask, TrainedBatch } from "../../train/task.js";
import { type FrozenPart, openFrozenPart } from "./frozen-part.js";
import { loopOptions } from "./loop-options.js";
import { type CompiledSettings, openTrainer } from "./open-trainer.js";
import { environmentFacts, type RunBeginning, type RunLog, runLog } from "./run-log.js";
import { parameterCount, type RunNetwork } from "./run-network.js";
import { type ReportOfTask, writeRunReport } from "./run-report.js";
import { runSaver } from "./run-saver.js";
import type { RunSettings, StartedRun, TrainedRun } from "./training-run.js";

/**
 * What is learned, and how it is evaluated and reported in the end.
 *
 * @typeParam B - batches
 * @typeParam E - evaluation of an epoch
 * @typeParam R - evaluation of the whole run
 */
export interface RunTask<B extends TrainedBatch, E, R> {
  readonly learning: LearningTask<B, E>;
  /** Settings of the training step that are not those of every run. */
  readonly step: Pick<CompiledSettings, "batch" | "labelSmoothing" | "auxWeight">;
  /** Default: cross-entropy of class probabilities. */
  readonly loss?: Pick<TrainingOptions, "loss" | "truth">;
  /** Which parameters are frozen; see `trainedParameters`. */
  readonly freeze: string;
  /** Class names by index. */
  readonly classes: readonly string[];
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
export interface TrainedParts<B extends TrainedBatch, E> {
  readonly interrupted: boolean;
  readonly best: EpochRow | null;
  readonly log: RunLog<E>;
  readonly parts: LoopParts<B, E>;
  /** Names of the trainer's state. */
  readonly stateNames: ReadonlySet<string>;
}

/** Where batches come from. */
export interface TaskSources<B extends TrainedBatch> {
  /** What is counted, in the plural. */
  readonly samples: RunBeginning["samples"];
  readonly train: number;
  /** 0 where there is nothing to validate on. */
  readonly validation: number;
  /** Opens the batches; what is to be closed is added to `closers`. */
  readonly open: (network: InputNetwork, closers: Closers) => Promise<OpenedSources<B>>;
}

export type OpenedSources<B extends TrainedBatch> = Pick<LoopParts<B, unknown>, "train" | "validation">;

/** The network as its inputs see it. */
export interface InputNetwork {
  readonly split: SplitNetwork;
  readonly frozen: FrozenPart;
}

/** Functions that close what a run has opened, called last first. */
export type Closers = (() => Promise<void>)[];

/**
 * Trains to the end, writes the report, and closes everything, the run's directory included.
 *
 * @returns the run, and its evaluation: null where there is none, or the run was interrupted
 * @throws InceptionError OPTION_INVALID, DATASET_INVALID, TRAINING_DIVERGED, WRITE_FAILED; what `signal` was aborted with before the
 *   first step
 */
export async function runTask<B extends TrainedBatch, E, R>(
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

async function trainAndReport<B extends TrainedBatch, E, R>(
  task: RunTask<B, E, R>,
  sources: TaskSources<B>,
  network: RunNetwork,
  run: StartedRun<RunSettings, E>,
  closers: Closers,
): Promise<{ readonly trained: TrainedRun; readonly evaluation: R | null }> {
  const { settings, writer, options } = run;
  const opened = await openRunParts(task, sources, network, run, closers);
  const { parts, log, stepsPerEpoch, masks, stateNames } = opened;
  const looped = await trainLoop(loopOptions(settings, stepsPerEpoch, masks), parts, run.start);
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
    secondsPerStep: log.secondsPerStep(),
    report,
  };
  return { trained, evaluation };
}

/** Everything that the loop needs, open. */
async function openRunParts<B extends TrainedBatch, E, R>(
  task: RunTask<B, E, R>,
  sources: TaskSources<B>,
  network: RunNetwork,
  { settings, writer, options, start, state, earlier }: StartedRun<RunSettings, E>,
  closers: Closers,
) {
  const report = options.onEvent ?? (() => {});
  const isTrained = trainedParameters(network.graph, task.freeze);
  const split = splitFrozen(selectTrained(network.graph), isTrained);
  const frozen = await openFrozenPart(split, network.parameters, options);
  closers.push(() => frozen.close());
  throwIfAborted(options.signal);
  const fed = await sources.open({ split, frozen }, closers);
  report({ kind: "preparing", what: "programs" });
  const compiledSettings = { ...settings, ...task.step };
  const { compiled, trainer, masks } = await openTrainer(split, isTrained, compiledSettings, network.parameters, options, task.loss);
  closers.push(() => trainer.close());
  throwIfAborted(options.signal);
  const stateNames = new Set(compiled.state.map(({ name }) => name));
  if (state) await trainer.writeState(new Map([...state].filter(([name]) => stateNames.has(name))));
  const fixed = new Map([...network.parameters].filter(([path]) => !stateNames.has(path)));
  const { batchesPerEpoch } = fed.train.source;
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / settings.accumulate);
  report(beginning(task, sources, network, { epochs: settings.epochs, batchesPerEpoch, stepsPerEpoch, position: start.position }));
  const log = runLog<E>(writer, settings, batchesPerEpoch, report, earlier);
  const parts: LoopParts<B, E> = {
    trainer,
    task: task.learning,
    ...fed,
    report: log.report,
    interrupted: () => options.signal?.aborted === true,
    lastCheckpoint: () => log.lastCheckpoint(),
    save: runSaver({ trainer, fixed, network, settings, writer, log }),
  };
  return { parts, log, stepsPerEpoch, masks, stateNames };
}

function beginning<B extends TrainedBatch, E, R>(
  { classes }: RunTask<B, E, R>,
  { samples, train, validation }: TaskSources<B>,
  network: RunNetwork,
  counts: Pick<RunBeginning, "epochs" | "batchesPerEpoch" | "stepsPerEpoch" | "position">,
): RunBeginning {
  const { model, begun, classifier } = network;
  return {
    kind: "beginning",
    model,
    parameters: parameterCount(network),
    classes: classes.length,
    samples,
    trainImages: train,
    valImages: validation,
    ...counts,
    begun,
    ...(classifier === undefined ? {} : { classifier }),
  };
}
