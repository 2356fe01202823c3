/** Trains one network of the residual-scaling experiment and looks at its activations meanwhile. */
import { compileTraining, initialState } from "../compile/training/training.js";
import type { Batch, BatchSource } from "../data/batch.js";
import { shapes10 } from "../data/shapes10.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { createBatchSource } from "../node/batch-source.js";
import { optimizerOf } from "../optim/index.js";
import type { Trainer, TrainingProgram } from "../runtime/trainer.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { classification } from "../train/classification.js";
import { INITIAL_PROGRESS, type LoopOptions, type LoopParts, type TrainingEvent, trainLoop } from "../train/loop.js";
import type { Evaluation } from "../train/metrics.js";
import type { BatchLoader, FeedSource } from "../train/task.js";
import { initialParameters } from "../weights/index.js";
import { type ActivationStatistics, activationStatistics, PROBE_OUTPUT, probeProgram } from "./activations.js";
import { INPUT_SIZE, LAST_MODULE, NUM_CLASSES, residualNetwork } from "./residual-network.js";
import { type Cell, SWEEP_OPTIMIZERS, type Sweep } from "./sweep.js";

/** The state of a network after some steps. */
export interface Probe extends ActivationStatistics {
  /** Steps done. */
  readonly step: number;
  /** Mean training loss of the steps since the last probe; null before the first step. */
  readonly loss: number | null;
  /** Share of the training images of these steps that were recognized when they were seen; null before the first step. */
  readonly top1: number | null;
}

export interface CellResult {
  readonly cell: Cell;
  readonly probes: readonly Probe[];
  /** Share of the validation images that the trained network recognizes; null for one that diverged. */
  readonly val: number | null;
  /** The step whose loss was not finite, from 1; null where none was. */
  readonly divergedAt: number | null;
}

/** Opens training programs; `createNodeTrainer` in effect. */
export type OpenTrainer = (programs: Readonly<Record<string, TrainingProgram>>, state: ReadonlyMap<string, Tensor>) => Promise<Trainer>;

/** Images that the activations are looked at with, and those that the trained network is measured on. */
export const PROBE_IMAGES = 40;
export const VAL_IMAGES = 100;

const PREPROCESSING: Preprocessing = {
  resize: { kind: "warp", size: INPUT_SIZE, filter: "bilinear" },
  crop: null,
  channelOrder: "RGB",
  mean: [127.5, 127.5, 127.5],
  std: [127.5, 127.5, 127.5],
};

/**
 * Train a cell for as many steps as the sweep says, each image seen once, and probe it before the first step, every
 * `probeEvery` steps and after the last.
 *
 * @param onStep - called after each step with the steps done and the loss
 */
export async function trainCell(
  cell: Cell,
  sweep: Omit<Sweep, "cells">,
  openTrainer: OpenTrainer,
  onStep: (step: number, loss: number) => void,
): Promise<CellResult> {
  const network = residualNetwork({ ...cell, blocks: sweep.blocks });
  const optimizer = optimizerOf(SWEEP_OPTIMIZERS[cell.optimizer]);
  const compiled = compileTraining(network, { batchSize: sweep.batch, optimizer: () => optimizer, target: "ort-cpu" });
  const programs = Object.fromEntries(
    Object.entries(compiled.programs).map(([name, { model, state, reads }]) => [name, { model: concatChunks(model.chunks), state, reads }]),
  );
  const probing = { probe: probeProgram(network, LAST_MODULE, PROBE_IMAGES, "training") };
  const parameters = initialParameters(network, cell.seed, "he_normal");
  const { task, train, val } = await openSources(cell.seed, sweep);
  const trainer = await openTrainer({ ...programs, ...probing }, initialState(compiled, parameters));
  try {
    const record = await startRecord(trainer, val.source);
    const divergedAt = await runSteps({ cell, sweep, trainer, task, train, val, record, onStep });
    return { cell, probes: record.probes, val: divergedAt === null ? record.val() : null, divergedAt };
  } finally {
    await trainer.close();
    await train.source.close();
    await val.source.close();
  }
}

type Sources = Pick<LoopParts<Batch, Evaluation>, "task" | "train"> & { readonly val: FeedSource<Batch> };

