/** The benchmark of training: whole steps of this package beside PyTorch, one each in turn (see bench/README.md). */
import { InceptionError } from "../src/errors.js";
import type { TrainingBenchOptions } from "./options.js";
import { sidesOf, TRAINED_NETWORKS, type TrainedModel } from "./peers/networks.js";
import {
  LEARNING_RATE,
  OUR_TRAINING,
  pytorchTraining,
  startTrainingPeer,
  type TrainingPeer,
  type TrainingRequest,
} from "./training-peer.js";
import { comparisonLines, profileLines, recomputeLines, type TrainingPlan, type TrainingTiming } from "./training-report.js";

/** The memory of activations grows with the batch, that of everything else does not. */
const RECOMPUTE_BATCHES = 4;
const PROFILED_STEPS = 5;
const LOSS_TOLERANCE = 1e-3;

type Print = (line: string) => void;

/** A program that is asked in turn with others. */
interface Runner {
  readonly peer: TrainingPeer;
  readonly form: string;
  readonly request: TrainingRequest;
}

/** Runs the whole comparison and prints it as Markdown. `root` is the folder of the package's sources. */
export async function compareTraining(root: string, options: TrainingBenchOptions, machine: string, print: Print): Promise<void> {
  print("# Training");
  print("");
  print(machine);
  print(
    "Made by `npm run bench -- training`; how to read it is in [README.md](README.md). A step is forward pass, cross entropy, backward pass and SGD with momentum 0.9.",
  );
  print("The last column is the ratio of the medians of alternating steps: below 1, inceptionkit is faster.");
  const plans = options.models.map((model) => planOf(model, options));
  for (const [index, plan] of plans.entries()) {
    heading(print, titleOf(plan));
    await compareSteps(root, plan, print);
    if (index === 0 || options.profile) await profileSteps(plan, print);
  }
  const [first] = plans;
  if (options.recompute && first) await compareRecompute({ ...first, batch: RECOMPUTE_BATCHES * first.batch }, print);
}

/** What was asked for, or else what the network is usually trained with. */
export function planOf(model: TrainedModel, options: Pick<TrainingBenchOptions, "rounds" | "threads" | "batch" | "size">): TrainingPlan {
  const { rounds, threads, batch, size } = options;
  const planned = TRAINED_NETWORKS[model];
  return { model, rounds, threads, batch: batch ?? planned.batch, size: size ?? planned.size };
}

/** Prints the table of one network, without a heading. */
export async function compareSteps(root: string, plan: TrainingPlan, print: Print): Promise<void> {
  const runners: Runner[] = [];
  try {
    for (const { program, form } of [
      { program: OUR_TRAINING, form: "" },
      { program: pytorchTraining(root), form: " eager" },
    ]) {
      const start = await startTrainingPeer(program);
      if (start.kind === "ready") runners.push({ peer: start.peer, form, request: requestOf(plan) });
      else print(`Skipped ${start.name}: ${start.reason}.\n`);
    }
    for (const line of comparisonLines(plan, await alternate(plan, runners))) print(line);
  } finally {
    for (const { peer } of runners) await peer.close();
  }
}

/** Where the time of our step goes. */
async function profileSteps(plan: TrainingPlan, print: Print): Promise<void> {
  heading(print, `Time of each operator: ${titleOf(plan)}`);
  const peer = await startOurs();
  try {
    await peer.load({ ...requestOf(plan), profile: true });
    for (let step = 1; step < PROFILED_STEPS; step++) await peer.run();
    for (const line of profileLines(await peer.profile())) print(line);
  } finally {
    await peer.close();
  }
}

async function compareRecompute(plan: TrainingPlan, print: Print): Promise<void> {
  heading(print, `Recomputation of activations: ${titleOf(plan)}`);
  const runners: Runner[] = [];
  try {
    for (const recompute of [false, true]) {
      runners.push({ peer: await startOurs(), form: recompute ? " recomputing" : "", request: { ...requestOf(plan), recompute } });
    }
    const [kept, again] = await alternate(plan, runners);
    if (kept && again) for (const line of recomputeLines(plan, kept, again)) print(line);
  } finally {
    for (const { peer } of runners) await peer.close();
  }
}

async function startOurs(): Promise<TrainingPeer> {
  const start = await startTrainingPeer(OUR_TRAINING);
  if (start.kind === "ready") return start.peer;
  throw new InceptionError("SESSION_FAILED", `Cannot run benchmark program "${start.name}": ${start.reason}`);
}

/** One step of each program in turn; what is loaded and not asked waits without work. */
async function alternate({ rounds }: TrainingPlan, runners: readonly Runner[]): Promise<readonly TrainingTiming[]> {
  const loaded = [];
  for (const { peer, request } of runners) loaded.push(await peer.load(request));
  await checkSameStep(runners);
  const times = runners.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { peer }] of runners.entries()) times[index]?.push(await peer.run());
  }
  const timings: TrainingTiming[] = [];
  for (const [index, { peer, form }] of runners.entries()) {
    const own = loaded[index];
    if (own === undefined) continue;
    const [losses, { peakMb }] = [await peer.losses(), await peer.memory()];
    timings.push({ program: `${peer.name} ${peer.version}${form}`, loaded: own, times: times[index] ?? [], peakMb, losses });
  }
  return timings;
}

/** All programs must begin with the same loss before their times mean anything. */
async function checkSameStep(runners: readonly Runner[]): Promise<void> {
  const firsts: { readonly name: string; readonly loss: number }[] = [];
  for (const { peer, form } of runners) firsts.push({ name: `${peer.name}${form}`, loss: (await peer.losses())[0] ?? Number.NaN });
  const [ours, ...others] = firsts;
  for (const other of others) {
    if (ours && Math.abs(ours.loss - other.loss) < LOSS_TOLERANCE) continue;
    throw new InceptionError(
      "SELF_CHECK_FAILED",
      `Cannot compare training: the first loss of "${other.name}" is ${other.loss}, that of "${ours?.name}" is ${ours?.loss}, expected a difference below ${LOSS_TOLERANCE}`,
      { expected: ours?.loss, actual: other.loss },
    );
  }
}

function requestOf({ model, batch, size, threads }: TrainingPlan): TrainingRequest {
  return { model, batch, size, threads, learningRate: LEARNING_RATE };
}

function titleOf({ model, size, batch }: TrainingPlan): string {
  return `${model}, ${sidesOf(TRAINED_NETWORKS[model], size)}, batch ${batch}`;
}

function heading(print: Print, text: string): void {
  print("");
  print(`## ${text}`);
  print("");
}
