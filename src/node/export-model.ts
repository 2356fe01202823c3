import { isSizeIndependent } from "../compile/any-size.js";
import { compileInference } from "../compile/compile.js";
import type { SegmentationRecipe } from "../data/index.js";
import { InceptionError } from "../errors.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { appendMetadata, concatChunks, type EncodedModel, encodeModel } from "../formats/onnx/encode.js";
import { quoted } from "../formats/quoted.js";
import { encodeSafetensors } from "../formats/safetensors.js";
import type { Graph } from "../ir/graph.js";
import { findModel } from "../models/index.js";
import { OWN_NAMES, weightSetsOf } from "../models/weights.js";
import { ARTEFACT_KEY, type Artefact, encodeArtefact, everyNth, type Golden, goldenFeeds, sampleStride } from "../predict/artefact.js";
import { neededStatistics, type RawInput, SIZE_MULTIPLE, type Statistic, wrapSegmentation } from "../predict/segmentation-file.js";
import type { PreparedModel } from "../tasks/prepare-model.js";
import { checkFinite, checkParameters } from "../tensor/finite.js";
import { float32ToFloat16, LARGEST_FLOAT16 } from "../tensor/float16.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NameMap } from "../weights/name-map.js";
import { createNodeSession } from "./ort-session.js";
import { writeFileAtomic } from "./write-file.js";

export interface ExportOnnxOptions {
  /** Outputs to keep. Default: all. A network that segments keeps its logits and gets "labels" beside them. */
  readonly outputs?: readonly string[];
  /** Any height and width, where the network allows it, or any depth, height and width of volumes. Default false: the described size. */
  readonly dynamicSize?: boolean;
}

/**
 * Write a network as one self-contained ONNX file: any batch size, with labels, preprocessing, origin and licence of the
 * weights, and a golden example that is computed here and checked wherever the file is loaded.
 *
 * A network that segments, with its recipe in the artefact, becomes a file from raw voxels, turned to RAS and resampled, to
 * labels: for patches of the described size, which takes the statistics of the whole volume beside the patch, or with
 * `dynamicSize` for whole volumes of any size. docs/segmentation.md has the inputs and outputs.
 *
 * @throws InceptionError OPTION_INVALID where dynamicSize is asked of a network with layers of fixed size, or outputs of one that
 *   segments; NOT_FINITE where a parameter or an output of the self-check is NaN or infinite; WRITE_FAILED
 */
export async function exportOnnx(
  prepared: PreparedModel,
  file: string,
  options: ExportOnnxOptions = {},
): Promise<{ readonly bytes: number; readonly artefact: Artefact }> {
  if (prepared.artefact.segmentation !== undefined) return exportSegmentation(prepared, prepared.artefact.segmentation, file, options);
  const { graph, parameters } = prepared;
  return writeOnnx(compileInference(graph, parameters, options), prepared.artefact, goldenExample(graph), file);
}

async function exportSegmentation(
  { graph, parameters, artefact }: PreparedModel,
  recipe: SegmentationRecipe,
  file: string,
  { outputs, dynamicSize = false }: ExportOnnxOptions,
): Promise<{ readonly bytes: number; readonly artefact: Artefact }> {
  if (outputs !== undefined) {
    const message = `Cannot export outputs of "${artefact.model}": it segments, expected none to be chosen, they are logits and labels`;
    throw new InceptionError("OPTION_INVALID", message, { outputs });
  }
  if (dynamicSize) checkDynamicVolume(artefact);
  const described = describedAt(graph, artefact, dynamicSize ? EVEN_SIZE : recipe.patchSize.toReversed());
  const network = compileInference(described, parameters, { outputs: ["logits"], ...(dynamicSize ? { profile: "plain" } : {}) });
  return writeSegmentation({ network, graph: described, artefact, recipe, rawInput: dynamicSize ? "volume" : "patch" }, file);
}

/** A compiled network that segments, and what surrounds it in a file. */
interface SegmentationFile {
  /** From normalised voxels to "logits". */
  readonly network: EncodedModel;
  /** What was compiled. */
  readonly graph: Graph;
  readonly artefact: Artefact;
  readonly recipe: SegmentationRecipe;
  readonly rawInput: RawInput;
}

/** @internal Writes a network that segments as a file from raw voxels to labels. */
export async function writeSegmentation(
  { network, graph, artefact, recipe, rawInput }: SegmentationFile,
  file: string,
): Promise<{ readonly bytes: number; readonly artefact: Artefact }> {
  const model = wrapSegmentation(decodeModel(concatChunks(network.chunks), { name: artefact.model }), recipe, rawInput);
  const example = goldenExample(graph);
  const [batch = 1, channels = 1] = example.shape;
  const others = Object.fromEntries(neededStatistics(recipe).map((name) => [name, GOLDEN_STATISTICS[name]]));
  const golden = rawInput === "volume" ? { ...example, shape: [batch, channels, ...GOLDEN_SIZES] } : { ...example, others };
  return writeOnnx(encodeModel(model), { ...artefact, rawInput }, golden, file);
}

