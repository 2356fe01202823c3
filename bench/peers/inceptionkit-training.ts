/** A training step of this package as a benchmark program (see bench/README.md): describe, fill, compile, train. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type CompiledTraining, compileTraining, initialState } from "../../src/compile/training/training.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { decodeModel } from "../../src/formats/onnx/decode.js";
import { isTrainable } from "../../src/ir/graph.js";
import { describeModel } from "../../src/models/index.js";
import { createNodeTrainer } from "../../src/node/ort-trainer.js";
import { type OpTime, profileByOp } from "../../src/node/ort-trainer-profile.js";
import { sgd } from "../../src/optim/index.js";
import type { Trainer, TrainingProgram } from "../../src/runtime/trainer.js";
import { elementCount, float32Tensor, type Tensor } from "../../src/tensor/tensor.js";
import { goldenParameters } from "../../src/weights/golden.js";
import { fillInput } from "./fill.js";
import { inputShape, networkOf, TRAINED_NETWORKS, type TrainedModel } from "./networks.js";
import { checkedLogits, field, positive, serveCommands } from "./serve.js";

/** Losses that a "check" reply carries at most, as many as pytorch-training.py keeps. */
const CHECKED_LOSSES = 8;

interface TrainingLoad {
  readonly model: TrainedModel;
  readonly batch: number;
  readonly size: number;
  readonly threads: number;
  readonly classes: number;
  readonly learningRate: number;
  /** Compute inner values of the forward pass again instead of keeping them. */
  readonly recompute: boolean;
  /** Measure every operator; "profile" then says what was found. */
  readonly profile: boolean;
}

/** A network that is trained. */
interface Training {
  readonly trainer: Trainer;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly steps: { count: number; readonly losses: number[]; logits: readonly number[] };
  /** The logits that a "check" reply carries. */
  readonly checked: (logits: Float32Array) => readonly number[];
  /** Where `close` of the trainer writes the profile. */
  readonly profile: { readonly folder: string; readonly file: string } | null;
}

let training: Training | null = null;

await serveCommands({ name: "inceptionkit", version: "0.1.0" }, async (op, command) => {
  switch (op) {
    case "load":
      return load(parseTrainingLoad(command));
    case "run":
      return { ms: await step(loaded()) };
    case "check":
      return { losses: loaded().steps.losses, logits: loaded().steps.logits };
    case "profile":
      return profile(loaded());
    default:
      throw new RangeError(`Cannot answer op "${op}": expected load, run, check, profile, rss or quit`);
  }
});
await end();

async function load(command: TrainingLoad): Promise<Record<string, unknown>> {
  await end();
  const started = performance.now();
  const { model, batch, size, threads, classes } = command;
  const ofVolumes = TRAINED_NETWORKS[model].axes === 3;
  const network = describeModel(model, { inputSize: size, numClasses: classes, ...(ofVolumes ? {} : { dropRate: 0 }) });
  const optimizer = sgd({ momentum: 0.9 });
  const compiled = compileTraining(network, {
    batchSize: batch,
    optimizer: () => optimizer,
    targetFormat: "indices",
    loss: ofVolumes ? "dice_cross_entropy" : "cross_entropy",
    target: "ort-cpu",
    checkpointActivations: command.recompute,
  });
  const program = stepProgram(compiled);
  const state = initialState(compiled, goldenParameters(network));
  const compileMs = performance.now() - started;
  const opened = await openTrainer(program, state, command);
  const ms = performance.now() - started;
  const checked = (logits: Float32Array) => checkedLogits(logits, TRAINED_NETWORKS[model].axes, batch);
  training = { ...opened, feeds: batchFeeds(command), steps: { count: 0, losses: [], logits: [] }, checked };
  return {
    ms,
    compileMs,
    sessionMs: ms - compileMs,
    firstMs: await step(training),
    params: network.parameters.filter(isTrainable).reduce((sum, { type }) => sum + elementCount(type.shape.map(Number)), 0),
    nodes: decodeModel(program.model).graph.nodes.length,
    threads,
  };
}

