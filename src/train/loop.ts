/**
 * The training loop. Everything that it needs is passed in: where the network runs, where batches come from, what becomes
 * of checkpoints and news. It reads no clock and draws no number that the seed does not determine, so that a run that was
 * stopped and resumed ends with the bytes of one that was not.
 */
import type { BatchStream, SkippedSample } from "../data/batch.js";
import { InceptionError } from "../errors.js";
import type { Trainer } from "../runtime/trainer.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { checkEarlyStopping, type EarlyStopping } from "./early-stopping.js";
import { bestEpoch, type EpochRow, type Metric, type Position } from "./history.js";
import type { MaskFeed } from "./masks.js";
import { dropoutMasks } from "./masks.js";
import type { Evaluation } from "./metrics.js";
import type { FeedSource, LearningTask, TrainingBatch } from "./task.js";

/** Progress of a run. With the trainer's state it is the whole content of a checkpoint. */
export interface Progress {
  readonly position: Position;
  readonly history: readonly EpochRow[];
  /** Of the epoch under way. */
  readonly partial: PartialEpoch;
}

/** Sums over the finished steps of an epoch, kept in checkpoints within epochs. */
export interface PartialEpoch {
  readonly lossSum: number;
  readonly steps: number;
  readonly correct: number;
  readonly images: number;
}

const NO_EPOCH: PartialEpoch = { lossSum: 0, steps: 0, correct: 0, images: 0 };

/** A run that has done nothing yet. */
export const INITIAL_PROGRESS: Progress = { position: { epoch: 0, batch: 0, step: 0 }, history: [], partial: NO_EPOCH };

/** Length, learning rates and stopping rules of a training loop. */
export interface LoopOptions {
  readonly epochs: number;
  readonly seed: number;
  /** Learning rate of the step after so many steps. */
  readonly learningRate: (step: number) => number;
  /** Batches whose gradients are averaged to one step. With 1 the trainer has the program "step", else "accumulate" and "update". */
  readonly accumulate: number;
  /** Steps between checkpoints inside an epoch; 0 for none but at the end of each epoch. */
  readonly checkpointEvery: number;
  /** Selects the best epoch. */
  readonly metric: Metric;
  readonly earlyStopping: EarlyStopping | null;
  /** Dropout masks that the program takes as inputs. */
  readonly masks: readonly MaskFeed[];
}

/** Events of a training run, for progress lines, logs and the report. */
export type TrainingEvent<E = Evaluation> =
  | {
      readonly kind: "step";
      readonly position: Position;
      readonly loss: number;
      readonly top1: number | null;
      readonly learningRate: number;
      readonly images: number;
      readonly gradientNorm: number | null;
    }
  | { readonly kind: "skipped"; readonly sample: SkippedSample }
  | { readonly kind: "evaluating"; readonly done: number; readonly total: number }
  | {
      readonly kind: "epoch";
      readonly row: EpochRow;
      readonly evaluation: E | null;
      /** Whether it is the best epoch so far by the selection metric; false where the metric has no value. */
      readonly isBest: boolean;
    };

/** What a training loop runs: a trainer, a task and its batches. All are opened and closed by the caller. */
export interface LoopParts<B extends TrainingBatch, E> {
  readonly trainer: Trainer;
  readonly task: LearningTask<B, E>;
  readonly train: FeedSource<B>;
  readonly validation: FeedSource<B> | null;
  /** Keeps a checkpoint; called at step boundaries. `evaluation` is there at the end of an epoch. */
  readonly save: (progress: Progress, evaluation: E | null) => Promise<void>;
  readonly report: (event: TrainingEvent<E>) => void;
  /**
   * Asked after each step, and after each batch of an evaluation: whether to save and return. Not between the batches of one
   * step: they have moved running statistics already, so the step could not be taken again.
   */
  readonly interrupted: () => boolean;
  /** Name of the newest checkpoint, for the message of a run that diverged; null before the first. */
  readonly lastCheckpoint: () => string | null;
}

/** Why a training loop ended. */
export type LoopEnd = "finished" | "stopped early" | "interrupted";

/**
 * Trains until the epochs are done, nothing improves any more, or somebody interrupts.
 *
 * @param start - `BEGINNING`, or what the checkpoint holds whose state the trainer has
 * @throws InceptionError TRAINING_DIVERGED when the loss is no finite number, naming the step and the newest checkpoint
 */
