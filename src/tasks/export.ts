import { supportsDynamicSize } from "../compile/any-size.js";
import { compileInference } from "../compile/compile.js";
import type { SegmentationConfig } from "../data/index.js";
import { InceptionError } from "../errors.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { appendMetadata, type EncodedModel, encodeModel } from "../formats/onnx/encode.js";
import { quoted } from "../formats/quoted.js";
import { encodeSafetensors } from "../formats/safetensors.js";
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { describeAtSize } from "../models/custom.js";
import { encodeGraph } from "../models/stored-graph.js";
import { OWN_NAMES, weightSetsOf } from "../models/weights.js";
import {
  encodeModelMetadata,
  everyNth,
  goldenFeeds,
  METADATA_KEY,
  type ModelMetadata,
  type SelfCheck,
  sampleStride,
} from "../predict/model-metadata.js";
import { neededStatistics, type RawInput, SIZE_MULTIPLE, type Statistic, wrapSegmentation } from "../predict/segmentation-file.js";
import { checkFinite, checkParameters } from "../tensor/finite.js";
import { float32ToFloat16, LARGEST_FLOAT16 } from "../tensor/float16.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NameMap } from "../weights/name-map.js";
import type { SessionOpener } from "./open-session.js";
import type { PreparedModel } from "./prepare-model.js";

/** Options of `toOnnx`. */
export interface ExportOnnxOptions {
  /** Outputs to keep. Default: all. A segmentation model always has the outputs "logits" and "labels". */
  readonly outputs?: readonly string[];
  /** Any height and width, where the network allows it, or any depth, height and width of volumes. Default false: the described size. */
  readonly dynamicSize?: boolean;
}

/** A file that is not written yet: its bytes, one chunk after the other, and what its metadata contain. */
interface EncodedExport {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  readonly metadata: ModelMetadata;
}

/**
 * A network as one self-contained ONNX file: any batch size, with class names, preprocessing, origin and license of the
 * weights, and a self-check that is computed here and checked wherever the file is opened.
 *
 * A network that segments, with its recipe in the metadata, becomes a file from raw voxels, turned to RAS and resampled, to
 * labels: for patches of the described size, which takes the statistics of the whole volume beside the patch, or with
 * `dynamicSize` for whole volumes of any size. docs/segmentation.md has the inputs and outputs.
 *
 * @throws InceptionError OPTION_INVALID where dynamicSize is asked of a network with layers of fixed size, or outputs of one that
 *   segments; NOT_FINITE where a parameter or an output of the self-check is NaN or infinite
 */
export async function encodeOnnx(
  platform: SessionOpener,
  prepared: PreparedModel,
  options: ExportOnnxOptions = {},
): Promise<EncodedExport> {
  const { segmentation } = prepared.metadata;
  if (segmentation !== undefined) return exportSegmentation(platform, prepared, segmentation, options);
  const { graph, parameters, metadata } = prepared;
  return withSelfCheck(platform, compileInference(graph, parameters, options), selected(metadata, graph, options), goldenExample(graph));
}

/** A custom network is stored without the outputs that the file does not have, whose parameters it lacks too. */
function selected(metadata: ModelMetadata, graph: Graph, { outputs }: ExportOnnxOptions): ModelMetadata {
  if (metadata.network === undefined || outputs === undefined) return metadata;
  return { ...metadata, network: encodeGraph(selectOutputs(graph, outputs)) };
}

async function exportSegmentation(
  platform: SessionOpener,
  { graph, parameters, metadata }: PreparedModel,
  recipe: SegmentationConfig,
  { outputs, dynamicSize = false }: ExportOnnxOptions,
): Promise<EncodedExport> {
  if (outputs !== undefined) {
    const message = `Cannot export outputs of "${metadata.model}": a segmentation model always has the outputs logits and labels`;
    throw new InceptionError("OPTION_INVALID", message, { outputs });
  }
  if (dynamicSize) checkDynamicVolume(metadata);
  const described = describedAt(graph, metadata, dynamicSize ? EVEN_SIZE : recipe.patchSize.toReversed());
  const network = compileInference(described, parameters, { outputs: ["logits"], ...(dynamicSize ? { optimize: false } : {}) });
  const rawInput = dynamicSize ? "volume" : "patch";
  return encodeSegmentation(platform, { network, graph: described, metadata, recipe, rawInput });
}

