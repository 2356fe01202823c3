/** A transposed and a pointwise convolution as one: the same numbers as ONNX Runtime's two operators, and only where that holds. */
import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph } from "../../test/run-graph.js";
import { typeOf } from "../ir/graph.js";
import { GraphBuilder } from "../ops/build.js";
import { float32Tensor } from "../tensor/tensor.js";
import { goldenParameters } from "../weights/golden.js";
import { composePointwise } from "./compose.js";

interface Case {
  /** Channels of the input, of the map in between, of the result. */
  readonly channels: readonly [number, number, number];
  /** Spatial sizes of the input. */
  readonly sizes: readonly number[];
  /** Whether the transposed and the pointwise convolution have a bias. Default both. */
  readonly biases?: readonly [boolean, boolean];
  /** Last elements that are cut off each axis. Default 0. */
  readonly cut?: number;
  readonly groups?: number;
  /** Stride of the second convolution. Default 1. */
  readonly stride?: number;
}

/** input → up (2×, kernel 2) → crop → logits (1×1×1). */
function decoder({ channels: [into, inner, out], sizes, biases: [first, second] = [true, true], cut = 0, groups = 1, stride = 1 }: Case) {
  const b = new GraphBuilder("decoder");
  const axes = sizes.map((_, axis) => axis + 2);
  const every = (value: number): readonly number[] => sizes.map(() => value);
  const window = { dilations: every(1), pads: [...every(0), ...every(0)] };
  const input = b.input("input", ["N", into, ...sizes]);
  const upKernel = b.parameter("up.weight", [into, inner / groups, ...every(2)], "conv_transpose_kernel");
  const upWeights = first ? ([upKernel, b.parameter("up.bias", [inner], "bias")] as const) : ([upKernel] as const);
  const upWindow = { ...window, kernelShape: every(2), strides: every(2), groups, outputPadding: every(0) };
  const up = b.add("convTranspose", "up", [input, ...upWeights], upWindow);
  b.module("up", up);
  const crop = { starts: every(0), ends: sizes.map((size) => 2 * size - cut), axes, steps: every(1) };
  const kept = b.module("kept", cut === 0 ? up : b.add("slice", "crop", [up], crop));
  const kernel = b.parameter("logits.weight", [out, inner, ...every(1)], "conv_kernel");
  const weights = second ? ([kernel, b.parameter("logits.bias", [out], "bias")] as const) : ([kernel] as const);
  const logits = b.add("conv", "logits", [kept, ...weights], { ...window, kernelShape: every(1), strides: every(stride), groups: 1 });
  return { b, kept, logits };
}

function finished(given: Case) {
  const { b, logits } = decoder(given);
  b.output("logits", b.module("logits", logits));
  return b.finish();
}

const VOLUMES: Case = { channels: [3, 5, 2], sizes: [2, 3, 1] };

describe("where it composes", () => {
  const cases: Readonly<Record<string, Case>> = {
    "volumes with both biases": VOLUMES,
    "without the first bias": { ...VOLUMES, biases: [false, true] },
    "without the second bias": { ...VOLUMES, biases: [true, false] },
    "without any bias": { ...VOLUMES, biases: [false, false] },
    "the last voxel cut off": { ...VOLUMES, cut: 1 },
    images: { channels: [4, 3, 3], sizes: [3, 5], cut: 1 },
  };
  test.each(Object.entries(cases))("%s: the same numbers, and no map in between", async (_, given) => {
    const graph = finished(given);
    const rewritten = composePointwise(graph);
    expect(rewritten.nodes.some(({ op }) => op === "conv")).toBe(false);
    expect(typeOf(rewritten, "logits")).toEqual(typeOf(graph, "logits"));
    expect(rewritten.modules.map(({ path }) => path)).toEqual(["logits"]);
    const feeds = { input: filled("compose", [2, given.channels[0], ...given.sizes]) };
    const parameters = goldenParameters(graph);
    const plain = outputOf(await runGraph(graph, parameters, feeds, { optimize: false }), "logits");
    const composed = outputOf(await runGraph(graph, parameters, feeds), "logits");
    expect(composed.shape).toEqual(plain.shape);
    // Sums of up to fifteen products of about 1 in another order.
    for (const [index, value] of composed.data.entries()) expect(Math.abs(value - Number(plain.data[index]))).toBeLessThan(1e-5);
  });

  test("numbers worked out by hand", async () => {
    const graph = finished({ channels: [1, 2, 1], sizes: [1, 1, 1] });
    const taps = Float32Array.from({ length: 16 }, (_, index) => index);
    const parameters = new Map([
      ["up.weight", float32Tensor([1, 2, 2, 2, 2], taps)],
      ["up.bias", float32Tensor([2], Float32Array.of(1, 2))],
      ["logits.weight", float32Tensor([1, 2, 1, 1, 1], Float32Array.of(10, 100))],
      ["logits.bias", float32Tensor([1], Float32Array.of(5))],
    ]);
    const { data } = outputOf(await runGraph(graph, parameters, { input: { shape: [1, 1, 1, 1, 1], data: Float32Array.of(2) } }), "logits");
    // Voxel k is 10·(2·k + 1) + 100·(2·(8 + k) + 2) + 5 = 220·k + 1815.
    expect(Array.from(data)).toEqual(Array.from({ length: 8 }, (_, k) => 220 * k + 1815));
  });
});

describe("where it does not", () => {
  const kept: Readonly<Record<string, Case>> = {
    "more channels than the map has": { ...VOLUMES, channels: [3, 2, 5] },
    "groups of channels": { ...VOLUMES, channels: [4, 4, 2], groups: 2 },
    "a second convolution with a stride": { ...VOLUMES, stride: 2 },
  };
  test.each(Object.entries(kept))("%s", (_, given) => {
    const graph = finished(given);
    expect(composePointwise(graph)).toBe(graph);
  });

  test.each([
    { what: "up", cut: 0 },
    { what: "crop", cut: 1 },
  ])("the map is shown: $what", ({ cut }) => {
    const { b, kept: map, logits } = decoder({ ...VOLUMES, cut });
    b.output("map", map);
    b.output("logits", logits);
    const graph = b.finish();
    expect(composePointwise(graph)).toBe(graph);
  });

  test("the map is read twice", () => {
    const { b, kept: map, logits } = decoder(VOLUMES);
    b.output("logits", logits);
    b.output("active", b.add("relu", "active", [map], {}));
    const graph = b.finish();
    expect(composePointwise(graph)).toBe(graph);
  });
});