export async function trainLoop<B extends TrainingBatch, E>(
  options: LoopOptions,
  parts: LoopParts<B, E>,
  start: Progress,
): Promise<{ end: LoopEnd; progress: Progress }> {
  let progress = start;
  while (progress.position.epoch < options.epochs) {
    const stepped = await trainEpoch(options, parts, progress);
    progress = stepped.progress;
    if (stepped.interrupted) {
      await parts.save(progress, null);
      return { end: "interrupted", progress };
    }
    const evaluation = parts.validation && (await evaluate(parts, parts.validation));
    if (evaluation === "interrupted") {
      // Behind the last batch of the epoch: a run that goes on from here measures again.
      await parts.save(progress, null);
      return { end: "interrupted", progress };
    }
    const row = epochRow(options, parts.task, progress, evaluation);
    progress = {
      position: { ...progress.position, epoch: progress.position.epoch + 1, batch: 0 },
      history: [...progress.history, row],
      partial: NO_EPOCH,
    };
    // Reported first, so that a checkpoint never lacks the line of its epoch in the log.
    parts.report({ kind: "epoch", row, evaluation, isBest: bestEpoch(progress.history, options.metric) === row });
    await parts.save(progress, evaluation);
    if (options.earlyStopping && checkEarlyStopping(options.earlyStopping, progress.history).stop)
      return { end: "stopped early", progress };
  }
  return { end: "finished", progress };
}

interface Stepped {
  readonly progress: Progress;
  readonly interrupted: boolean;
}

async function trainEpoch<B extends TrainingBatch, E>(options: LoopOptions, parts: LoopParts<B, E>, start: Progress): Promise<Stepped> {
  const { source } = parts.train;
  let progress = start;
  const stream = source.epoch(start.position.epoch, start.position.batch);
  const reportSkipped = skippedReporter(stream, parts.report);
  let group: B[] = [];
  for await (const batch of stream) {
    reportSkipped();
    group.push(batch);
    // The last step of an epoch may have fewer batches than the others.
    const last = progress.position.batch + group.length === source.batchesPerEpoch;
    if (group.length < options.accumulate && !last) continue;
    progress = await takeStep(options, parts, progress, group);
    group = [];
    if (last) break;
    if (parts.interrupted()) return { progress, interrupted: true };
    const due = options.checkpointEvery > 0 && progress.position.step % options.checkpointEvery === 0;
    if (due) await parts.save(progress, null);
  }
  return { progress, interrupted: false };
}

type SkippedEvent = TrainingEvent & { readonly kind: "skipped" };

/** Tells of the samples that a stream has left out since the last call. */
function skippedReporter({ skipped }: Pick<BatchStream, "skipped">, report: (event: SkippedEvent) => void): () => void {
  let reported = 0;
  return () => {
    for (const sample of skipped.slice(reported)) report({ kind: "skipped", sample });
    reported = skipped.length;
  };
}

async function takeStep<B extends TrainingBatch, E>(
  options: LoopOptions,
  parts: LoopParts<B, E>,
  progress: Progress,
  group: readonly B[],
): Promise<Progress> {
  const { position, partial } = progress;
  const learningRate = options.learningRate(position.step);
  const results =
    options.accumulate === 1
      ? [await oneProgram(options, parts, position, group, learningRate)]
      : await accumulated(options, parts, position, group, learningRate);
  const loss = results.reduce((sum, result) => sum + result.loss, 0) / results.length;
  if (!Number.isFinite(loss)) throw diverged(position.step + 1, loss, learningRate, parts.lastCheckpoint());
  const images = group.reduce((sum, batch) => sum + batch.count, 0);
  const right = results.some((result) => result.correct === null) ? null : results.reduce((sum, result) => sum + (result.correct ?? 0), 0);
  const next = { ...position, batch: position.batch + group.length, step: position.step + 1 };
  const gradientNorm = results.at(-1)?.gradientNorm ?? null;
  parts.report({ kind: "step", position: next, loss, top1: right === null ? null : right / images, learningRate, images, gradientNorm });
  return {
    ...progress,
    position: next,
    partial: {
      lossSum: partial.lossSum + loss,
      steps: partial.steps + 1,
      correct: partial.correct + (right ?? 0),
      images: partial.images + images,
    },
  };
}

interface StepResult {
  readonly loss: number;
  /** Null where the task counts no right answers. */
  readonly correct: number | null;
  readonly gradientNorm: number | null;
}

async function oneProgram<B extends TrainingBatch, E>(
  options: LoopOptions,
  parts: LoopParts<B, E>,
  position: Position,
  [batch]: readonly B[],
  learningRate: number,
): Promise<StepResult> {
  if (batch === undefined) throw new RangeError("Cannot train without a batch");
  const feeds = await batchFeeds(options, parts, position, 0, batch);
  return stepResult(parts.task, batch, await parts.trainer.run("step", { ...feeds, learningRate: scalar(learningRate) }));
}

