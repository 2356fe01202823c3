/** What a residual block is: with its projection set to zero it passes its input on, through what follows the sum. */
import { describe, expect, test } from "vitest";
import type { Graph } from "../src/ir/graph.js";
import { findModel, type OptionInput } from "../src/models/index.js";
import { fillCheckpointTensor } from "../src/tensor/fill.js";
import { float32Tensor, type Tensor } from "../src/tensor/tensor.js";
import { goldenParameters } from "../src/weights/golden.js";
import { type Floats, filled, outputOf, runGraph } from "./run-graph.js";

const SMALL: OptionInput = { inputSize: 75, widthMultiplier: 0.125, repeats: [2, 2, 2] };
const BN_EPSILON = 1e-3;

type After = "relu" | "nothing" | "batch norm and relu";

const SUBJECTS: readonly { id: string; options: OptionInput; after: After }[] = [
  { id: "inception_resnet_v1.public", options: {}, after: "relu" },
  { id: "inception_resnet_v2.public", options: {}, after: "relu" },
  { id: "inception_resnet_v1.paper", options: {}, after: "relu" },
  { id: "inception_resnet_v2.paper", options: { residualScale: [1, 1, 1] }, after: "relu" },
  { id: "inception_resnet_v1.spec", options: { residualScale: [1, 1, 1] }, after: "batch norm and relu" },
  { id: "inception_resnet_v2.spec", options: {}, after: "batch norm and relu" },
];

describe.each(SUBJECTS)("$id $options", ({ id, options, after }) => {
  const graph = findModel(id).describe({ ...SMALL, ...options });
  const blocks = graph.modules.map(({ path }) => path).filter((path) => /^\w+\.\d$/.test(path) || path === "block8");

  test("every block with a projection of zero", async () => {
    // The public networks have one block more, the last, which nothing follows.
    expect(blocks.length).toBe(id.endsWith(".public") ? 7 : 6);
    const parameters = withZeroProjections(graph);
    const sources = blocks.map((path) => blockInput(graph, path));
    const outputs = [...new Set([...blocks, ...sources])];
    const values = await runGraph(graph, parameters, { input: filled("blocks", [1, 3, 75, 75]) }, { outputs });
    for (const [index, path] of blocks.entries()) {
      const x = outputOf(values, sources[index] ?? "");
      const expected = follow(path === "block8" ? "nothing" : after, path, x);
      const y = outputOf(values, path);
      expect(y.shape, path).toEqual(x.shape);
      expect(largestDifference(y, expected), path).toBeLessThan(after === "batch norm and relu" ? 1e-5 : 1e-30);
      expect(Math.max(...y.data), path).toBeGreaterThan(0);
    }
  });

  // Every input of a block is positive already, so only a projection that counts shows whether a ReLU follows.
  test("a ReLU follows every sum but the last of a public network", async () => {
    const values = await runGraph(graph, goldenParameters(graph), { input: filled("blocks", [1, 3, 75, 75]) }, { outputs: blocks });
    for (const path of blocks) {
      const least = Math.min(...outputOf(values, path).data);
      if (path === "block8") expect(least, path).toBeLessThan(0);
      else expect(least, path).toBe(0);
    }
  });
});

/** The path of the module that ends right before a block: the block before it, or the stage in front of the group. */
function blockInput(graph: Graph, path: string): string {
  const prefix = `${path}.`;
  const inside = new Set(graph.nodes.filter((node) => node.path.startsWith(prefix)).map((node) => node.path));
  const read = graph.nodes.filter((node) => inside.has(node.path)).flatMap(({ inputs }) => inputs);
  const parameters = new Set(graph.parameters.map((parameter) => parameter.path));
  const [value, ...others] = [...new Set(read.filter((name) => !inside.has(name) && !parameters.has(name)))];
  expect(others, `${path} reads one value`).toEqual([]);
  const module = graph.modules.find(({ output }) => output === value);
  if (module === undefined) throw new RangeError(`Cannot find the module in front of ${path}`);
  return module.path;
}

function withZeroProjections(graph: Graph): ReadonlyMap<string, Tensor> {
  const isProjection = (path: string): boolean => /\.(conv2d|concat_proj)\.(weight|bias)$/.test(path);
  return new Map(
    [...goldenParameters(graph)].map(([path, tensor]) => [
      path,
      isProjection(path) ? float32Tensor(tensor.shape, new Float32Array(tensor.data.length)) : tensor,
    ]),
  );
}

function follow(after: After, path: string, x: Floats): Float32Array {
  if (after === "nothing") return x.data;
  if (after === "relu") return x.data.map((value) => Math.max(value, 0));
  const [, channels = 0, height = 0, width = 0] = x.shape;
  const [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((leaf) =>
    fillCheckpointTensor(`${path}.bn.${leaf}`, [channels]),
  );
  return x.data.map((value, index) => {
    const c = Math.floor(index / (height * width)) % channels;
    const normalized = (value - Number(mean?.[c])) / Math.sqrt(Number(variance?.[c]) + BN_EPSILON);
    return Math.max(Number(scale?.[c]) * normalized + Number(shift?.[c]), 0);
  });
}

function largestDifference({ data }: Floats, expected: Float32Array): number {
  return data.reduce((worst, value, index) => Math.max(worst, Math.abs(value - Number(expected[index]))), 0);
}
