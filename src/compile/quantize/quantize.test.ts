import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import type { NaiveTensor } from "../../../test/naive.js";
import { NAIVE_OPS } from "../../../test/naive-ops.js";
import { computeConstants, filled, outputOf, runGraph, withModel } from "../../../test/run-graph.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { decodeModel } from "../../formats/onnx/decode.js";
import type { Graph } from "../../ir/graph.js";
import { describeModel } from "../../models/index.js";
import { MINI_MODELS } from "../../models/mini.js";
import { isOpName } from "../../ops/index.js";
import { goldenParameters } from "../../weights/golden.js";
import { compileInference } from "../compile.js";
import { composePointwise } from "../compose.js";
import { constantGraph, withConstants } from "./constants.js";
import { foldNetwork } from "./fold.js";
import { histogramOf } from "./histogram.js";
import type { Network } from "./network.js";
import { type PlanOptions, planQuantization } from "./plan.js";
import { calibrationGraph, type QuantizeOptions, quantizeNetwork } from "./quantize.js";
import { chooseRange } from "./ranges.js";

/** Quantized with the ranges that a batch of noise gives. */
async function quantized(graph: Graph, options: PlanOptions & QuantizeOptions = {}): Promise<Network> {
  const folded = foldNetwork(await withKernels(composePointwise(graph), goldenParameters(graph)));
  const plan = planQuantization(folded.graph, options);
  const shown = calibrationGraph(folded.graph, plan);
  if (shown === null) throw new RangeError("Cannot calibrate");
  const input = noise(graph, 4);
  const values = Object.entries({ input, ...(await runGraph(shown, folded.parameters, { input })) });
  const method = { method: "minmax", percentile: 100 } as const;
  const ranges = new Map(values.map(([value, { data }]) => [value, chooseRange(histogramOf(data), method, value)] as const));
  return quantizeNetwork(folded, plan, ranges, options);
}

/** With the kernels that are made of others. */
async function withKernels(graph: Graph, parameters: Network["parameters"]): Promise<Network> {
  const constants = constantGraph(graph);
  if (constants === null) return { graph, parameters };
  return withConstants({ graph, parameters }, await computeConstants(constants, parameters));
}

function noise(graph: Graph, images: number) {
  return filled("noise", [images, ...(graph.inputs[0]?.type.shape ?? []).slice(1).map(Number)]);
}

/** The same graph by plain loops in double precision. */
function byLoops({ graph, parameters }: Network, input: NaiveTensor): NaiveTensor {
  const values = new Map<string, NaiveTensor>([["input", input]]);
  for (const [name, { shape, data }] of parameters) values.set(name, { shape, data: Array.from(data, Number) });
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    if (!isOpName(op)) throw new RangeError(`Cannot find ${op}`);
    const operands = inputs.map((name) => values.get(name) ?? { shape: [], data: [] });
    const result = NAIVE_OPS[op](operands, attributes as never);
    values.set(outputs[0] ?? "", { shape: result.shape, data: result.values });
  }
  return values.get(graph.outputs[0]?.value ?? "") ?? { shape: [], data: [] };
}