async function accumulated<B extends TrainingBatch, E>(
  options: LoopOptions,
  parts: LoopParts<B, E>,
  position: Position,
  group: readonly B[],
  learningRate: number,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, batch] of group.entries()) {
    const feeds = await batchFeeds(options, parts, position, index, batch);
    const weights = { keep: scalar(index === 0 ? 0 : 1), share: scalar(1 / group.length) };
    results.push(stepResult(parts.task, batch, await parts.trainer.run("accumulate", { ...feeds, ...weights })));
  }
  const outputs = await parts.trainer.run("update", { learningRate: scalar(learningRate) });
  return results.map((result) => ({ ...result, gradientNorm: numberOf(outputs.gradientNorm) }));
}

async function batchFeeds<B extends TrainingBatch, E>(
  options: LoopOptions,
  { train, task }: LoopParts<B, E>,
  position: Position,
  part: number,
  batch: B,
) {
  const masks = dropoutMasks(options.masks, { seed: options.seed, step: position.step, part });
  return { ...(await train.inputs(batch)), ...masks, ...task.targets(batch) };
}

function stepResult<B extends TrainingBatch, E>(task: LearningTask<B, E>, batch: B, outputs: Readonly<Record<string, Tensor>>): StepResult {
  const correct = task.correct(batch, floats(outputs.logits));
  return { loss: numberOf(outputs.loss) ?? Number.NaN, correct, gradientNorm: numberOf(outputs.gradientNorm) };
}

/** Evaluates the network as it is on all samples of a source. */
export async function evaluate<B extends TrainingBatch, E>(
  parts: Pick<LoopParts<B, E>, "trainer" | "task" | "report" | "interrupted">,
  { source, inputs: inputsOf }: FeedSource<B>,
): Promise<E | "interrupted"> {
  const measurement = parts.task.measurement();
  const stream = source.epoch(0);
  const reportSkipped = skippedReporter(stream, parts.report);
  let done = 0;
  for await (const batch of stream) {
    reportSkipped();
    const outputs = await parts.trainer.run("evaluate", await inputsOf(filledUp(batch, source.batchSize)));
    const logits = floats(outputs.logits);
    // Behind a batch that is not full there are results of nothing.
    measurement.update(batch, logits.subarray(0, (logits.length / source.batchSize) * batch.count));
    done += batch.count;
    parts.report({ kind: "evaluating", done, total: source.dataset.size });
    if (parts.interrupted()) return "interrupted";
  }
  reportSkipped();
  return measurement.result();
}

/** A program has a fixed batch: the last images of a set are followed by empty ones. */
function filledUp<B extends TrainingBatch>(batch: B, batchSize: number): B {
  if (batch.count === batchSize) return batch;
  const images = new Float32Array((batch.images.length / batch.count) * batchSize);
  images.set(batch.images);
  return { ...batch, images, count: batchSize };
}

function epochRow<B extends TrainingBatch, E>(
  { learningRate }: LoopOptions,
  task: LearningTask<B, E>,
  { position, partial }: Progress,
  evaluation: E | null,
): EpochRow {
  return {
    epoch: position.epoch + 1,
    step: position.step,
    // That of the last step.
    learningRate: learningRate(Math.max(0, position.step - 1)),
    trainLoss: partial.lossSum / partial.steps,
    trainTop1: task.countsCorrect ? partial.correct / partial.images : null,
    ...task.scores(evaluation),
  };
}

function diverged(step: number, loss: number, learningRate: number, checkpoint: string | null): InceptionError {
  const place = checkpoint === null ? "no checkpoint was written yet" : `last good checkpoint: ${checkpoint}`;
  return new InceptionError(
    "TRAINING_DIVERGED",
    `Cannot train past step ${step}: the loss is ${loss} at learning rate ${learningRate}; ${place}; lower \`learningRate\` or set \`clipNorm\``,
    { step, loss, learningRate, checkpoint },
  );
}

function scalar(value: number): Tensor {
  return float32Tensor([], Float32Array.of(value));
}

function numberOf(tensor: Tensor | undefined): number | null {
  return tensor?.data instanceof Float32Array ? (tensor.data[0] ?? null) : null;
}

function floats(tensor: Tensor | undefined): Float32Array {
  return tensor?.data instanceof Float32Array ? tensor.data : new Float32Array(0);
}