/** A compiled network that segments, and what surrounds it in a file. */
interface SegmentationFile {
  /** From normalized voxels to "logits". */
  readonly network: EncodedModel;
  /** What was compiled. */
  readonly graph: Graph;
  readonly metadata: ModelMetadata;
  readonly recipe: SegmentationConfig;
  readonly rawInput: RawInput;
}

/** A network that segments as a file from raw voxels to labels. */
export async function encodeSegmentation(
  platform: SessionOpener,
  { network, graph, metadata, recipe, rawInput }: SegmentationFile,
): Promise<EncodedExport> {
  const model = wrapSegmentation(decodeModel(concatChunks(network.chunks), { name: metadata.model }), recipe, rawInput);
  const example = goldenExample(graph);
  const [batch = 1, channels = 1] = example.shape;
  const others = Object.fromEntries(neededStatistics(recipe).map((name) => [name, GOLDEN_STATISTICS[name]]));
  const golden = rawInput === "volume" ? { ...example, shape: [batch, channels, ...GOLDEN_SIZES] } : { ...example, others };
  return withSelfCheck(platform, encodeModel(model), { ...metadata, rawInput }, golden);
}

/** One of the sizes at which the network is the same for all that are padded to multiples of 8. */
const EVEN_SIZE = [SIZE_MULTIPLE, SIZE_MULTIPLE, SIZE_MULTIPLE];
/** Of a volume of any size: small, and of sizes that are padded. */
const GOLDEN_SIZES = [20, 16, 13];
/** Of a golden patch, whose values lie between −1 and 1. */
const GOLDEN_STATISTICS: Readonly<Record<Statistic, number>> = { mean: 0.1, standard_deviation: 0.5, lower: -0.9, upper: 0.8 };

function describedAt(graph: Graph, metadata: ModelMetadata, inputSize: readonly number[]): Graph {
  return graph.inputs[0]?.type.shape.slice(2).join() === inputSize.join() ? graph : describeAtSize(metadata, inputSize);
}

/** An example whose outputs are not known yet. */
export function goldenExample(graph: Graph): SelfCheck {
  const shape = [1, ...(graph.inputs[0]?.type.shape ?? []).slice(1).map(Number)];
  return { key: `golden:${graph.name}:${shape.join("x")}`, shape, low: -1, high: 1, outputs: {} };
}

/** A compiled model with its metadata; the outputs of the example are computed here. */
export async function withSelfCheck(
  platform: SessionOpener,
  { chunks, byteLength }: EncodedModel,
  given: ModelMetadata,
  example: SelfCheck,
): Promise<EncodedExport> {
  const metadata = { ...given, golden: await computeGolden(platform, example, given.model, concatChunks(chunks)) };
  const entry = appendMetadata([[METADATA_KEY, encodeModelMetadata(metadata)]]);
  return { chunks: [...chunks, entry], byteLength: byteLength + entry.byteLength, metadata };
}

/** Sizes that are padded to multiples of 8 must all give one and the same network. */
function checkDynamicVolume(metadata: ModelMetadata): void {
  const { model } = metadata;
  const describe = (inputSize: readonly number[]): Graph => describeAtSize(metadata, inputSize);
  const [small, large] = [
    [1, 2, 3],
    [5, 4, 7],
  ].map((sizes) => sizes.map((size) => size * SIZE_MULTIPLE));
  if (small && large && supportsDynamicSize(describe, [small, large], { optimize: false })) return;
  const fact = `it differs between sizes that are multiples of ${SIZE_MULTIPLE}`;
  throw new InceptionError("OPTION_INVALID", `Cannot export "${model}" with any depth, height and width: ${fact}`, { model });
}

