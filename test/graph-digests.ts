/**
 * What each listed network becomes, as digests: the graph with its modules and stages, the ONNX files for each target, and the
 * training programs. test/goldens/README.md says how they are compared, looked at and renewed.
 */
import { createHash } from "node:crypto";
import { type CompileOptions, compileInference } from "../src/compile/compile.js";
import { foldNetwork } from "../src/compile/quantize/fold.js";
import { planQuantization } from "../src/compile/quantize/plan.js";
import { quantizeNetwork } from "../src/compile/quantize/quantize.js";
import type { TargetOptions } from "../src/compile/targets/index.js";
import type { TrainingOptions } from "../src/compile/training/options.js";
import { compileTraining } from "../src/compile/training/training.js";
import { InceptionError } from "../src/errors.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import type { EncodedModel } from "../src/formats/onnx/encode.js";
import type { OnnxAttribute, OnnxGraph, OnnxTensor, OnnxValueInfo } from "../src/formats/onnx/types.js";
import type { Graph } from "../src/ir/graph.js";
import { printGraph } from "../src/ir/print.js";
import type { Model, OptionInput, OptionValue } from "../src/models/index.js";
import { adamw, sgd } from "../src/optim/index.js";
import { elementCount, float32Tensor, type Tensor } from "../src/tensor/tensor.js";
import { goldenParameters } from "../src/weights/golden.js";

/** One thing that a network becomes: bytes to compare, and a text in which people find what differs. */
export interface Emitted {
  readonly name: string;
  /** The digest, and the text on demand. */
  readonly digest: string;
  readonly text: () => string;
}

const OPTIMIZED = ["standard", "ort-cpu", "webgpu"] as const;
const TARGETS = [...OPTIMIZED, "unoptimized"] as const;

/** The options by which the compilers know a target. */
function targetOptions(target: (typeof TARGETS)[number]): TargetOptions {
  return target === "unoptimized" ? { optimize: false } : { target };
}

/** Everything that is compared of a network, in order: as it is by default, and with every option at another value. */
export function* emittedOf(model: Model): Generator<Emitted> {
  const usual = model.describe(model.task === "embed" ? { numClasses: 10 } : {});
  yield* [ofGraph("graph", model.describe()), ...inferenceOf("", usual, zeroParameters(usual))];
  for (const target of OPTIMIZED) yield ofTraining(`training ${target}`, usual, { ...usualTraining(), ...targetOptions(target) });

  const other = model.describe(otherOptions(model));
  yield* [ofGraph("other graph", other), ...inferenceOf("other ", other, goldenParameters(other))];
  yield* quantizedOf(model);
  // Training of volumes alone is optimized.
  const targets = model.task === "segment" ? TARGETS : OPTIMIZED;
  for (const target of targets) yield ofTraining(`other training ${target}`, other, { ...otherTraining(model), ...targetOptions(target) });
  yield ofTraining("other training of one in nchw", other, { batchSize: 1, optimizer: () => PLAIN, layout: "nchw" });
}

const PLAIN = sgd({ momentum: 0.9 });

function usualTraining(): TrainingOptions {
  return { batchSize: 4, optimizer: () => PLAIN };
}

function otherTraining({ task }: Model): TrainingOptions {
  const [decayed, bare] = [adamw({ weightDecay: 0.05 }), adamw({ weightDecay: 0 })];
  return {
    batchSize: 3,
    optimizer: ({ type }) => (type.shape.length > 1 ? decayed : bare),
    loss: task === "segment" ? "dice_cross_entropy" : "cross_entropy",
    labelSmoothing: 0.1,
    targetFormat: "indices",
    clipNorm: 1,
    emaDecay: 0.99,
    form: "accumulate",
    checkpointActivations: true,
    // The first layers are frozen.
    isTrained: ({ path }) => !path.startsWith("conv1.") && !path.startsWith("stem."),
  };
}

/** Other values of options that are one of several names. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  lastPool: ["average", "max"],
  mixedActivation: ["relu", "linear"],
  normPlacement: ["sum", "conv"],
  padding: ["symmetric", "same"],
  stem: ["separable", "dense"],
  stemDownsample: ["conv", "maxpool"],
};

const NUMBERS: Readonly<Record<string, number>> = {
  auxDropRate: 0.1,
  dropRate: 0.3,
  embeddingSize: 24,
  epsilon: 0.01,
  inChannels: 2,
  numClasses: 7,
  widthMultiplier: 0.25,
};

/** Odd sizes, where a network takes them: slim's needs a multiple of 32 where its padding is symmetric. */
const SIZES: Readonly<Record<string, readonly number[]>> = { inception_v2: [320, 288], inception_resnet_3d: [20, 17, 24] };

/**
 * Every option at a value that is not its default, at a quarter of the width.
 *
 * @throws RangeError for an option of another kind or name, which needs a line above
 */
function otherOptions({ id, family, options }: Model): OptionInput {
  const other = (name: string, value: OptionValue | undefined): OptionValue => {
    if (typeof value === "boolean") return !value;
    if (name === "inputSize") return SIZES[family] ?? [315, 302];
    if (name === "repeats") return [1, 2, 1];
    if (name === "residualScale") return [0.3, 0.2, 1];
    const found = typeof value === "number" ? NUMBERS[name] : NAMES[name]?.find((each) => each !== value);
    if (found === undefined || found === value) throw new RangeError(`Cannot choose another value for option ${name} of ${id}`);
    return found;
  };
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, other(name, option.default)]));
}

