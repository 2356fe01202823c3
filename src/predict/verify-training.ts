import type { TrainingOptions } from "../compile/training/options.js";
import { type CompiledTraining, compileTraining, initialState } from "../compile/training/training.js";
import { InceptionError } from "../errors.js";
import { concatChunks } from "../formats/concat-chunks.js";
import type { Graph } from "../ir/graph.js";
import { findModel } from "../models/index.js";
import { MINI_MODELS } from "../models/mini.js";
import { OWN_NAMES, WEIGHT_SETS } from "../models/weights.js";
import { sgd } from "../optim/index.js";
import type { Trainer } from "../runtime/trainer.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { loadWeights } from "../weights/apply.js";
import type { NameMap } from "../weights/name-map.js";
import { filledCheckpoint, filledInput } from "./golden-fill.js";
import {
  GOLDEN_LOSS,
  type GoldenGradients,
  type GoldenMovement,
  type GoldenSamples,
  type GoldenTrajectory,
  sampleIndices,
  type TrainingGolden,
} from "./training-golden.js";
import { excepted, type TrainingTolerance, trainingTolerance } from "./training-tolerances.js";
import { concluded, largest, type VerifiedCase, type VerifiedCheck, type VerifyPlatform } from "./verified.js";

/**
 * Run a training golden: one forward and backward pass with the statistics of the batch and one with frozen ones, then
 * five steps of each optimizer, all from the same filled checkpoint. Every loss, gradient, movement and running statistic
 * that the golden lists is compared.
 *
 * @throws InceptionError MODEL_UNKNOWN for a golden of a network that is not here; HASH_MISMATCH where the formula gives
 *   other numbers; WEIGHTS_MISMATCH where the network has other parameters than the source's
 */
export async function verifyTraining(golden: TrainingGolden, platform: VerifyPlatform): Promise<readonly VerifiedCase[]> {
  const subject = await prepare(golden, platform);
  const cases: VerifiedCase[] = [];
  for (const pass of golden.gradients) {
    platform.onCase?.(pass.name);
    cases.push(concluded(pass.name, await passChecks(subject, pass, platform)));
  }
  for (const trajectory of golden.trajectories) {
    platform.onCase?.(trajectory.name);
    cases.push(concluded(trajectory.name, await trajectoryChecks(subject, trajectory, platform)));
  }
  return cases;
}

interface Subject {
  readonly golden: TrainingGolden;
  readonly graph: Graph;
  /** Our path of a name in the golden. */
  readonly pathOf: (name: string) => string;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly tolerance: TrainingTolerance;
}

async function prepare(golden: TrainingGolden, platform: VerifyPlatform): Promise<Subject> {
  const { graph, map } = describe(golden);
  const names = new Map(graph.parameters.map(({ path }) => [map.nameOf(path), path]));
  const listed = graph.parameters.map(({ path, type }) => [map.nameOf(path), type.shape.map(Number)] as const);
  const { parameters } = await loadWeights(graph, filledCheckpoint(golden.stateDict ?? listed), map);
  const labels: Tensor = { dtype: "int32", shape: [golden.labels.length], data: Int32Array.from(golden.labels) };
  const feeds = { input: filledInput(golden.input, platform), labels };
  return { golden, graph, pathOf: (name) => names.get(name) ?? name, parameters, feeds, tolerance: trainingTolerance(golden.name) };
}

/** The network that a golden was computed with, and the source's names for it. */
function describe({ model, numClasses, auxiliary, input }: TrainingGolden): { readonly graph: Graph; readonly map: NameMap } {
  const [, , height = 0, width = 0] = input.shape;
  const options = { numClasses, inputSize: [height, width] } as const;
  const mini = MINI_MODELS.get(model);
  if (mini) return { graph: mini(options), map: { ...OWN_NAMES, source: model, ignore: [/^.*\.num_batches_tracked$/] } };
  const set = WEIGHT_SETS.find((candidate) => candidate.goldens?.includes(model));
  if (set) return { graph: findModel(set.model).describe(auxiliary ? { ...options, aux: true } : options), map: set.map };
  const known = [...MINI_MODELS.keys(), ...WEIGHT_SETS.flatMap((candidate) => candidate.goldens ?? [])].join(", ");
  throw new InceptionError("MODEL_UNKNOWN", `Cannot verify reference training of "${model}": expected one of ${known}`, { model });
}

function compile(
  { golden, graph }: Subject,
  options: Pick<TrainingOptions, "form" | "freezeBatchNorm" | "layout" | "optimizer" | "target">,
): CompiledTraining {
  return compileTraining(graph, { batchSize: golden.labels.length, targetFormat: "indices", dropout: false, ...GOLDEN_LOSS, ...options });
}

