/** The layout with the batch innermost against the network's own: the same losses, gradients, statistics and logits. */
import { describe, expect, test } from "vitest";
import { createTestTrainer } from "../../../test/in-process-trainer.js";
import { windowOf } from "../../../test/op-cases/op-case.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import type { Graph } from "../../ir/graph.js";
import { describeModel, findModel } from "../../models/index.js";
import { GraphBuilder } from "../../ops/build.js";
import { sgd } from "../../optim/index.js";
import { fillUniform } from "../../tensor/fill.js";
import { elementCount, float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { initialParameters } from "../../weights/initialize.js";
import type { TrainingFeed, TrainingOptions } from "./options.js";
import { compileTraining, initialState } from "./training.js";

const BATCH = 3;
const OPTIMIZER = sgd({ momentum: 0.9 });

/**
 * The layouts sum in other orders, so a gradient differs by a few roundings of 6e-8 for each layer between it and the loss:
 * 2e-5 of its length. Where a ReLU is within rounding of 0, one of its elements counts in one layout and not in the other,
 * which in networks this small moves the gradients before it by up to 4e-3. A tap, a row of padding or a term that is lost
 * moves some by more than 5e-2.
 */
const TOLERANCE = 5e-3;

/** Gradients as short as this are roundings: those of biases in front of a normalization, which are 0. */
const MIN_LENGTH = 1e-3;

function compile(network: Graph, options: Partial<TrainingOptions>) {
  return compileTraining(network, { batchSize: BATCH, optimizer: () => OPTIMIZER, ...options });
}

/** Everything that one step and one evaluation give: with momentum the slot of a parameter is its gradient then. */
async function oneStep(network: Graph, options: Partial<TrainingOptions>): Promise<ReadonlyMap<string, Tensor>> {
  const compiled = compile(network, options);
  const programs = Object.fromEntries(
    Object.entries(compiled.programs).map(([name, { model, state, reads }]) => [name, { model: concatChunks(model.chunks), state, reads }]),
  );
  const trainer = await createTestTrainer(programs, initialState(compiled, initialParameters(network, 7)));
  const run = (name: string) =>
    trainer.run(name, Object.fromEntries((compiled.programs[name]?.feeds ?? []).map((feed) => [feed.name, fed(feed)])));
  try {
    const evaluated = Object.entries(await run("evaluate")).map(([name, value]) => [`evaluate.${name}`, value] as const);
    const outputs = Object.entries(await run("step"));
    return new Map([...(await trainer.readState()), ...outputs, ...evaluated]);
  } finally {
    await trainer.close();
  }
}

function fed({ name, shape, dropRate }: TrainingFeed): Tensor {
  const count = elementCount(shape);
  if (name === "learningRate") return float32Tensor(shape, Float32Array.of(0.1));
  if (name === "targets")
    return float32Tensor(
      shape,
      Float32Array.from({ length: count }, (_, i) => Number(i % (Number(shape[1]) + 1) === 0)),
    );
  const values = fillUniform(`chwn:${name}`, count, -1, 1);
  return float32Tensor(shape, dropRate === undefined ? values : values.map((value) => (value < 0 ? 0 : 1 / (1 - dropRate))));
}

/** What differs by more than the tolerance, each as the length of the difference over the length of the value. */
function differences(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>) {
  expect([...b.keys()].sort()).toEqual([...a.keys()].sort());
  return [...a].flatMap(([name, value]) => {
    const other = b.get(name)?.data ?? [];
    const [length, apart] = [Math.hypot(...numbers(value)), Math.hypot(...numbers(value).map((one, index) => one - Number(other[index])))];
    const relative = apart / Math.max(length, MIN_LENGTH);
    return relative <= TOLERANCE ? [] : [{ name, relative }];
  });
}

const numbers = (tensor: Tensor) => Array.from(tensor.data, Number);

const SMALL = { widthMultiplier: 0.0625, numClasses: 5 };

describe.each<[string, Parameters<typeof describeModel>[1]]>([
  ["googlenet.public", { ...SMALL, inputSize: 32, aux: true }],
  ["googlenet.paper", { ...SMALL, inputSize: 64, aux: true }],
  ["inception_resnet_v1.public", { ...SMALL, inputSize: 75, repeats: [1, 1, 1], embeddingSize: 16 }],
  ["inception_resnet_v1.spec", { ...SMALL, inputSize: 75, repeats: [1, 1, 1] }],
  ["inception_resnet_v2.public", { ...SMALL, inputSize: 75, repeats: [1, 1, 1] }],
])("%s", (id, given) => {
  const network = findModel(id).describe(given);
  test("one step", { timeout: 60_000 }, async () => {
    const [nchw, chwn] = [await oneStep(network, { layout: "nchw" }), await oneStep(network, { layout: "chwn" })];
    expect(differences(nchw, chwn)).toEqual([]);
  });
});

/** Ops with a rule in forms that have none, ops without a rule, dropout on a map, and feature maps that go on as rows. */
function awkward(): Graph {
  const b = new GraphBuilder("awkward");
  const ones = { dilations: [1, 1], groups: 1 };
  const kernel = (path: string, shape: readonly number[]) => b.parameter(path, shape, "conv_kernel");
  const x = b.input("input", ["N", 3, 13, 11]);
  const wide = b.add("conv", "wide", [x, kernel("wide.weight", [6, 3, 5, 3])], {
    ...windowOf([5, 3], { strides: [1, 2], pads: [2, 0, 1, 1] }),
    ...ones,
  });
  const grouped = b.add("conv", "grouped", [wide, kernel("grouped.weight", [6, 2, 3, 3])], {
    ...windowOf([3, 3], { pads: [1, 1, 1, 1] }),
    groups: 3,
  });
  const tall = { ...windowOf([3, 2], { strides: [2, 1], dilations: [1, 2], pads: [1, 2, 0, 0] }), groups: 1 };
  const bias = b.parameter("tall.bias", [4], "bias");
  const strided = b.add(
    "conv",
    "tall",
    [b.add("leakyRelu", "leaky", [grouped], { alpha: 0.2 }), kernel("tall.weight", [4, 6, 3, 2]), bias],
    tall,
  );
  const dropped = b.add("dropout", "dropout", [strided], { dropRate: 0.25 });
  const stacked = b.add("concat", "stacked", [dropped, b.add("scale", "half", [strided], { factor: 0.5 })], { axis: 2 });
  const average = { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), ceilMode: false, countIncludePad: false };
  const smooth = b.add("averagePool", "smooth", [stacked], average);
  const pooled = b.add("averagePool", "pooled", [smooth], {
    ...windowOf([2, 3], { strides: [2, 2] }),
    ceilMode: true,
    countIncludePad: true,
  });
  const cells = b.add("adaptiveAveragePool", "cells", [pooled], { outputShape: [2, 2] });
  const means = b.add("flatten", "means", [b.add("globalAveragePool", "mean", [smooth], {})], {});
  const rows = b.add("concat", "rows", [b.add("flatten", "places", [cells], {}), means], { axis: 1 });
  b.output("logits", b.add("gemm", "fc", [rows, b.parameter("fc.weight", [5, 20], "linear_kernel")], {}));
  return b.finish();
}