function stepProgram({ programs }: CompiledTraining): TrainingProgram {
  const { step } = programs;
  if (step === undefined) throw new Error('Cannot load: the compiler gave no program "step"');
  return { model: concatChunks(step.model.chunks), state: step.state, reads: step.reads };
}

async function openTrainer(
  program: TrainingProgram,
  state: ReadonlyMap<string, Tensor>,
  { threads, profile: profiled }: TrainingLoad,
): Promise<Pick<Training, "trainer" | "profile">> {
  const folder = profiled ? mkdtempSync(path.join(tmpdir(), "inception-bench-")) : null;
  const prefix = folder === null ? {} : { profile: path.join(folder, "ort") };
  // Evaluation needs the parameters that no step changes too; here they are no state of the only program.
  const used = new Set([...program.state.map(({ input }) => input), ...program.reads]);
  const own = new Map([...state].filter(([name]) => used.has(name)));
  const trainer = await createNodeTrainer({ step: program }, own, { device: "cpu", threads, transfer: true, ...prefix });
  return { trainer, profile: folder === null ? null : { folder, file: path.join(folder, "ort.step.json") } };
}

/** Image i, or voxel i, has the label 7 i modulo the classes, as in pytorch-training.py. */
function batchFeeds({ model, batch, size, classes, learningRate }: TrainingLoad): Readonly<Record<string, Tensor>> {
  const { key, axes } = TRAINED_NETWORKS[model];
  const shape = inputShape(TRAINED_NETWORKS[model], batch, size);
  const labeled = axes === 3 ? [batch, ...shape.slice(2)] : [batch];
  const labels = Int32Array.from({ length: elementCount(labeled) }, (_, index) => (7 * index) % classes);
  return {
    input: float32Tensor(shape, fillInput(key, shape)),
    labels: { dtype: "int32", shape: labeled, data: labels },
    learningRate: float32Tensor([], Float32Array.of(learningRate)),
  };
}

/** Milliseconds of one training step, from the batch in memory to the loss in memory. */
async function step({ trainer, feeds, steps, checked }: Training): Promise<number> {
  const started = performance.now();
  const { loss, logits } = await trainer.run("step", feeds);
  const ms = performance.now() - started;
  if (steps.count === 0) steps.logits = checked(floats(logits));
  if (steps.losses.length < CHECKED_LOSSES) steps.losses.push(...floats(loss));
  steps.count++;
  return ms;
}

/** Ends the training: the trainer writes its profile when it is closed. */
async function profile({ trainer, profile: place, steps }: Training): Promise<{ readonly steps: number; readonly ops: readonly OpTime[] }> {
  if (place === null) throw new Error('Cannot profile: nothing was measured, send "load" with "profile": true first');
  await trainer.close();
  const ops = await profileByOp(place.file);
  await end();
  return { steps: steps.count, ops };
}

async function end(): Promise<void> {
  await training?.trainer.close();
  if (training?.profile) rmSync(training.profile.folder, { recursive: true, force: true });
  training = null;
}

function loaded(): Training {
  if (training === null) throw new Error('Cannot run: no network is loaded, send "load" first');
  return training;
}

function floats(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error("Cannot run: the step gave no float32 loss and logits");
  return tensor.data;
}

function parseTrainingLoad(command: unknown): TrainingLoad {
  const model = networkOf(TRAINED_NETWORKS, field(command, "model"));
  const learningRate = field(command, "learningRate") ?? 0.001;
  if (typeof learningRate !== "number" || !(learningRate > 0)) {
    throw new RangeError(`Cannot load with learningRate ${JSON.stringify(learningRate)}: expected a positive number`);
  }
  return {
    model,
    batch: positive(command, "batch", TRAINED_NETWORKS[model].batch),
    size: positive(command, "size", TRAINED_NETWORKS[model].size),
    threads: positive(command, "threads", 2),
    classes: positive(command, "classes", TRAINED_NETWORKS[model].classes),
    learningRate,
    recompute: field(command, "recompute") === true,
    profile: field(command, "profile") === true,
  };
}
