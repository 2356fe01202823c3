/** Layer-wise learning-rate decay, in factors and in a step that NumPy computed. */
import { expect, test } from "vitest";
import { createTestTrainer } from "../../test/in-process-trainer.js";
import { compileTraining, initialState } from "../compile/training/training.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { describeModel } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { sgd } from "../optim/index.js";
import { float32Tensor } from "../tensor/tensor.js";
import { layerDecayFactors, trainedParameters } from "./freeze.js";

test("GoogLeNet: 1 for the classifiers, and a power of the distance for its twelve stages", () => {
  const graph = describeModel("googlenet.public", { widthMultiplier: 0.125, numClasses: 10, aux: true });
  const factor = layerDecayFactors(graph, 0.5);
  const of = (path: string) => factor(graph.parameters.find((parameter) => parameter.path === path)!);
  expect(["fc.weight", "fc.bias", "aux1.fc1.weight", "aux2.conv.conv.weight"].map(of)).toEqual([1, 1, 1, 1]);
  expect(["inception5b.branch1.conv.weight", "inception5b.branch4.1.bn.bias", "inception5a.branch1.conv.weight"].map(of)).toEqual([
    0.5, 0.5, 0.25,
  ]);
  expect(["inception3a.branch1.conv.weight", "conv3.conv.weight", "conv2.conv.weight", "conv1.conv.weight"].map(of)).toEqual([
    0.5 ** 9,
    0.5 ** 10,
    0.5 ** 11,
    0.5 ** 12,
  ]);
  expect(new Set(graph.parameters.map(layerDecayFactors(graph, 1)))).toEqual(new Set([1]));
});

/** Two stages and a classifier, all linear. */
function linearNetwork() {
  const b = new GraphBuilder("linear");
  const first = b.add("gemm", "a", [b.input("input", ["N", 3]), b.parameter("a.weight", [3, 3], "linear_kernel")], {});
  b.stage("a", b.module("a", first));
  const second = b.add("gemm", "b", [first, b.parameter("b.weight", [2, 3], "linear_kernel")], {});
  b.stage("b", b.module("b", second));
  b.output("features", second);
  b.output("logits", b.add("gemm", "c", [second, b.parameter("c.weight", [3, 2], "linear_kernel")], {}));
  return b.finish();
}

test("a network without features has its classifier in its last stage", () => {
  const b = new GraphBuilder("linear");
  const first = b.add("gemm", "a", [b.input("input", ["N", 3]), b.parameter("a.weight", [3, 3], "linear_kernel")], {});
  b.stage("a", b.module("a", first));
  const second = b.add("gemm", "b", [first, b.parameter("b.weight", [2, 3], "linear_kernel")], {});
  b.stage("b", b.module("b", second));
  b.output("logits", second);
  const network = b.finish();
  expect(network.parameters.map(layerDecayFactors(network, 0.5))).toEqual([0.5, 1]);
  const trained = (freeze: string) => network.parameters.filter(trainedParameters(network, freeze)).map(({ path }) => path);
  expect(trained("except-last:50%")).toEqual(["b.weight"]);
  expect(trained("except-last:51%")).toEqual(["a.weight", "b.weight"]);
});

/**
 * NumPy 1.24.2:
 *
 *   x = np.array([[1, 2, -1], [0.5, -1, 2]]); t = np.array([[1, 0, 0], [0, 0, 1.0]])
 *   h = x @ a.T; g = h @ b.T; z = g @ c.T; p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
 *   dz = (p - t) / 2; dc = dz.T @ g; dg = dz @ c; db = dg.T @ h; dh = dg @ b; da = dh.T @ x
 *   [np.round(w - 0.1 * f * d, 7) for w, d, f in ((a, da, 0.25), (b, db, 0.5), (c, dc, 1))]
 */
test("one step of SGD with decay 0.5 and learning rate 0.1", async () => {
  const network = linearNetwork();
  const optimizer = sgd({});
  const learningRateMultiplier = layerDecayFactors(network, 0.5);
  const compiled = compileTraining(network, { batchSize: 2, optimizer: () => optimizer, learningRateMultiplier });
  const { step } = compiled.programs;
  const parameters = new Map([
    ["a.weight", float32Tensor([3, 3], Float32Array.of(0.5, -0.25, 0.125, 0.25, 0.5, -0.5, -0.75, 0.25, 0.5))],
    ["b.weight", float32Tensor([2, 3], Float32Array.of(1, -0.5, 0.25, 0.5, 0.75, -1))],
    ["c.weight", float32Tensor([3, 2], Float32Array.of(0.5, -1, 1, 0.25, -0.25, 0.75))],
  ]);
  const program = { model: concatChunks(step!.model.chunks), state: step!.state, reads: step!.reads };
  const trainer = await createTestTrainer({ step: program }, initialState(compiled, parameters));
  await trainer.run("step", {
    input: float32Tensor([2, 3], Float32Array.of(1, 2, -1, 0.5, -1, 2)),
    targets: float32Tensor([2, 3], Float32Array.of(1, 0, 0, 0, 0, 1)),
    learningRate: float32Tensor([], Float32Array.of(0.1)),
  });
  const after = await trainer.readState([...parameters.keys()]);
  await trainer.close();
  const expected = {
    "a.weight": [0.4957275, -0.2514389, 0.1203899, 0.2387603, 0.4428632, -0.4454386, -0.7360202, 0.3147286, 0.440059],
    "b.weight": [0.9809863, -0.4405647, 0.2293831, 0.5286163, 0.6331994, -0.9566078],
    "c.weight": [0.3947443, -0.8697795, 0.9769366, 0.2609661, -0.1216808, 0.6088133],
  };
  for (const [path, values] of Object.entries(expected)) {
    const found = [...after.get(path)!.data];
    expect(found.length).toBe(values.length);
    for (const [index, value] of values.entries()) expect(found[index]).toBeCloseTo(value, 6);
  }
});