function targetOf({ target, layout = "nchw" }: VerifyPlatform): Pick<TrainingOptions, "layout" | "target"> {
  return target === undefined ? { layout } : { layout, target };
}

/** Opens a trainer over one of the programs, and closes it after use. */
async function withTrainer<T>(
  { parameters }: Subject,
  compiled: CompiledTraining,
  name: string,
  platform: VerifyPlatform,
  use: (trainer: Trainer) => Promise<T>,
): Promise<T> {
  const program = compiled.programs[name];
  if (program === undefined) throw new RangeError(`Cannot verify: there is no program "${name}"`);
  const { model, state, reads } = program;
  const needed = new Set([...state.map(({ input }) => input), ...reads]);
  const first = [...initialState(compiled, parameters)].filter(([input]) => needed.has(input));
  const trainer = await platform.createTrainer({ [name]: { model: concatChunks(model.chunks), state, reads } }, new Map(first));
  try {
    return await use(trainer);
  } finally {
    await trainer.close();
  }
}

async function passChecks(subject: Subject, pass: GoldenGradients, platform: VerifyPlatform): Promise<readonly VerifiedCheck[]> {
  const plain = sgd();
  const compiled = compile(subject, { form: "accumulate", freezeBatchNorm: pass.frozen, optimizer: () => plain, ...targetOf(platform) });
  return withTrainer(subject, compiled, "accumulate", platform, async (trainer) => {
    const outputs = await trainer.run("accumulate", { ...subject.feeds, keep: scalar(0), share: scalar(1) });
    const state = await trainer.readState();
    return [
      ...lossChecks(subject, pass, outputs),
      ...gradientChecks(subject, pass, state),
      ...statisticChecks(subject, pass.statistics, state, subject.tolerance.values),
    ];
  });
}

function lossChecks(
  { graph, tolerance }: Subject,
  pass: GoldenGradients,
  outputs: Readonly<Record<string, Tensor>>,
): readonly VerifiedCheck[] {
  const heads = graph.outputs.map(({ name }) => name).filter((name) => name.startsWith("aux"));
  const total = scalarOf(outputs.loss);
  const auxiliary = heads.map((head) => scalarOf(outputs[`loss:${head}`]));
  const main = auxiliary.reduce((rest, loss) => rest - GOLDEN_LOSS.auxWeight * loss, total);
  const parts = [main, ...auxiliary].map((loss, index) => ({
    name: `loss of ${["logits", ...heads][index] ?? ""}`,
    worst: shareOf(Math.abs(loss - (pass.parts[index] ?? Number.NaN)), pass.parts[index] ?? Number.NaN),
  }));
  const checks = [
    { name: "loss", worst: shareOf(Math.abs(total - pass.loss), pass.loss) },
    ...parts,
    { name: "logits", worst: vectorError(outputs.logits, pass.logits) },
  ];
  return checks.map((check) => ({ ...check, tolerance: tolerance.values }));
}

function gradientChecks(subject: Subject, pass: GoldenGradients, state: ReadonlyMap<string, Tensor>): readonly VerifiedCheck[] {
  const tolerance = pass.frozen ? subject.tolerance.frozenGradients : subject.tolerance.gradients;
  const gradientOf = (name: string): Tensor | undefined => state.get(`${subject.pathOf(name)}:gradient`);
  const listed = [...pass.gradients].map(([name, golden]) => ({ name, worst: samplesError(gradientOf(name), golden) }));
  const others = [...pass.norms]
    .filter(([name]) => !pass.gradients.has(name))
    .map(([name, norm]) => ({ name, worst: shareOf(Math.abs(normOf(gradientOf(name)) - norm), norm) }));
  return [...listed, ...others]
    .filter(({ name }) => !pass.zero.includes(name))
    .map(({ name, worst }) => ({ name: `gradient ${name}`, worst, tolerance }));
}

function statisticChecks(
  { pathOf }: Subject,
  statistics: ReadonlyMap<string, GoldenSamples>,
  state: ReadonlyMap<string, Tensor>,
  tolerance: number,
): readonly VerifiedCheck[] {
  return [...statistics].map(([name, golden]) => ({ name, worst: samplesError(state.get(pathOf(name)), golden), tolerance }));
}

