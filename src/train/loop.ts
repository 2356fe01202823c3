/**
 * The training loop. Everything that it needs is passed in: where the network runs, where batches come from, what becomes
 * of checkpoints and news. It reads no clock and draws no number that the seed does not determine, so that a run that was
 * stopped and resumed ends with the bytes of one that was not.
 */
import type { Batch, BatchSource, BatchStream, SkippedSample } from "../data/batch.js";
import { InceptionError } from "../errors.js";
import type { Trainer } from "../runtime/trainer.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { type EarlyStopping, judgeStopping } from "./early-stopping.js";
import type { EpochRow, Position } from "./history.js";
import type { MaskFeed } from "./masks.js";
import { dropoutMasks } from "./masks.js";
import { ClassificationMetrics, type Evaluation, topKCorrect } from "./metrics.js";

/** What a run has come to; with the trainer's state it is all that a checkpoint holds. */
export interface Progress {
  readonly position: Position;
  readonly history: readonly EpochRow[];
  /** Of the epoch under way. */
  readonly partial: PartialEpoch;
}

export interface PartialEpoch {
  readonly lossSum: number;
  readonly steps: number;
  readonly correct: number;
  readonly images: number;
}

const NO_EPOCH: PartialEpoch = { lossSum: 0, steps: 0, correct: 0, images: 0 };

/** A run that has done nothing yet. */
export const BEGINNING: Progress = { position: { epoch: 0, batch: 0, step: 0 }, history: [], partial: NO_EPOCH };

export interface LoopOptions {
  readonly epochs: number;
  readonly seed: number;
  /** Learning rate of the step after so many steps. */
  readonly learningRate: (step: number) => number;
  /** Batches whose gradients are averaged to one step. With 1 the trainer has the program "step", else "accumulate" and "update". */
  readonly accumulate: number;
  /** Steps between checkpoints inside an epoch; 0 for none but at the end of each epoch. */
  readonly checkpointEvery: number;
  readonly earlyStopping: EarlyStopping | null;
  /** Dropout masks that the program wants. */
  readonly masks: readonly MaskFeed[];
  /** Whether batches hold mixed images, which have no single class to be right about. */
  readonly mixed: boolean;
}

/** What happens, for progress lines, logs and the report. */
export type TrainingEvent =
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
  | { readonly kind: "measuring"; readonly done: number; readonly total: number }
  | { readonly kind: "epoch"; readonly row: EpochRow; readonly evaluation: Evaluation | null };

/** Batches, and what makes the program's inputs of them. */
export interface FedSource {
  readonly source: BatchSource;
  /** The network's inputs for a batch: its images, or what a frozen part makes of them. */
  readonly inputs: (batch: Batch) => Promise<Readonly<Record<string, Tensor>>>;
}

export interface LoopParts {
  readonly trainer: Trainer;
  readonly train: FedSource;
  readonly validation: FedSource | null;
  /** Keep a checkpoint; called at step boundaries. `evaluation` is there at the end of an epoch. */
  readonly save: (progress: Progress, evaluation: Evaluation | null) => Promise<void>;
  readonly report: (event: TrainingEvent) => void;
  /** Asked after each step, and after each batch that is measured: whether to save and return. */
  readonly interrupted: () => boolean;
  /** Name of the newest checkpoint, for the message of a run that diverged; null before the first. */
  readonly lastCheckpoint: () => string | null;
}

export type LoopEnd = "finished" | "stopped early" | "interrupted";

/**
 * Train until the epochs are done, nothing improves any more, or somebody interrupts.
 *
 * @param start - `BEGINNING`, or what the checkpoint holds whose state the trainer has
 * @throws InceptionError TRAINING_DIVERGED when the loss is no finite number, naming the step and the newest checkpoint
 */
