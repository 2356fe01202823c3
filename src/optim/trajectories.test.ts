/** Every optimizer against what PyTorch and timm do with the same gradients: test/goldens/ops/optim.json. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Floats, outputOf, withModel } from "../../test/run-graph.js";
import { goldenPath } from "../../test/shared.js";
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { GraphBuilder } from "../ops/build.js";
import { OPTIMIZERS, type Optimizer, optimizerOf } from "./index.js";

interface Golden {
  readonly w0: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly optimisers: readonly Trajectory[];
}

interface Trajectory {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly params_after_each_step: readonly (readonly number[])[];
}

const GOLDEN = JSON.parse(readFileSync(goldenPath("ops/optim.json"), "utf8")) as Golden;
const SIZE = GOLDEN.w0.length;

/**
 * Parameters are below 1.41, so float32 rounds each of the few operations of a step to 6e-8. Six steps stay within this;
 * every one of them moves some parameter by more than 3e-3.
 */
const TOLERANCE = 4e-7;

/** PyTorch's classes and words as ours. */
const NAMES: Readonly<Record<string, string>> = {
  "torch.optim.sgd.SGD": "sgd",
  "torch.optim.rmsprop.RMSprop": "rmsprop",
  "timm.optim.rmsprop_tf.RMSpropTF": "rmsprop_tf",
  "torch.optim.adam.Adam": "adam",
  "torch.optim.adamw.AdamW": "adamw",
  "torch.optim.adagrad.Adagrad": "adagrad",
  "torch.optim.adadelta.Adadelta": "adadelta",
};
const OPTIONS: Readonly<Record<string, string>> = {
  momentum: "momentum",
  dampening: "dampening",
  nesterov: "nesterov",
  weight_decay: "weightDecay",
  decoupled_decay: "decoupled",
  alpha: "decay",
  rho: "decay",
  eps: "epsilon",
  centered: "centered",
  lr_in_momentum: "learningRateInMomentum",
  amsgrad: "amsgrad",
  lr_decay: "learningRateDecay",
  initial_accumulator_value: "initialSquareSum",
};
/** Options that the goldens have at values which change nothing; `lr` is fed. */
const WITHOUT_EFFECT = new Set(["lr", "maximize", "differentiable", "capturable", "fused", "corrected_weight_decay", "caution"]);

function optimizerLike({ class: source, options }: Trajectory): Optimizer {
  const ours = Object.entries(options).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    if (WITHOUT_EFFECT.has(name)) {
      expect(name === "lr" || value === false).toBe(true);
      return [];
    }
    if (name === "betas" && Array.isArray(value))
      return [
        ["beta1", value[0]],
        ["beta2", value[1]],
      ];
    return [[OPTIONS[name] ?? name, value]];
  });
  return optimizerOf({ name: NAMES[source], ...Object.fromEntries(ours) });
}

/** One update; inputs that the optimizer does not read are left out. */
function updateGraph(optimizer: Optimizer): Graph {
  const b = new GraphBuilder(optimizer.name);
  const [parameter, gradient] = [b.input("parameter", [SIZE]), b.input("gradient", [SIZE])];
  const slots = optimizer.slots.map(({ name }) => b.input(name, [SIZE]));
  const [learningRate, step] = [b.input("learningRate", []), b.input("step", [])];
  const updated = optimizer.update(b, "update", { parameter, gradient, slots, learningRate, step });
  b.output("parameter:next", updated.parameter);
  for (const [index, { name }] of optimizer.slots.entries()) b.output(`${name}:next`, updated.slots[index] ?? parameter);
  const draft = b.draft();
  return selectOutputs(
    draft,
    draft.outputs.map(({ name }) => name),
  );
}

type State = Readonly<Record<string, Float32Array>>;

function initialState(optimizer: Optimizer): State {
  const slots = optimizer.slots.map(({ name, initial }) => [name, new Float32Array(SIZE).fill(initial)] as const);
  return { parameter: Float32Array.from(GOLDEN.w0), ...Object.fromEntries(slots) };
}