/** Fresh images for every step, and a fixed set to measure on. */
async function openSources(seed: number, { steps, batch }: Omit<Sweep, "cells">): Promise<Sources> {
  const { train, val } = shapes10({ train: Math.max(NUM_CLASSES, steps * batch), val: VAL_IMAGES, size: INPUT_SIZE, seed });
  if (val === null) throw new RangeError("Cannot evaluate without images");
  const common = { batchSize: batch, seed, preprocessing: PREPROCESSING, inputSize: INPUT_SIZE, workers: 0, cacheBytes: 0 };
  return {
    task: classification(train, val, false),
    train: fed(await createBatchSource(train, { ...common, shuffle: true, dropLast: true })),
    val: fed(await createBatchSource(val, { ...common, shuffle: false, dropLast: false })),
  };
}

function fed(source: BatchSource): FeedSource<Batch> {
  return { source, inputs: async ({ images, count }) => ({ input: inputTensor(images, count) }) };
}

function inputTensor(images: Float32Array, count: number): Tensor {
  return float32Tensor([count, 3, INPUT_SIZE, INPUT_SIZE], images);
}

interface Running extends Sources {
  readonly cell: Cell;
  readonly sweep: Omit<Sweep, "cells">;
  readonly trainer: Trainer;
  readonly record: CellRecord;
  readonly onStep: (step: number, loss: number) => void;
}

/** The loop; its checkpoints are the probes. Returns the step that diverged, or null. */
async function runSteps({ cell, sweep, trainer, task, train, val, record, onStep }: Running): Promise<number | null> {
  const options: LoopOptions = {
    epochs: 1,
    seed: cell.seed,
    learningRate: () => cell.learningRate,
    accumulate: 1,
    checkpointEvery: sweep.probeEvery,
    metric: "trainLoss",
    earlyStopping: null,
    masks: [],
  };
  try {
    await trainLoop(
      options,
      {
        trainer,
        task,
        train,
        validation: val,
        save: ({ position }, evaluation) => record.probe(position.step, evaluation?.top1 ?? null),
        report: (event) => {
          record.take(event);
          if (event.kind === "step") onStep(event.position.step, event.loss);
        },
        interrupted: () => false,
        lastCheckpoint: () => null,
      },
      INITIAL_PROGRESS,
    );
    return null;
  } catch (thrown) {
    if (!(thrown instanceof InceptionError) || thrown.code !== "TRAINING_DIVERGED") throw thrown;
    return Number(thrown.details.step);
  }
}

interface CellRecord {
  readonly probes: readonly Probe[];
  readonly val: () => number | null;
  readonly take: (event: TrainingEvent) => void;
  readonly probe: (step: number, val: number | null) => Promise<void>;
}

/** Collects probes, the first at once. The images are the first of the validation set, each class as often as the others. */
async function startRecord(trainer: Trainer, source: BatchLoader<Batch>): Promise<CellRecord> {
  const images = inputTensor(await firstImages(source, PROBE_IMAGES), PROBE_IMAGES);
  const probes: Probe[] = [];
  let since: { loss: number; top1: number }[] = [];
  let val: number | null = null;
  const mean = (key: "loss" | "top1") => (since.length === 0 ? null : since.reduce((sum, step) => sum + step[key], 0) / since.length);
  const probe = async (step: number, measured: number | null): Promise<void> => {
    const activations = (await trainer.run("probe", { input: images }))[PROBE_OUTPUT];
    if (!(activations?.data instanceof Float32Array)) throw new RangeError("Cannot read the activations of a probe");
    probes.push({ step, loss: mean("loss"), top1: mean("top1"), ...activationStatistics(activations.data, activations.shape) });
    since = [];
    val = measured;
  };
  await probe(0, null);
  const take = (event: TrainingEvent) => {
    if (event.kind === "step") since.push({ loss: event.loss, top1: event.top1 ?? 0 });
  };
  return { probes, val: () => val, take, probe };
}

async function firstImages(source: BatchLoader<Batch>, count: number): Promise<Float32Array> {
  const perImage = 3 * INPUT_SIZE ** 2;
  const images = new Float32Array(count * perImage);
  let filled = 0;
  for await (const batch of source.epoch(0)) {
    const part = partOf(batch, Math.min(batch.count, count - filled), perImage);
    images.set(part, filled * perImage);
    filled += part.length / perImage;
    if (filled === count) break;
  }
  return images;
}

function partOf({ images }: Batch, count: number, perImage: number): Float32Array {
  return images.subarray(0, count * perImage);
}