export async function trainLoop(options: LoopOptions, parts: LoopParts, start: Progress): Promise<{ end: LoopEnd; progress: Progress }> {
  let progress = start;
  while (progress.position.epoch < options.epochs) {
    const stepped = await trainEpoch(options, parts, progress);
    progress = stepped.progress;
    if (stepped.interrupted) {
      await parts.save(progress, null);
      return { end: "interrupted", progress };
    }
    const evaluation = parts.validation && (await measure(parts, parts.validation));
    if (evaluation === "interrupted") {
      // Behind the last batch of the epoch: a run that goes on from here measures again.
      await parts.save(progress, null);
      return { end: "interrupted", progress };
    }
    const row = epochRow(options, progress, evaluation);
    progress = {
      position: { ...progress.position, epoch: progress.position.epoch + 1, batch: 0 },
      history: [...progress.history, row],
      partial: NO_EPOCH,
    };
    await parts.save(progress, evaluation);
    parts.report({ kind: "epoch", row, evaluation });
    if (options.earlyStopping && judgeStopping(options.earlyStopping, progress.history).stop) return { end: "stopped early", progress };
  }
  return { end: "finished", progress };
}

interface Stepped {
  readonly progress: Progress;
  readonly interrupted: boolean;
}

async function trainEpoch(options: LoopOptions, parts: LoopParts, start: Progress): Promise<Stepped> {
  const { source } = parts.train;
  let progress = start;
  const stream = source.epoch(start.position.epoch, start.position.batch);
  const reportSkipped = skippedReporter(stream, parts);
  let group: Batch[] = [];
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

/** Tells of the samples that a stream has left out since the last call. */
function skippedReporter({ skipped }: BatchStream, { report }: Pick<LoopParts, "report">): () => void {
  let reported = 0;
  return () => {
    for (const sample of skipped.slice(reported)) report({ kind: "skipped", sample });
    reported = skipped.length;
  };
}

async function takeStep(options: LoopOptions, parts: LoopParts, progress: Progress, group: readonly Batch[]): Promise<Progress> {
  const { position, partial } = progress;
  const learningRate = options.learningRate(position.step);
  const results =
    options.accumulate === 1
      ? [await oneProgram(options, parts, position, group, learningRate)]
      : await accumulated(options, parts, position, group, learningRate);
  const loss = results.reduce((sum, result) => sum + result.loss, 0) / results.length;
  if (!Number.isFinite(loss)) throw diverged(position.step + 1, loss, learningRate, parts.lastCheckpoint());
  const images = group.reduce((sum, batch) => sum + batch.count, 0);
  const correct = results.reduce((sum, result) => sum + result.correct, 0);
  const next = { ...position, batch: position.batch + group.length, step: position.step + 1 };
  const gradientNorm = results.at(-1)?.gradientNorm ?? null;
  parts.report({ kind: "step", position: next, loss, top1: options.mixed ? null : correct / images, learningRate, images, gradientNorm });
  return {
    ...progress,
    position: next,
    partial: {
      lossSum: partial.lossSum + loss,
      steps: partial.steps + 1,
      correct: partial.correct + correct,
      images: partial.images + images,
    },
  };
}

interface StepResult {
  readonly loss: number;
  readonly correct: number;
  readonly gradientNorm: number | null;
}

async function oneProgram(
  options: LoopOptions,
  parts: LoopParts,
  position: Position,
  [batch]: readonly Batch[],
  learningRate: number,
): Promise<StepResult> {
  if (batch === undefined) throw new RangeError("Cannot take a step without a batch");
  const feeds = await batchFeeds(options, parts, position, 0, batch);
  return stepResult(batch, await parts.trainer.run("step", { ...feeds, learningRate: scalar(learningRate) }));
}

async function accumulated(
  options: LoopOptions,
  parts: LoopParts,
  position: Position,
  group: readonly Batch[],
  learningRate: number,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, batch] of group.entries()) {
    const feeds = await batchFeeds(options, parts, position, index, batch);
    const weights = { keep: scalar(index === 0 ? 0 : 1), share: scalar(1 / group.length) };
    results.push(stepResult(batch, await parts.trainer.run("accumulate", { ...feeds, ...weights })));
  }
  const outputs = await parts.trainer.run("update", { learningRate: scalar(learningRate) });
  return results.map((result) => ({ ...result, gradientNorm: numberOf(outputs.gradientNorm) }));
}