interface Steps {
  readonly from: State;
  /** The number of the first step. */
  readonly first: number;
  readonly learningRate: number;
  readonly gradients: readonly (readonly number[])[];
}

/** The states after each step, in a session of its own. */
async function take(optimizer: Optimizer, { from, first, learningRate, gradients }: Steps): Promise<readonly State[]> {
  const graph = updateGraph(optimizer);
  const read = new Set(graph.inputs.map(({ name }) => name));
  return withModel(graph, new Map(), {}, async (model) => {
    const states: State[] = [];
    for (const [index, gradient] of gradients.entries()) {
      const vectors = { ...(states.at(-1) ?? from), gradient: Float32Array.from(gradient) };
      const scalars = { learningRate: Float32Array.of(learningRate), step: Float32Array.of(first + index) };
      const feeds: readonly (readonly [string, Floats])[] = [
        ...Object.entries(vectors).map(([name, data]) => [name, { shape: [SIZE], data }] as const),
        ...Object.entries(scalars).map(([name, data]) => [name, { shape: [], data }] as const),
      ];
      const outputs = await model.run(Object.fromEntries(feeds.filter(([name]) => read.has(name))));
      states.push(Object.fromEntries(Object.keys(from).map((name) => [name, outputOf(outputs, `${name}:next`).data])));
    }
    return states;
  });
}

describe.each(GOLDEN.optimisers)("$name", (trajectory) => {
  const optimizer = optimizerLike(trajectory);
  const learningRate = Number(trajectory.options.lr);
  const { gradients } = GOLDEN;

  test(`moves as ${trajectory.class}`, async () => {
    const states = await take(optimizer, { from: initialState(optimizer), first: 1, learningRate, gradients });
    expect(states.length).toBe(trajectory.params_after_each_step.length);
    const worst = trajectory.params_after_each_step.flatMap((expected, step) =>
      expected.map((value, index) => Math.abs((states[step]?.parameter?.[index] ?? Number.NaN) - value)),
    );
    expect(Math.max(...worst)).toBeLessThan(TOLERANCE);
  });

  test("goes on from its state as if it had not stopped", async () => {
    const whole = await take(optimizer, { from: initialState(optimizer), first: 1, learningRate, gradients });
    const rest = await take(optimizer, { from: whole[2] ?? {}, first: 4, learningRate, gradients: gradients.slice(3) });
    expect(rest).toEqual(whole.slice(3));
  });

  test("leaves a parameter without gradient where it is but for its decay", async () => {
    const still = optimizerOf({ ...optimizer.options, name: optimizer.name, weightDecay: 0 });
    const from = initialState(still);
    const zeros = Array.from({ length: 2 }, () => Array.from({ length: SIZE }, () => 0));
    const states = await take(still, { from, first: 1, learningRate, gradients: zeros });
    for (const state of states) expect(state.parameter).toEqual(from.parameter);
  });
});

test("every optimizer has a trajectory", () => {
  expect([...new Set(GOLDEN.optimisers.map((golden) => NAMES[golden.class]))].sort()).toEqual(Object.keys(OPTIMIZERS));
});

test.each([
  ["sgd", {}, 2],
  ["sgd", { weightDecay: 0.1 }, 3],
  ["sgd", { momentum: 0.9 }, 4],
  ["rmsprop", {}, 8],
  ["rmsprop", { momentum: 0.9 }, 10],
  ["rmsprop_tf", { momentum: 0 }, 8],
  ["rmsprop_tf", {}, 10],
  ["adam", {}, 10],
  ["adamw", {}, 12],
  ["adagrad", {}, 7],
  ["adadelta", {}, 13],
] as const)("%s %o passes %i times over its vectors, as its documentation says", (name, options, passes) => {
  const graph = updateGraph(optimizerOf({ name, ...options }));
  const vectors = graph.nodes.filter(({ path }) => graph.types.get(path)?.shape.length === 1);
  expect(vectors.length).toBe(passes);
});