/** One of the sizes at which the network is the same for all that are padded to multiples of 8. */
const EVEN_SIZE = [SIZE_MULTIPLE, SIZE_MULTIPLE, SIZE_MULTIPLE];
/** Of a volume of any size: small, and of sizes that are padded. */
const GOLDEN_SIZES = [20, 16, 13];
/** Of a golden patch, whose values lie between −1 and 1. */
const GOLDEN_STATISTICS: Readonly<Record<Statistic, number>> = { mean: 0.1, standard_deviation: 0.5, lower: -0.9, upper: 0.8 };

function describedAt(graph: Graph, { model, options }: Artefact, inputSize: readonly number[]): Graph {
  return graph.inputs[0]?.type.shape.slice(2).join() === inputSize.join() ? graph : findModel(model).describe({ ...options, inputSize });
}

/** @internal An example whose outputs are not known yet. */
export function goldenExample(graph: Graph): Golden {
  const shape = [1, ...(graph.inputs[0]?.type.shape ?? []).slice(1).map(Number)];
  return { key: `golden:${graph.name}:${shape.join("x")}`, shape, low: -1, high: 1, outputs: {} };
}

/** @internal Writes a file with its artefact, in which the outputs of the example are computed first. */
export async function writeOnnx(
  { chunks, byteLength }: EncodedModel,
  given: Artefact,
  example: Golden,
  file: string,
): Promise<{ readonly bytes: number; readonly artefact: Artefact }> {
  const artefact = { ...given, golden: await computeGolden(example, given.model, concatChunks(chunks)) };
  const metadata = appendMetadata([[ARTEFACT_KEY, encodeArtefact(artefact)]]);
  await writeFileAtomic(file, [...chunks, metadata]);
  return { bytes: byteLength + metadata.byteLength, artefact };
}

/** Sizes that are padded to multiples of 8 must all give one and the same network. */
function checkDynamicVolume({ model, options }: Artefact): void {
  const describe = (inputSize: readonly number[]): Graph => findModel(model).describe({ ...options, inputSize });
  const [small, large] = [
    [1, 2, 3],
    [5, 4, 7],
  ].map((sizes) => sizes.map((size) => size * SIZE_MULTIPLE));
  if (small && large && isSizeIndependent(describe, [small, large], "plain")) return;
  const fact = `it differs between sizes that are multiples of ${SIZE_MULTIPLE}`;
  throw new InceptionError("OPTION_INVALID", `Cannot export "${model}" with any depth, height and width: ${fact}`, { model });
}

async function computeGolden(example: Golden, name: string, model: Uint8Array): Promise<Golden> {
  const session = await createNodeSession(model, { device: "cpu", transfer: true, name });
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

export interface ExportSafetensorsOptions {
  /**
   * Kernels in half precision (float16), which makes the file half as large: values are rounded to 11 bits, a relative error of
   * at most 2⁻¹¹. Biases and what belongs to normalisation stay float32, and so does a kernel with a value beyond ±65504.
   * Default false: all float32.
   */
  readonly half?: boolean;
}

/**
 * Write weights as safetensors with the artefact in the header.
 *
 * @param names - "inceptionkit" for our paths, or the source whose names are wanted ("timm", "torchvision", "caffe", …)
 * @throws InceptionError OPTION_INVALID listing the names that exist for the model; NOT_FINITE; WRITE_FAILED
 */
export async function exportSafetensors(
  prepared: PreparedModel,
  file: string,
  names: string,
  options: ExportSafetensorsOptions = {},
): Promise<{ readonly bytes: number }> {
  const map = findNames(prepared.artefact.model, names);
  checkParameters(prepared.parameters, `export "${prepared.artefact.model}"`);
  const stored = options.half === true ? halved : (tensor: Tensor) => tensor;
  const renamed = [...prepared.parameters].map(([path, tensor]): [string, Tensor] => [map.nameOf(path), stored(tensor)]);
  // "format: pt" is what Python's loaders look for.
  const metadata = { format: "pt", [ARTEFACT_KEY]: encodeArtefact(prepared.artefact) };
  const { header, chunks, byteLength } = encodeSafetensors(renamed, metadata);
  await writeFileAtomic(file, [header, ...chunks]);
  return { bytes: byteLength };
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