async function batchFeeds(options: LoopOptions, parts: LoopParts, position: Position, part: number, batch: Batch) {
  const classes = parts.train.source.dataset.classes.length;
  const masks = dropoutMasks(options.masks, { seed: options.seed, step: position.step, part });
  return { ...(await parts.train.inputs(batch)), ...masks, targets: float32Tensor([batch.count, classes], batch.targets) };
}

function stepResult(batch: Batch, outputs: Readonly<Record<string, Tensor>>): StepResult {
  const logits = floats(outputs.logits);
  const correct = topKCorrect(logits, batch.labels, logits.length / batch.count, 1);
  return { loss: numberOf(outputs.loss) ?? Number.NaN, correct, gradientNorm: numberOf(outputs.gradientNorm) };
}

/** Measure the network as it is on all images of a source. */
export async function evaluate(parts: Pick<LoopParts, "trainer" | "report">, source: FedSource): Promise<Evaluation> {
  const evaluation = await measure({ ...parts, interrupted: () => false }, source);
  if (evaluation === "interrupted") throw new RangeError("Cannot be interrupted: nothing asks for it");
  return evaluation;
}

async function measure(
  parts: Pick<LoopParts, "trainer" | "report" | "interrupted">,
  { source, inputs: inputsOf }: FedSource,
): Promise<Evaluation | "interrupted"> {
  const { dataset, batchSize } = source;
  const numClasses = dataset.classes.length;
  const metrics = new ClassificationMetrics({ numClasses, nameOf: dataset.nameOf });
  const stream = source.epoch(0);
  const reportSkipped = skippedReporter(stream, parts);
  let done = 0;
  for await (const batch of stream) {
    reportSkipped();
    const inputs = await inputsOf(filledUp(batch, batchSize));
    const outputs = await parts.trainer.run("evaluate", inputs);
    const logits = floats(outputs.logits).subarray(0, batch.count * numClasses);
    metrics.update({ logits, labels: batch.labels, indices: batch.indices });
    done += batch.count;
    parts.report({ kind: "measuring", done, total: dataset.size });
    if (parts.interrupted()) return "interrupted";
  }
  reportSkipped();
  return metrics.result();
}

/** A program has a fixed batch: the last images of a set are followed by black ones, whose results are dropped. */
function filledUp(batch: Batch, batchSize: number): Batch {
  if (batch.count === batchSize) return batch;
  const images = new Float32Array((batch.images.length / batch.count) * batchSize);
  images.set(batch.images);
  return { ...batch, images, count: batchSize };
}

function epochRow({ learningRate, mixed }: LoopOptions, { position, partial }: Progress, evaluation: Evaluation | null): EpochRow {
  return {
    epoch: position.epoch + 1,
    step: position.step,
    // That of the last step.
    learningRate: learningRate(Math.max(0, position.step - 1)),
    trainLoss: partial.lossSum / partial.steps,
    trainTop1: mixed ? null : partial.correct / partial.images,
    loss: evaluation?.loss ?? null,
    top1: evaluation?.top1 ?? null,
    top5: evaluation?.top5 ?? null,
  };
}

function diverged(step: number, loss: number, learningRate: number, checkpoint: string | null): InceptionError {
  const place = checkpoint === null ? "there is no checkpoint yet" : `the last good checkpoint is ${checkpoint}`;
  return new InceptionError(
    "TRAINING_DIVERGED",
    `Cannot go on training: the loss of step ${step} is ${loss} at learning rate ${learningRate}; ${place}; expected a finite loss, which a smaller learning rate or --clip-norm may give`,
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
