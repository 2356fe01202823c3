/**
 * Everything that the training loop needs, whatever is learned and wherever:
 *
 *   network ──► frozen part ──► programs ──┐
 *   sources ──► batches ──► inputs ────────┴─► loop ──► record
 *
 * The record keeps checkpoints and news: in memory or in a run directory (node/training/run-task.ts).
 */
import { type SplitNetwork, splitFrozen } from "../../compile/training/frozen.js";
import type { TrainingOptions } from "../../compile/training/options.js";
import { selectTrained } from "../../compile/training/training.js";
import { throwIfAborted } from "../../runtime/abort.js";
import type { CallOptions } from "../../runtime/platform.js";
import type { Trainer, TrainerOptions } from "../../runtime/trainer.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoopOptions, LoopParts, Progress } from "../../train/loop.js";
import type { SegmentationSettings } from "../../train/segmentation-settings.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { LearningTask, TrainingBatch } from "../../train/task.js";
import { stateOf } from "./checkpoint-state.js";
import { type FrozenPart, openFrozenPart } from "./frozen-part.js";
import { loopOptions } from "./loop-options.js";
import { type CompiledSettings, openTrainer, parameterRules, type TrainingPlatform } from "./open-trainer.js";
import type { RunEvent, RunStartEvent } from "./run-events.js";
import { parameterCount, type RunNetwork } from "./run-network.js";

/**
 * What is learned.
 *
 * @typeParam B - batches
 * @typeParam E - evaluation of an epoch
 */
export interface LearnedTask<B extends TrainingBatch, E> {
  readonly learning: LearningTask<B, E>;
  /** Settings of the training step that are not those of every run. */
  readonly step: Pick<CompiledSettings, "batchSize" | "labelSmoothing" | "auxWeight">;
  /** Default: cross-entropy of class probabilities. */
  readonly loss?: Pick<TrainingOptions, "loss" | "targetFormat">;
  /** Which parameters are frozen; see `trainedParameters`. */
  readonly freeze: string;
  /** What is frozen in later epochs; see `trainingPhases`. */
  readonly unfreeze: string;
  /** See `layerDecayFactors`. */
  readonly layerDecay: number;
  /** Class names by index. */
  readonly classes: readonly string[];
}

/** Settings that every kind of training has. */
export type RunSettings = Omit<Pick<TrainingSettings, keyof TrainingSettings & keyof SegmentationSettings>, "batchSize">;

/** Where training takes place, and who watches it. */
export interface LearningOptions<E> extends TrainerOptions, CallOptions {
  /** Data-loading workers; 0 loads on the calling thread. Default: 1. */
  readonly workers?: number;
  /** News: steps, epochs, samples that were skipped, what is being prepared. */
  readonly onEvent?: (event: RunEvent<E>) => void;
}

/** A run that is about to begin or to be resumed. */
export interface LearningRun<S extends RunSettings, E> {
  readonly settings: S;
  readonly options: LearningOptions<E>;
  readonly start: Progress;
  /** The trainer's state, of a checkpoint; null to begin. */
  readonly state: ReadonlyMap<string, Tensor> | null;
}

/** Where batches come from. */
export interface TaskSources<B extends TrainingBatch> {
  /** What is counted, in the plural. */
  readonly samples: RunStartEvent["samples"];
  readonly train: number;
  /** 0 where there is nothing to validate on. */
  readonly validation: number;
  /** Opens the batches; what is to be closed is added to `closers`. */
  readonly open: (network: InputNetwork, closers: Closers) => Promise<OpenedSources<B>>;
}

export type OpenedSources<B extends TrainingBatch> = Pick<LoopParts<B, unknown>, "train" | "validation">;

/** The network as its inputs see it. */
export interface InputNetwork {
  readonly split: SplitNetwork;
  readonly frozen: FrozenPart;
}

/** Functions that close what a run has opened, called last first. */
export type Closers = (() => Promise<void>)[];

/** What becomes of the news and checkpoints of a run. */
export type RunRecord<B extends TrainingBatch, E> = Pick<LoopParts<B, E>, "report" | "save" | "lastCheckpoint">;