test("ops that need a detour, target by target", async () => {
  const expected = await oneStep(awkward(), { layout: "nchw" });
  for (const target of ["standard", "ort-cpu", "webgpu"] as const) {
    expect({ target, found: differences(expected, await oneStep(awkward(), { layout: "chwn", target })) }).toEqual({
      target,
      found: [],
    });
  }
});

const V1 = describeModel("inception_resnet_v1.public", { ...SMALL, inputSize: 75, repeats: [2, 2, 1], embeddingSize: 16 });

test("computing values again changes none", { timeout: 60_000 }, async () => {
  const plain = await oneStep(V1, { target: "ort-cpu" });
  expect(differences(plain, await oneStep(V1, { target: "ort-cpu", checkpointActivations: true }))).toEqual([]);
  const { programs } = compile(V1, { target: "ort-cpu", checkpointActivations: true });
  const repeated = programs.step?.graph.nodes.filter(({ path }) => path.startsWith("recompute.")).map(({ op }) => op);
  expect(new Set(repeated)).toEqual(
    new Set(["add", "batchNormalizationTraining", "concat", "conv", "convChwn", "maxPool", "relu", "reshape", "scale", "slice", "split"]),
  );
});

describe("what is chosen", () => {
  const opsOf = (network: Graph, options: Partial<TrainingOptions>) =>
    new Set(compile(network, options).programs.step?.graph.nodes.map(({ op }) => op));

  test("the batch innermost by default, but on WebGPU and where it is not wanted", () => {
    expect(opsOf(V1, {}).has("convChwn")).toBe(true);
    expect(opsOf(V1, { target: "ort-cpu" }).has("convChwn")).toBe(true);
    expect(opsOf(V1, { target: "webgpu" }).has("convChwn")).toBe(false);
    expect(opsOf(V1, { layout: "nchw" }).has("convChwn")).toBe(false);
  });

  test("volumes as they are described", () => {
    const b = new GraphBuilder("volumes");
    const x = b.add("conv", "conv", [b.input("input", ["N", 1, 4, 4, 4]), b.parameter("w", [5, 1, 4, 4, 4], "conv_kernel")], {
      ...windowOf([4, 4, 4]),
      groups: 1,
    });
    b.output("logits", b.add("flatten", "logits", [x], {}));
    const network = b.finish();
    expect(opsOf(network, {}).has("transpose")).toBe(false);
  });

  test("one transposition in front of the network, and one behind its maps", () => {
    const { programs } = compile(V1, {});
    const perms = programs.step?.graph.nodes.filter(({ op }) => op === "transpose").map(({ path, attributes }) => [path, attributes.perm]);
    expect(perms).toEqual([
      ["input.chwn", [1, 2, 3, 0]],
      ["avgpool_1a.nchw", [3, 0, 1, 2]],
      ["gradient.avgpool_1a.nchw.dx", [1, 2, 3, 0]],
    ]);
  });

  test("the 1×1 units that a block begins with are one unit, each with its own parameters and statistics", () => {
    const { programs, state } = compile(V1, {});
    const paths = programs.step?.graph.nodes.filter(({ op }) => op === "conv").map(({ path }) => path) ?? [];
    expect(paths.filter((path) => path.startsWith("repeat_1.0"))).toEqual([
      "repeat_1.0.branch0.conv.parallel",
      "repeat_1.0.branch1.1.conv",
      "repeat_1.0.branch2.1.conv",
      "repeat_1.0.branch2.2.conv",
      "repeat_1.0.conv2d",
    ]);
    expect(state.map(({ name }) => name)).toEqual(compile(V1, { layout: "nchw" }).state.map(({ name }) => name));
  });
});