/** What ONNX Runtime makes of a network when it opens it. */
async function optimizedOps({ graph, parameters }: Network): Promise<readonly string[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "inception-int8-"));
  try {
    const file = path.join(folder, "optimized.onnx");
    const bytes = concatChunks(compileInference(graph, parameters).chunks);
    const session = await InferenceSession.create(bytes, { optimizedModelFilePath: file, intraOpNumThreads: 1, logSeverityLevel: 4 });
    await session.release();
    return decodeModel(readFileSync(file), { name: "optimized" }).graph.nodes.map(({ opType }) => opType);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Root of the mean square of the differences, as a share of the spread. */
function relativeError(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  const values = Array.from(expected);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = (list: readonly number[]): number => list.reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(square(values.map((value, index) => value - Number(actual[index]))) / square(values.map((value) => value - mean)));
}

const FLOAT_OPS = [
  "Conv",
  "FusedConv",
  "Gemm",
  "Add",
  "Concat",
  "MaxPool",
  "AveragePool",
  "GlobalAveragePool",
  "Relu",
  "BatchNormalization",
];

describe("quantizeNetwork", () => {
  test("ONNX Runtime computes what loops in double precision do", async () => {
    const graph = MINI_MODELS.get("mini.googlenet")?.({ numClasses: 10, inputSize: [19, 21] });
    if (graph === undefined) throw new RangeError("Cannot find the network");
    const network = await quantized(graph);
    const input = noise(graph, 2);
    const expected = byLoops(network, input);
    const actual = outputOf(await runGraph(network.graph, network.parameters, { input }), "logits");
    // Levels are equal but where float32 decides a half otherwise; each such level moves a logit by less than this.
    expect(relativeError(expected.data, actual.data)).toBeLessThan(5e-3);
  });

  test.each([...MINI_MODELS])(
    "%s: near to the floats, and nothing is left for the runtime to compute with floats",
    async (_id, describeMini) => {
      const graph = describeMini({ numClasses: 10, inputSize: [33, 35] });
      const network = await quantized(graph);
      const feeds = { input: noise(graph, 4) };
      const expected = outputOf(await runGraph(graph, goldenParameters(graph), feeds), "logits");
      const actual = outputOf(await runGraph(network.graph, network.parameters, feeds), "logits");
      expect(relativeError(expected.data, actual.data)).toBeLessThan(0.05);
      const ops = await optimizedOps(network);
      expect(ops.filter((op) => FLOAT_OPS.includes(op))).toEqual([]);
      expect(ops.filter((op) => op === "QLinearConv").length).toBe(graph.nodes.filter(({ op }) => op === "conv").length);
    },
  );

  test.each([
    ["googlenet.paper", { inputSize: 64, widthMultiplier: 0.1 }, []],
    ["googlenet.public", { inputSize: 64, widthMultiplier: 0.1, aux: true }, []],
    ["inception_resnet_v1.public", { inputSize: 75, widthMultiplier: 0.1, repeats: [1, 1, 1] }, []],
    ["inception_resnet_v1.spec", { inputSize: 75, widthMultiplier: 0.1, repeats: [1, 1, 1] }, ["Add", "BatchNormalization", "Relu"]],
    ["inception_resnet_v2.paper", { inputSize: 75, widthMultiplier: 0.1, repeats: [1, 1, 1] }, []],
    ["inception_resnet_v2.public", { inputSize: 75, widthMultiplier: 0.1, repeats: [1, 1, 1] }, []],
  ] as const)("%s: every layer with a kernel is computed with integers", async (id, options, floats) => {
    const network = await quantized(describeModel(id, options));
    const ops = await optimizedOps(network);
    const layers = network.graph.nodes.filter(({ op }) => op === "conv" || op === "gemm");
    expect(ops.filter((op) => op === "QLinearConv" || op === "QGemm").length).toBe(layers.length);
    expect(
      ops
        .filter((op) => ["Add", "BatchNormalization", "Relu", "Gemm", "AveragePool"].includes(op))
        .every((op) => floats.some((each) => each === op)),
    ).toBe(true);
  });

  test.each([
    ["with a classifier behind the last transposed convolution", { fullResolutionSkip: false }],
    ["with the third skip", { fullResolutionSkip: true }],
  ])("volumes, %s: integers but for the windows over one channel", async (_name, options) => {
    const graph = describeModel("inception_resnet_3d.table", { inputSize: [16, 24, 16], widthMultiplier: 0.25, ...options });
    const network = await quantized(graph);
    const first = ["stem.conv1.conv", ...(options.fullResolutionSkip ? ["stem.conv0.conv"] : [])];
    const layers = network.graph.nodes.filter(({ op }) => op === "conv");
    const floats = layers.filter(({ inputs }) =>
      network.graph.parameters.some(({ path, type }) => path === inputs[1] && type.dtype === "float32"),
    );
    expect(floats.map(({ path }) => path)).toEqual(first);
    const ops = await optimizedOps(network);
    expect(ops.filter((op) => op === "QLinearConv").length).toBe(layers.length - first.length);
    expect(ops).not.toContain("ConvTranspose");
    const input = noise(graph, 1);
    const expected = outputOf(await runGraph(graph, goldenParameters(graph), { input }), "logits");
    const actual = outputOf(await runGraph(network.graph, network.parameters, { input }), "logits");
    expect(relativeError(expected.data, actual.data)).toBeLessThan(0.1);
  });

  test("parameters are int8 and int32 under their old names, and modules end on the values that they ended on", async () => {
    const graph = MINI_MODELS.get("mini.googlenet")?.({ numClasses: 10, inputSize: [33, 35] });
    if (graph === undefined) throw new RangeError("Cannot find the network");
    const network = await quantized(graph, { keepFirst: true });
    const dtypes = Object.fromEntries(network.graph.parameters.map(({ path: name, type }) => [name, type.dtype]));
    expect(dtypes["stem.conv.weight"]).toBe("float32");
    expect(dtypes["mix1.branch1.conv.weight"]).toBe("int8");
    expect(dtypes["mix1.branch1.conv.bias"]).toBe("int32");
    const modules = Object.fromEntries(network.graph.modules.map(({ path: name, output }) => [name, output]));
    expect(modules.stem).toBe("stem.relu");
    expect(modules["mix1.branch1"]).toBe("mix1.branch1.relu.dequantize");
    await withModel(network.graph, network.parameters, { outputs: ["mix1.branch1"] }, async (model) => {
      const { data } = outputOf(await model.run({ input: noise(graph, 1) }), "mix1.branch1");
      expect(data.every((value) => value >= 0)).toBe(true);
    });
  });

  test("a value without a range is a fault of the caller", () => {
    const graph = describeModel("googlenet", { inputSize: 64, widthMultiplier: 0.1 });
    const folded = foldNetwork({ graph, parameters: goldenParameters(graph) });
    const plan = planQuantization(folded.graph);
    expect(() => quantizeNetwork(folded, plan, new Map())).toThrow(
      new RangeError('Cannot quantize "googlenet.public": value "input" has no range'),
    );
  });
});