/** What a record keeps checkpoints of. */
export interface RecordedTrainer {
  readonly trainer: Trainer;
  /** Parameters that the trainer does not have because they are frozen. */
  readonly fixed: ReadonlyMap<string, Tensor>;
  /** Names of the trainer's state. */
  readonly stateNames: ReadonlySet<string>;
  readonly batchesPerEpoch: number;
}

/** Everything that the loop needs, open. */
export interface OpenedLearning<B extends TrainingBatch, E, R> {
  readonly parts: LoopParts<B, E>;
  readonly loop: LoopOptions;
  readonly stepsPerEpoch: number;
  /** Parameters that the trainer does not have because they are frozen. */
  readonly fixed: ReadonlyMap<string, Tensor>;
  /** Names of the trainer's state. */
  readonly stateNames: ReadonlySet<string>;
  readonly record: R;
}

/**
 * Opens everything that the loop needs, for the parameters that `task.freeze` leaves to train.
 *
 * @param recordOf - begins the record, once the programs are open
 * @param closers - takes what is to be closed, also where this throws
 * @throws InceptionError OPTION_INVALID, DATASET_INVALID, SESSION_FAILED, DEVICE_UNAVAILABLE; what `signal` was aborted with
 */
export async function openLearning<B extends TrainingBatch, E, R extends RunRecord<B, E>>(
  platform: Pick<TrainingPlatform, "createSession" | "createTrainer">,
  task: LearnedTask<B, E>,
  sources: TaskSources<B>,
  network: RunNetwork,
  { settings, options, start, state }: LearningRun<RunSettings, E>,
  closers: Closers,
  recordOf: (trained: RecordedTrainer) => R,
): Promise<OpenedLearning<B, E, R>> {
  const report = options.onEvent ?? (() => {});
  const rules = parameterRules(network.graph, { ...settings, ...task });
  const split = splitFrozen(selectTrained(network.graph), rules.isTrained);
  const frozen = await openFrozenPart(platform, split, network.parameters, options);
  closers.push(() => frozen.close());
  throwIfAborted(options.signal);
  const fed = await sources.open({ split, frozen }, closers);
  report({ kind: "preparing", what: "programs" });
  const compiledSettings = { ...settings, ...task.step };
  const opened = await openTrainer(platform, split, rules, compiledSettings, network.parameters, options, task.loss);
  const { compiled, trainer, masks } = opened;
  closers.push(() => trainer.close());
  throwIfAborted(options.signal);
  const stateNames = new Set(compiled.state.map(({ name }) => name));
  if (state) await trainer.writeState(stateOf(state, stateNames));
  const fixed = new Map([...network.parameters].filter(([path]) => !stateNames.has(path)));
  const { batchesPerEpoch } = fed.train.source;
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / settings.accumulate);
  report(beginning(task, sources, network, { epochs: settings.epochs, batchesPerEpoch, stepsPerEpoch, position: start.position }));
  const record = recordOf({ trainer, fixed, stateNames, batchesPerEpoch });
  const parts: LoopParts<B, E> = {
    trainer,
    task: task.learning,
    ...fed,
    report: record.report,
    save: record.save,
    lastCheckpoint: record.lastCheckpoint,
    interrupted: () => options.signal?.aborted === true,
  };
  return { parts, loop: loopOptions(settings, stepsPerEpoch, masks), stepsPerEpoch, fixed, stateNames, record };
}

function beginning<B extends TrainingBatch, E>(
  { classes }: LearnedTask<B, E>,
  { samples, train, validation }: TaskSources<B>,
  network: RunNetwork,
  counts: Pick<RunStartEvent, "epochs" | "batchesPerEpoch" | "stepsPerEpoch" | "position">,
): RunStartEvent {
  const { model, begun, classifier } = network;
  return {
    kind: "start",
    model,
    parameters: parameterCount(network),
    classes: classes.length,
    samples,
    trainImages: train,
    valImages: validation,
    ...counts,
    randomlyInitialized: begun,
    ...(classifier === undefined ? {} : { classifier }),
  };
}
