/** The benchmark of networks with integers: each beside itself with floats, in turn, in sessions of one process (see bench/README.md). */
import { compileInference } from "../src/compile/compile.js";
import { foldNetwork } from "../src/compile/quantize/fold.js";
import { planQuantization } from "../src/compile/quantize/plan.js";
import { quantizeNetwork } from "../src/compile/quantize/quantize.js";
import { chooseRange } from "../src/compile/quantize/ranges.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import type { EncodedModel } from "../src/formats/onnx/encode.js";
import type { Graph } from "../src/ir/graph.js";
import { findModel } from "../src/models/index.js";
import { createNodeSession } from "../src/node/ort-session.js";
import { NODE_PLATFORM } from "../src/node/platform.js";
import { collectHistograms } from "../src/tasks/quantize/calibrate.js";
import { withKernels } from "../src/tasks/quantize/constants.js";
import type { InputBatch } from "../src/tasks/quantize/inputs.js";
import { compareSpeed, type Timings } from "../src/tasks/quantize/measure.js";
import { fillUniform } from "../src/tensor/fill.js";
import { elementCount, float32Tensor } from "../src/tensor/tensor.js";
import { goldenParameters } from "../src/weights/golden.js";
import type { Int8BenchOptions } from "./options.js";
import { median, range } from "./results.js";

interface Case {
  readonly model: string;
  /** Images or volumes that run together where nothing else is asked for. */
  readonly batch: number;
  /** What the speed-up must be at that batch; null where nothing was promised. */
  readonly wanted: number | null;
}

const CASES: readonly Case[] = [
  { model: "googlenet.paper", batch: 8, wanted: 1.4 },
  { model: "inception_resnet_v2.public", batch: 8, wanted: 1.8 },
  { model: "inception_resnet_3d.table", batch: 1, wanted: null },
];

/** Runs the comparison and prints it as Markdown, each row as soon as it is known. */
export async function compareInt8(options: Int8BenchOptions, machine: string, print: (line: string) => void): Promise<void> {
  const { rounds, threads, batch } = options;
  print("# Integers");
  print("");
  print(machine);
  print(`Made by \`npm run bench -- int8\`: ${rounds} alternating runs of each, ${threads} threads, weights from a formula.`);
  print("");
  print("| network | batch | float ms | fastest – slowest | int8 ms | fastest – slowest | times as fast | wanted |");
  print("|---|---:|---:|---:|---:|---:|---:|---:|");
  for (const { model, batch: usual, wanted } of CASES) {
    const images = batch ?? usual;
    const { float, int8, speedup } = await measure(findModel(model).describe(), images, options);
    const cells = [float, int8].flatMap((times) => [median(times).toFixed(0), range(times)]);
    print(`| ${model} | ${images} | ${cells.join(" | ")} | ${speedup.toFixed(2)} | ${wanted ?? "–"} |`);
  }
}

async function measure(graph: Graph, batch: number, { rounds, threads }: Int8BenchOptions): Promise<Timings> {
  const network = { graph, parameters: goldenParameters(graph) };
  const folded = foldNetwork(await withKernels(NODE_PLATFORM, network));
  const plan = planQuantization(folded.graph);
  const { histograms } = await collectHistograms(NODE_PLATFORM, folded, plan, noise(graph, 1), { threads, onFiles: () => {} });
  const method = { method: "minmax", percentile: 100 } as const;
  const ranges = new Map([...histograms].map(([value, histogram]) => [value, chooseRange(histogram, method, value)] as const));
  const quantized = quantizeNetwork(folded, plan, ranges);
  const open = ({ chunks }: EncodedModel) =>
    createNodeSession(concatChunks(chunks), { device: "cpu", threads, name: graph.name, transfer: true });
  const float = await open(compileInference(network.graph, network.parameters, { outputs: ["logits"] }));
  const int8 = await open(compileInference(quantized.graph, quantized.parameters, { outputs: ["logits"] }));
  try {
    for await (const { input } of noise(graph, batch)) {
      return await compareSpeed({ float, int8, output: "logits", measure: "top1" }, input, rounds, () => performance.now());
    }
    throw new RangeError("Cannot measure without an input");
  } finally {
    await float.close();
    await int8.close();
  }
}

async function* noise(graph: Graph, images: number): AsyncGenerator<InputBatch> {
  const shape = [images, ...(graph.inputs[0]?.type.shape ?? []).slice(1).map(Number)];
  const data = fillUniform("bench:int8", elementCount(shape), -1, 1);
  yield { names: ["noise"], indices: [0], finished: 1, input: float32Tensor(shape, data) };
}