async function trajectoryChecks(subject: Subject, golden: GoldenTrajectory, platform: VerifyPlatform): Promise<readonly VerifiedCheck[]> {
  const left = excepted(subject.golden.name, golden.name);
  const compared = new Map([...golden.statistics].filter(([name]) => !left.includes(name)));
  const compiled = compile(subject, { form: "step", optimizer: () => golden.optimizer, ...targetOf(platform) });
  return withTrainer(subject, compiled, "step", platform, async (trainer) => {
    const feeds = { ...subject.feeds, learningRate: scalar(golden.learningRate) };
    const losses: number[] = [];
    for (let step = 1; step < golden.losses.length; step++) losses.push(scalarOf((await trainer.run("step", feeds)).loss));
    const state = await trainer.readState();
    // A step gives the loss and the logits of the parameters that it starts from: one more shows the last ones'.
    const after = await trainer.run("step", feeds);
    losses.push(scalarOf(after.loss));
    // A run that was off once stays off in its parameters, though a later loss may agree by chance.
    const noiseUntil = (index: number) => Math.max(...golden.losses.slice(0, index + 1).map(({ noise }) => noise));
    const lossChecks = golden.losses.map(({ value }, index) => ({
      name: `loss ${index}`,
      worst: shareOf(Math.abs((losses[index] ?? Number.NaN) - value), value),
      tolerance: subject.tolerance.loss(value, noiseUntil(index)),
    }));
    if (subject.tolerance.lossesOnly === true) return lossChecks;
    return [
      ...lossChecks,
      {
        name: "logits",
        worst: vectorError(after.logits, golden.logits),
        tolerance: subject.tolerance.logits(norm(golden.logits) / Math.sqrt(golden.logits.length), golden.logitsNoise),
      },
      ...movementChecks(subject, golden, state, left),
      ...statisticChecks(subject, compared, state, subject.tolerance.statistics),
    ];
  });
}

function movementChecks(
  { parameters, pathOf, tolerance }: Subject,
  golden: GoldenTrajectory,
  state: ReadonlyMap<string, Tensor>,
  left: readonly string[],
): readonly VerifiedCheck[] {
  return [...golden.movements]
    .filter(([name]) => !left.includes(name))
    .map(([name, movement]) => ({
      name: `movement ${name}`,
      worst: movementError(parameters.get(pathOf(name)), state.get(pathOf(name)), movement),
      tolerance: tolerance.movement(movement.noise),
    }));
}

function movementError(before: Tensor | undefined, after: Tensor | undefined, golden: GoldenMovement): number {
  if (before === undefined || after === undefined || before.data.length !== golden.count || after.data.length !== golden.count)
    return Number.NaN;
  const start = doubles(before);
  const movement = doubles(after).map((value, index) => value - (start[index] ?? Number.NaN));
  const indices = sampleIndices(golden.count);
  const samples = golden.moved ?? golden.samples.map((value, k) => value - (start[indices[k] ?? 0] ?? Number.NaN));
  return sampledError(movement, { count: golden.count, l2: golden.distance, samples });
}

function samplesError(actual: Tensor | undefined, golden: GoldenSamples): number {
  if (actual === undefined || actual.data.length !== golden.count) return Number.NaN;
  return sampledError(doubles(actual), golden);
}

/**
 * The larger of two shares: the distance over the samples, and the difference of the norms over all elements. Samples
 * that happen to be small are measured by what so many elements have on average.
 */
function sampledError(values: Float64Array, { count, l2, samples }: GoldenSamples): number {
  const indices = sampleIndices(count);
  const distance = norm(samples.map((value, k) => (values[indices[k] ?? 0] ?? Number.NaN) - value));
  const size = Math.max(norm(samples), l2 * Math.sqrt(samples.length / count));
  return largest(shareOf(distance, size), shareOf(Math.abs(norm(values) - l2), l2));
}

function vectorError(actual: Tensor | undefined, expected: readonly number[]): number {
  if (actual === undefined || actual.data.length !== expected.length) return Number.NaN;
  return shareOf(norm(expected.map((value, index) => Number(actual.data[index]) - value)), norm(expected));
}

/** Nothing is no share of anything; where something should be nothing there is no share either. */
function shareOf(difference: number, size: number): number {
  return difference === 0 ? 0 : difference / Math.abs(size);
}

function normOf(tensor: Tensor | undefined): number {
  return tensor === undefined ? Number.NaN : norm(doubles(tensor));
}

function doubles(tensor: Tensor): Float64Array {
  return Float64Array.from(tensor.data, Number);
}

function norm(values: Iterable<number>): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}

function scalarOf(tensor: Tensor | undefined): number {
  return Number(tensor?.data[0]);
}

function scalar(value: number): Tensor {
  return float32Tensor([], Float32Array.of(value));
}