async function computeGolden(platform: SessionOpener, example: SelfCheck, name: string, model: Uint8Array): Promise<SelfCheck> {
  const session = await platform.createSession(model, { device: "cpu", transfer: true, name });
  try {
    const results = Object.entries(await session.run(goldenFeeds(example, session.inputs, name))).filter(
      ([, { dtype }]) => dtype === "float32",
    );
    // A file with such an example would be refused wherever it is loaded.
    for (const [output, { data }] of results) checkFinite(data, `export "${name}"`, `output ${quoted(output)} of the embedded self-check`);
    const vectors = results.flatMap(([output, { shape, data }]) =>
      shape.length === 2 ? [[output, Array.from(data, Number)] as const] : [],
    );
    const maps = results.flatMap(([output, { shape, data }]) => {
      const stride = sampleStride(data.length);
      return shape.length === 5 ? [{ output, stride, values: everyNth(Float32Array.from(data, Number), stride) }] : [];
    });
    const outputs = Object.fromEntries([...vectors, ...maps.map(({ output, values }) => [output, values] as const)]);
    if (maps.length === 0) return { ...example, outputs };
    return { ...example, outputs, strides: Object.fromEntries(maps.map(({ output, stride }) => [output, stride])) };
  } finally {
    await session.close();
  }
}

/** How weights are written as safetensors. */
export interface ExportSafetensorsOptions {
  /**
   * Kernels in half precision (float16), which makes the file half as large: values are rounded to 11 bits, a relative error of
   * at most 2⁻¹¹. Biases and what belongs to normalization stay float32, and so does a kernel with a value beyond ±65504.
   * Default false: all float32.
   */
  readonly half?: boolean;
}

/**
 * Weights as safetensors, with the model's metadata in the header.
 *
 * @param names - "inceptionkit" for the paths of the network, or the naming scheme that is wanted ("timm", "torchvision", "caffe", …)
 * @throws InceptionError OPTION_INVALID listing the naming schemes of the model; NOT_FINITE
 */
export function encodeWeights(
  prepared: PreparedModel,
  names: string,
  options: ExportSafetensorsOptions = {},
): { readonly chunks: readonly Uint8Array[]; readonly byteLength: number } {
  const map = findNames(prepared.metadata.model, names);
  checkParameters(prepared.parameters, `export "${prepared.metadata.model}"`);
  const stored = options.half === true ? halved : (tensor: Tensor) => tensor;
  const renamed = [...prepared.parameters].map(([path, tensor]): [string, Tensor] => [map.nameOf(path), stored(tensor)]);
  // "format: pt" is what Python's loaders look for.
  const metadata = { format: "pt", [METADATA_KEY]: encodeModelMetadata(prepared.metadata) };
  const { header, chunks, byteLength } = encodeSafetensors(renamed, metadata);
  return { chunks: [header, ...chunks], byteLength };
}

/** Kernels have two axes or more. */
function halved(tensor: Tensor): Tensor {
  const { dtype, shape, data } = tensor;
  if (dtype !== "float32" || !(data instanceof Float32Array) || shape.length < 2) return tensor;
  return data.every((value) => Math.abs(value) <= LARGEST_FLOAT16) ? { dtype: "float16", shape, data: float32ToFloat16(data) } : tensor;
}

function findNames(model: string, names: string): NameMap {
  const maps = [OWN_NAMES, ...weightSetsOf(model).map((set) => set.map)];
  const map = maps.find((candidate) => candidate.source === names);
  if (map) return map;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot write weights of "${model}" under ${names} names: expected one of ${maps.map((candidate) => candidate.source).join(", ")}`,
    {
      model,
      names,
    },
  );
}
