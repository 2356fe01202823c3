/** A small Inception-ResNet and five of its training steps, on whatever runs them: in Node, in WebAssembly, in a page. */

import type { Target } from "../../src/compile/targets/index.js";
import type { TrainingFeed } from "../../src/compile/training/options.js";
import { compileTraining, initialState } from "../../src/compile/training/training.js";
import { randomStream } from "../../src/data/random.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { describeModel } from "../../src/models/index.js";
import { sgd } from "../../src/optim/index.js";
import type { Trainer, TrainingProgram } from "../../src/runtime/trainer.js";
import { float32Tensor, type Tensor } from "../../src/tensor/tensor.js";
import { initialParameters } from "../../src/weights/initialize.js";

export const STEPS = 5;
export const BATCH = 8;
const CLASSES = 4;
/** A sixteenth of the channels and one block of each kind: a software adapter takes seconds for a step. */
export const OPTIONS = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1], embeddingSize: 0, numClasses: CLASSES, dropRate: 0 };

export type CreateTrainer = (programs: Readonly<Record<string, TrainingProgram>>, state: ReadonlyMap<string, Tensor>) => Promise<Trainer>;

/** Whether batch normalization uses the statistics of the batch, or fixed ones. */
export type Statistics = "batch" | "fixed";

/** The loss before each of five steps, and after the last. */
export async function networkLosses(target: Target, statistics: Statistics, createTrainer: CreateTrainer): Promise<readonly number[]> {
  const { program, first, feeds } = compileNetwork(target, statistics);
  const trainer = await createTrainer({ step: program }, first);
  try {
    const losses: number[] = [];
    for (let step = 0; step <= STEPS; step++) losses.push(lossOf(await trainer.run("step", feedsOf(feeds, step))));
    return losses;
  } finally {
    await trainer.close();
  }
}

export interface StepDifference {
  /** Of the losses. */
  readonly loss: number;
  /** Norm of the difference of the states after the step, as a share of what the step moved. */
  readonly movement: number;
}

/**
 * Five steps with the statistics of the batch. A ReLU that rounding flips sends two such runs apart within a few steps, on
 * PyTorch as here; so each step begins from the state that the reference has come to.
 */
export async function stepDifferences(
  target: Target,
  createTrainer: CreateTrainer,
  createReference: CreateTrainer,
): Promise<readonly StepDifference[]> {
  const tested = compileNetwork(target, "batch");
  const standard = compileNetwork("standard", "batch");
  const trainer = await createTrainer({ step: tested.program }, tested.first);
  const reference = await createReference({ step: standard.program }, standard.first);
  const names = tested.program.state.map(({ input }) => input);
  try {
    const differences: StepDifference[] = [];
    for (let step = 0; step < STEPS; step++) {
      const before = await reference.readState(names);
      await trainer.writeState(before);
      const loss = lossOf(await trainer.run("step", feedsOf(tested.feeds, step)));
      const expected = lossOf(await reference.run("step", feedsOf(standard.feeds, step)));
      const [after, wanted] = [valuesOf(await trainer.readState(names)), valuesOf(await reference.readState(names))];
      const movement = distance(after, wanted) / distance(valuesOf(before), wanted);
      differences.push({ loss: Math.abs(loss - expected), movement });
    }
    return differences;
  } finally {
    await trainer.close();
    await reference.close();
  }
}

function compileNetwork(target: Target, statistics: Statistics) {
  const network = describeModel("inception_resnet_v1", OPTIONS);
  const optimizer = sgd({ momentum: 0.9 });
  const freezeBatchNorm = statistics === "fixed";
  const compiled = compileTraining(network, {
    batchSize: BATCH,
    optimizer: () => optimizer,
    targetFormat: "indices",
    target,
    freezeBatchNorm,
  });
  const { step } = compiled.programs;
  if (step === undefined) throw new RangeError('there is no program "step"');
  const { model, state, reads } = step;
  const needed = new Set([...state.map(({ input }) => input), ...reads]);
  const first = new Map([...initialState(compiled, initialParameters(network, 1))].filter(([name]) => needed.has(name)));
  return { program: { model: concatChunks(model.chunks), state, reads }, first, feeds: step.feeds };
}

/** What one step is fed: noise in which one channel is brighter, and which one is the label, so that there is something to learn. */
export function feedsOf(feeds: readonly TrainingFeed[], step: number): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(feeds.map((feed) => [feed.name, feedOf(feed, step)]));
}

function feedOf({ name, shape }: TrainingFeed, step: number): Tensor {
  if (name === "learningRate") return float32Tensor([], Float32Array.of(0.01));
  const [images = 1, , height = 1, width = 1] = shape;
  if (name === "labels") return { dtype: "int32", shape, data: Int32Array.from({ length: images }, (_, image) => image % CLASSES) };
  const random = randomStream({ seed: 1, purpose: name, index: step });
  const isBright = (index: number) => Math.floor(index / (height * width)) % 3 === Math.floor(index / (3 * height * width)) % CLASSES;
  const size = shape.reduce((product, length) => product * length, 1);
  return float32Tensor(
    shape,
    Float32Array.from({ length: size }, (_, index) => random.uniform(-0.5, 0.5) + (isBright(index) ? 0.5 : 0)),
  );
}

function lossOf({ loss }: Readonly<Record<string, Tensor>>): number {
  return Number(loss?.data[0]);
}

function valuesOf(state: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Float32Array> {
  return new Map([...state].flatMap(([name, { data }]) => (data instanceof Float32Array ? [[name, data] as const] : [])));
}

/** Norm of the difference of two states, but for the counter of steps, which would outweigh all else. */
export function distance(a: ReadonlyMap<string, ArrayLike<number>>, b: ReadonlyMap<string, ArrayLike<number>>): number {
  let sum = 0;
  for (const [name, values] of a) {
    if (name === "step") continue;
    for (let index = 0; index < values.length; index++) sum += ((values[index] ?? Number.NaN) - (b.get(name)?.[index] ?? Number.NaN)) ** 2;
  }
  return Math.sqrt(sum);
}
