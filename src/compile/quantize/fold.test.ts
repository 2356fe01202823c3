import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph } from "../../../test/run-graph.js";
import { describeModel } from "../../models/index.js";
import { MINI_MODELS } from "../../models/mini.js";
import { GraphBuilder } from "../../ops/build.js";
import { float32Tensor } from "../../tensor/tensor.js";
import { goldenParameters } from "../../weights/golden.js";
import { foldNetwork } from "./fold.js";

const WINDOW = { kernelShape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1 };

/** x → convolution → normalization → factor 0.5. */
function tiny() {
  const b = new GraphBuilder("tiny");
  const conv = b.add("conv", "c", [b.input("x", ["N", 1, 1, 1]), b.parameter("c.weight", [2, 1, 1, 1], "conv_kernel")], WINDOW);
  const vector = (name: string) => b.parameter(`n.${name}`, [2], "bias");
  const vectors = [vector("weight"), vector("bias"), vector("running_mean"), vector("running_var")] as const;
  const normed = b.add("batchNormalization", "n", [conv, ...vectors], { epsilon: 1 });
  b.output("y", b.stage("s", b.module("s", b.add("scale", "s", [normed], { factor: 0.5 }))));
  const parameters = new Map([
    ["c.weight", float32Tensor([2, 1, 1, 1], Float32Array.of(4, -2))],
    ["n.weight", float32Tensor([2], Float32Array.of(6, 10))],
    ["n.bias", float32Tensor([2], Float32Array.of(1, -1))],
    ["n.running_mean", float32Tensor([2], Float32Array.of(5, 3))],
    ["n.running_var", float32Tensor([2], Float32Array.of(8, 24))],
  ]);
  return { graph: b.finish(), parameters };
}

describe("foldNetwork", () => {
  test("normalization and factor become kernel and bias, computed by hand", () => {
    const { graph, parameters } = foldNetwork(tiny());
    expect(graph.nodes.map(({ path, inputs }) => [path, ...inputs])).toEqual([["c", "x", "c.weight", "c.bias"]]);
    // a = 6/√9 = 2 and 10/√25 = 2; c = 1 − 2·5 = −9 and −1 − 2·3 = −7; then half of all.
    expect([...parameters].map(([path, { data }]) => [path, [...data]])).toEqual([
      ["c.weight", [4, -2]],
      ["c.bias", [-4.5, -3.5]],
    ]);
    expect(graph.outputs).toEqual([{ name: "y", value: "c" }]);
    expect(graph.stages).toEqual([{ path: "s", output: "c" }]);
  });

  test.each([...MINI_MODELS])("%s computes the same", async (_id, describeMini) => {
    const graph = describeMini({ numClasses: 10, inputSize: [33, 35] });
    const network = { graph, parameters: goldenParameters(graph) };
    const folded = foldNetwork(network);
    expect(folded.graph.nodes.filter(({ op }) => op === "batchNormalization" || op === "scale" || op === "dropout")).toEqual([]);
    const feeds = { input: filled("fold", [2, 3, 33, 35]) };
    const expected = outputOf(await runGraph(graph, network.parameters, feeds), "logits");
    const actual = outputOf(await runGraph(folded.graph, folded.parameters, feeds), "logits");
    for (const [index, value] of expected.data.entries()) expect(Math.abs((actual.data[index] ?? 0) - value)).toBeLessThan(2e-4);
  });

  test("a normalization behind a sum stays", () => {
    const graph = describeModel("inception_resnet_v1.spec", { widthMultiplier: 0.1, inputSize: 75 });
    const { graph: folded } = foldNetwork({ graph, parameters: goldenParameters(graph) });
    const left = folded.nodes.filter(({ op }) => op === "batchNormalization");
    expect(left.length).toBeGreaterThan(0);
    expect(left.every(({ inputs }) => folded.nodes.find(({ path }) => path === inputs[0])?.op !== "conv")).toBe(true);
  });

  test("a parameter without a value is refused", () => {
    const { graph, parameters } = tiny();
    const some = new Map([...parameters].filter(([path]) => path !== "n.running_var"));
    const message = 'Cannot quantize "tiny": parameter "n.running_var" has no value, expected float32 values';
    expect(() => foldNetwork({ graph, parameters: some })).toThrow(expect.objectContaining({ code: "WEIGHTS_MISMATCH", message }));
  });
});
