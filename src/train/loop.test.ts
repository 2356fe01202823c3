/** The loop on a real network of the smallest kind; what a run does on disk is in test/train-cli.test.ts. */
import { afterEach, expect, test } from "vitest";
import { createTestTrainer } from "../../test/in-process-trainer.js";
import { compileTraining, initialState } from "../compile/training/training.js";
import type { Batch, BatchSource, Dataset } from "../data/batch.js";
import { randomStream } from "../data/random.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { describeModel } from "../models/index.js";
import { sgd } from "../optim/index.js";
import type { Trainer } from "../runtime/trainer.js";
import { float32Tensor } from "../tensor/tensor.js";
import { initialParameters } from "../weights/initialize.js";
import { classification } from "./classification.js";
import { featureSource } from "./feature-source.js";
import { INITIAL_PROGRESS, type LoopOptions, type LoopParts, type Progress, type TrainingEvent, trainLoop } from "./loop.js";
import type { Evaluation } from "./metrics.js";

const SIDE = 32;
const BATCH = 4;
const dataset: Dataset = { name: "noise", classes: ["a", "b"], size: 12, labelOf: (index) => index % 2, nameOf: String };
const network = describeModel("googlenet", { inputSize: SIDE, widthMultiplier: 0.03, numClasses: 2, dropRate: 0 });
const OPTIONS: LoopOptions = {
  epochs: 2,
  seed: 1,
  learningRate: (step) => 0.01 / (step + 1),
  accumulate: 1,
  checkpointEvery: 0,
  metric: "top1",
  earlyStopping: null,
  masks: [],
};

/** Twelve pictures of noise; two of them are reported as damaged, at the second batch and behind the last. */
function source(training: boolean): BatchSource {
  const random = randomStream({ seed: 3, purpose: "loop test" });
  const width = 3 * SIDE * SIDE;
  const values = Float32Array.from({ length: dataset.size * width }, () => random.normal());
  const table = { values, width, indices: Array.from({ length: dataset.size }, (_, index) => index) };
  const inner = featureSource(dataset, table, { batchSize: BATCH, seed: 1, training });
  return {
    ...inner,
    epoch: (epoch, start) => {
      const skipped: { index: number; name: string; reason: string }[] = [];
      const leaveOut = (name: string) => skipped.push({ index: 0, name, reason: "damaged" });
      return {
        skipped,
        async *[Symbol.asyncIterator]() {
          let read = 0;
          for await (const batch of inner.epoch(epoch, start)) {
            if (++read === 2) leaveOut(`${training ? "train" : "val"} second`);
            yield batch;
          }
          leaveOut(`${training ? "train" : "val"} end`);
        },
      };
    },
  };
}

const trainers: Trainer[] = [];
afterEach(async () => {
  for (const trainer of trainers.splice(0)) await trainer.close();
});

async function openTrainer(): Promise<Trainer> {
  const optimizer = sgd({ momentum: 0.9 });
  const compiled = compileTraining(network, { batchSize: BATCH, optimizer: () => optimizer });
  const programs = Object.entries(compiled.programs).map(
    ([name, { model, state, reads }]) => [name, { model: concatChunks(model.chunks), state, reads }] as const,
  );
  const trainer = await createTestTrainer(Object.fromEntries(programs), initialState(compiled, initialParameters(network, 1)));
  trainers.push(trainer);
  return trainer;
}

interface Watched {
  readonly parts: LoopParts<Batch, Evaluation>;
  readonly events: TrainingEvent[];
  readonly saved: Progress[];
}

async function watched(trainer: Trainer, interrupted: (events: readonly TrainingEvent[]) => boolean): Promise<Watched> {
  const events: TrainingEvent[] = [];
  const saved: Progress[] = [];
  const fed = (training: boolean) => ({
    source: source(training),
    inputs: async ({ images, count }: { readonly images: Float32Array; readonly count: number }) => ({
      input: float32Tensor([count, 3, SIDE, SIDE], images),
    }),
  });
  const parts: LoopParts<Batch, Evaluation> = {
    trainer,
    task: classification(dataset, dataset, false),
    train: fed(true),
    validation: fed(false),
    save: async (progress) => void saved.push(progress),
    report: (event) => void events.push(event),
    interrupted: () => interrupted(events),
    lastCheckpoint: () => null,
  };
  return { parts, events, saved };
}

test("what could not be read is reported, in training and in measuring", async () => {
  const { parts, events } = await watched(await openTrainer(), () => false);
  await trainLoop({ ...OPTIONS, epochs: 1 }, parts, INITIAL_PROGRESS);
  // The training pass ends with its last batch and so never reads on to the end of the stream.
  expect(events.flatMap((event) => (event.kind === "skipped" ? [event.sample.name] : []))).toEqual([
    "train second",
    "val second",
    "val end",
  ]);
});

test("a run that is interrupted while it measures goes on there, and comes to what one that was not comes to", async () => {
  const whole = await watched(await openTrainer(), () => false);
  const { progress: expected } = await trainLoop(OPTIONS, whole.parts, INITIAL_PROGRESS);
  expect(expected.history.map(({ step, learningRate }) => [step, learningRate])).toEqual([
    [3, 0.01 / 3],
    [6, 0.01 / 6],
  ]);
  const epochs = whole.events.filter((event) => event.kind === "epoch");
  const [first1 = 0, second1 = 0] = expected.history.map(({ top1 }) => top1 ?? 0);
  expect(epochs.map(({ isBest }) => isBest)).toEqual([true, second1 > first1]);

  const trainer = await openTrainer();
  const stopped = await watched(trainer, (events) => events.at(-1)?.kind === "evaluating");
  const first = await trainLoop(OPTIONS, stopped.parts, INITIAL_PROGRESS);
  expect(first.end).toBe("interrupted");
  expect(first.progress.position).toEqual({ epoch: 0, batch: 3, step: 3 });
  expect(stopped.saved).toEqual([first.progress]);
  expect(stopped.events.filter(({ kind }) => kind === "evaluating")).toHaveLength(1);

  const resumed = await watched(trainer, () => false);
  expect(await trainLoop(OPTIONS, resumed.parts, first.progress)).toEqual({ end: "finished", progress: expected });
  expect(await trainer.readState()).toEqual(await trainers[0]?.readState());
});