function inferenceOf(prefix: string, graph: Graph, parameters: ReadonlyMap<string, Tensor>): readonly Emitted[] {
  return [
    ...TARGETS.map((target) => ofInference(`${prefix}onnx ${target}`, graph, parameters, targetOptions(target))),
    ofInference(`${prefix}onnx of any size`, graph, parameters, { ...targetOptions("unoptimized"), dynamicSize: true }),
  ];
}

/** Ranges are made up: digests may not depend on what a processor computes. */
function quantizedOf(model: Model): readonly Emitted[] {
  const graph = model.describe({ ...otherOptions(model), ...("aux" in model.options ? { aux: false } : {}) });
  const folded = foldNetwork({ graph, parameters: goldenParameters(graph) });
  const plan = planQuantization(folded.graph);
  const ranges = new Map([...new Set(plan.ranges.values())].map((value, index) => [value, { low: -(index % 3), high: 4 + (index % 5) }]));
  const quantized = quantizeNetwork(folded, plan, ranges);
  return [
    ofGraph("other quantized graph", quantized.graph),
    ofInference("other quantized onnx", quantized.graph, quantized.parameters, {}),
  ];
}

function ofGraph(name: string, graph: Graph): Emitted {
  const text = graphText(graph);
  return { name, digest: createHash("sha256").update(text).digest("hex"), text: () => text };
}

/** The graph as text, with what `printGraph` leaves out. */
function graphText(graph: Graph): string {
  const lines = [
    ...graph.modules.map(({ path, output }) => `module ${path} = ${output}`),
    ...graph.parameters.map(({ path, stage }) => `parameter ${path} in ${stage}`),
    ...graph.nodes.map(
      ({ path, stage, sizeDependent }) => `node ${path} in ${stage}${sizeDependent === true ? ", depends on the size" : ""}`,
    ),
  ];
  return `${printGraph(graph)}${lines.join("\n")}\n`;
}

/** The file, or the code of the error if the compiler rejects the network; its message is not part of a graph. */
function ofInference(name: string, graph: Graph, parameters: ReadonlyMap<string, Tensor>, options: CompileOptions): Emitted {
  try {
    return ofFiles(name, [compileInference(graph, parameters, options)]);
  } catch (thrown) {
    if (!(thrown instanceof InceptionError)) throw thrown;
    const text = `${thrown.code}\n`;
    return { name, digest: createHash("sha256").update(text).digest("hex"), text: () => text };
  }
}

function ofTraining(name: string, graph: Graph, options: TrainingOptions): Emitted {
  const { programs } = compileTraining(graph, options);
  return ofFiles(
    name,
    Object.values(programs).map(({ model }) => model),
  );
}

function ofFiles(name: string, files: readonly EncodedModel[]): Emitted {
  const hash = createHash("sha256");
  for (const { chunks } of files) {
    // Zero weights count by their length: there are a hundred megabytes of them.
    for (const chunk of chunks) hash.update(chunk.buffer === ZEROS.buffer ? `${chunk.byteLength} zeros` : chunk);
  }
  return { name, digest: hash.digest("hex"), text: () => files.map(({ chunks }) => modelText(concatChunks(chunks))).join("\n") };
}

/** As many as the largest kernel of a network has. */
const ZEROS = new Float32Array(2 ** 23);

function zeroParameters(graph: Graph): ReadonlyMap<string, Tensor> {
  return new Map(
    graph.parameters.map(({ path, type }) => {
      const shape = type.shape.map(Number);
      return [path, float32Tensor(shape, ZEROS.subarray(0, elementCount(shape)))];
    }),
  );
}

/** An ONNX file as text, one line for each thing in it. */
function modelText(bytes: Uint8Array): string {
  const { graph, metadata, opsets } = decodeModel(bytes, { name: "emitted" });
  return [
    ...opsets.map(({ domain, version }) => `opset ${domain === "" ? "ai.onnx" : domain} ${version}`),
    ...[...metadata].map(([key, value]) => `metadata ${key} = ${JSON.stringify(value)}`),
    ...onnxGraphLines(graph),
    "",
  ].join("\n");
}

function onnxGraphLines({ name, inputs, outputs, initializers, nodes }: OnnxGraph): readonly string[] {
  return [
    `graph "${name}"`,
    ...inputs.map((info) => `input ${valueText(info)}`),
    ...initializers.map((tensor) => `initializer ${tensorText(tensor)}`),
    ...nodes.map((node) => {
      const attributes = node.attributes.length === 0 ? "" : ` {${node.attributes.map(attributeText).join(", ")}}`;
      const operator = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
      return `${node.outputs.join(", ")} = ${operator}(${node.inputs.join(", ")})${attributes}  # ${node.name}`;
    }),
    ...outputs.map((info) => `output ${valueText(info)}`),
  ];
}

function valueText({ name, dtype, shape }: OnnxValueInfo): string {
  return `${name}: ${dtype}[${shape?.join(", ")}]`;
}

function tensorText({ name, dtype, shape, data }: OnnxTensor): string {
  const values = data.byteLength <= 64 ? Buffer.from(data).toString("hex") : createHash("sha256").update(data).digest("hex");
  return `${name}: ${dtype}[${shape.join(", ")}] ${values}`;
}

function attributeText({ name, type, value }: OnnxAttribute): string {
  if (type === "tensor") return `${name}: ${tensorText(value)}`;
  if (type === "ints") return `${name}: ints ${value.join(", ")}`;
  if (type === "int" || type === "float" || type === "string") return `${name}: ${type} ${value}`;
  throw new RangeError(`Cannot print attribute ${name} of type ${type}: no lowering gives it`);
}
