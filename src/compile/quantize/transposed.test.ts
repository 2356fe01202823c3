import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph } from "../../../test/run-graph.js";
import { GraphBuilder } from "../../ops/build.js";
import { float32Tensor } from "../../tensor/tensor.js";
import { goldenParameters } from "../../weights/golden.js";
import { splitTransposed } from "./transposed.js";

interface Case {
  readonly sizes: readonly number[];
  readonly kernelShape: readonly number[];
  readonly strides?: readonly number[];
  readonly outputPadding?: readonly number[];
  readonly bias?: boolean;
}

function transposed({ sizes, kernelShape, strides = kernelShape, outputPadding, bias = true }: Case) {
  const b = new GraphBuilder("transposed");
  const none = kernelShape.map(() => 0);
  const weight = b.parameter("up.weight", [3, 2, ...kernelShape], "conv_transpose_kernel");
  const weights = bias ? ([weight, b.parameter("up.bias", [2], "bias")] as const) : ([weight] as const);
  const attributes = { kernelShape, strides, pads: [...none, ...none], dilations: kernelShape.map(() => 1), groups: 1 };
  const y = b.add("convTranspose", "up", [b.input("x", ["N", 3, ...sizes]), ...weights], {
    ...attributes,
    outputPadding: outputPadding ?? none,
  });
  b.output("y", b.stage("up", b.module("up", y)));
  return b.finish();
}

describe("splitTransposed", () => {
  test.each<Case>([
    { sizes: [2, 3, 4], kernelShape: [2, 2, 2] },
    { sizes: [2, 3, 4], kernelShape: [2, 2, 2], bias: false },
    { sizes: [1, 2, 3], kernelShape: [3, 1, 2] },
    { sizes: [3, 5], kernelShape: [2, 3] },
    { sizes: [4], kernelShape: [2] },
  ])("%j: a convolution with kernel 1 computes the same", async (layer) => {
    const graph = transposed(layer);
    const parameters = goldenParameters(graph);
    const network = splitTransposed({ graph, parameters });
    expect(network.graph.nodes.map(({ op }) => op)).toEqual(["conv", "transpose", "reshape", "transpose", "reshape", "transpose"]);
    const feeds = { x: filled("x", [2, 3, ...layer.sizes]) };
    const expected = outputOf(await runGraph(graph, parameters, feeds), "y");
    const actual = outputOf(await runGraph(network.graph, network.parameters, feeds), "y");
    expect(actual.shape).toEqual(expected.shape);
    for (const [index, value] of expected.data.entries()) expect(Math.abs(Number(actual.data[index]) - Number(value))).toBeLessThan(1e-6);
  });

  test("by hand: one voxel of one channel becomes its taps, each with the bias", async () => {
    const b = new GraphBuilder("hand");
    const weights = [b.parameter("w", [1, 1, 2], "conv_transpose_kernel"), b.parameter("b", [1], "bias")] as const;
    const window = { kernelShape: [2], strides: [2], pads: [0, 0], dilations: [1], groups: 1, outputPadding: [0] };
    b.output("y", b.stage("up", b.module("up", b.add("convTranspose", "up", [b.input("x", ["N", 1, 2]), ...weights], window))));
    const values = new Map([
      ["w", float32Tensor([1, 1, 2], Float32Array.of(3, 5))],
      ["b", float32Tensor([1], Float32Array.of(100))],
    ]);
    const { graph, parameters } = splitTransposed({ graph: b.finish(), parameters: values });
    expect([...(parameters.get("w")?.data ?? [])]).toEqual([3, 5]);
    expect(parameters.get("b")?.shape).toEqual([2]);
    const result = await runGraph(graph, parameters, { x: { shape: [1, 1, 2], data: Float32Array.of(1, 10) } });
    expect([...outputOf(result, "y").data]).toEqual([103, 105, 130, 150]);
  });

  test.each<Case>([
    { sizes: [2, 3], kernelShape: [3, 3], strides: [2, 2] },
    { sizes: [2, 3], kernelShape: [2, 2], outputPadding: [1, 0] },
  ])("%j: taps that overlap, or elements that none reaches, stay", (layer) => {
    const graph = transposed(layer);
    const network = { graph, parameters: goldenParameters(graph) };
    expect(splitTransposed(network)).toBe(network);
  });
});
