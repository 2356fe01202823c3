/** What works on channels goes before what only arranges the result of a convolution of volumes. */
import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph } from "../../test/run-graph.js";
import type { Graph } from "../ir/graph.js";
import { batchNorm, plainConv } from "../layers/conv-block.js";
import { GraphBuilder } from "../ops/build.js";
import { goldenParameters } from "../weights/golden.js";
import { lowerGraph } from "./lower.js";
import type { TargetOptions } from "./targets/index.js";

/** Convolution, normalization, ReLU; `read` and `shown` name a value that is read once more, or an output too. */
function unit(kernelShape: readonly number[], { shown, read }: { readonly shown?: string; readonly read?: string } = {}): Graph {
  const b = new GraphBuilder("unit");
  const x = b.input("input", ["N", 3, 4, 5, 6]);
  const dilations = kernelShape.map((size) => (size > 1 ? 2 : 1));
  const conv = plainConv(b, "conv", x, { outChannels: 4, kernelShape, dilations, padding: "same" }, false);
  const bn = batchNorm(b, "bn", conv, 1e-3);
  const relu = b.add("relu", "relu", [bn], {});
  b.output("y", relu);
  if (shown !== undefined) b.output("shown", b.ref(shown));
  if (read !== undefined) b.output("again", b.add("leakyRelu", "again", [b.ref(read)], { alpha: 0.1 }));
  return b.finish();
}

function operators(graph: Graph, options: TargetOptions = {}): readonly string[] {
  return lowerGraph(graph, { ...options, layout: "nchw" }).nodes.map(({ opType }) => opType);
}

/** Those behind the convolution. */
function followers(graph: Graph): readonly string[] {
  const all = operators(graph);
  return all.slice(all.indexOf("Conv") + 1);
}

describe("convolution, normalization, ReLU of volumes", () => {
  test("stand next to each other, and the result is arranged behind them", () => {
    expect(followers(unit([3, 3, 3]))).toEqual(["BatchNormalization", "Relu", "Reshape", "Transpose"]);
    expect(followers(unit([1, 3, 1]))).toEqual(["BatchNormalization", "Relu", "Reshape"]);
  });

  test("are three nodes under plain", () => {
    expect(operators(unit([3, 3, 3]), { optimize: false })).toEqual(["Conv", "BatchNormalization", "Relu"]);
  });

  test("what else is read or shown is arranged where it was", () => {
    const arrangedFirst = ["Reshape", "Transpose", "BatchNormalization", "Relu"];
    expect(followers(unit([3, 3, 3], { shown: "conv" }))).toEqual(arrangedFirst);
    expect(followers(unit([3, 3, 3], { read: "conv" }))).toEqual([...arrangedFirst, "LeakyRelu"]);
    expect(followers(unit([3, 3, 3], { shown: "bn" }))).toEqual(["BatchNormalization", "Reshape", "Transpose", "Relu"]);
  });

  test.each([
    [3, 3, 3],
    [1, 3, 1],
    [1, 1, 3],
    [3, 1, 1],
  ])("kernel %d×%d×%d: the numbers of ONNX Runtime's own convolution", async (...kernelShape) => {
    for (const graph of [unit(kernelShape), unit(kernelShape, { shown: "bn", read: "conv" })]) {
      const feeds = { input: filled("arrange", [2, 3, 4, 5, 6]) };
      const parameters = goldenParameters(graph);
      const plain = await runGraph(graph, parameters, feeds, { optimize: false });
      const standard = await runGraph(graph, parameters, feeds);
      for (const name of Object.keys(plain)) {
        const [expected, actual] = [outputOf(plain, name), outputOf(standard, name)];
        expect(actual.shape).toEqual(expected.shape);
        // Sums of up to 81 products of about 1 in another order.
        for (const [index, value] of actual.data.entries()) expect(Math.abs(value - Number(expected.data[index]))).toBeLessThan(1e-5);
      }
    }
  });
});
