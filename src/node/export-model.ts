import { compileInference, isSizeIndependent } from "../compile/compile.js";
import { InceptionError } from "../errors.js";
import { appendMetadata, concatChunks } from "../formats/onnx/encode.js";
import { encodeSafetensors } from "../formats/safetensors.js";
import type { Graph } from "../ir/graph.js";
import { findModel } from "../models/index.js";
import { OWN_NAMES, weightSetsOf } from "../models/weights.js";
import { ARTEFACT_KEY, type Artefact, encodeArtefact, type Golden, goldenInput } from "../predict/artefact.js";
import { float32ToFloat16, LARGEST_FLOAT16 } from "../tensor/float16.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NameMap } from "../weights/name-map.js";
import { createNodeSession } from "./ort-session.js";
import type { PreparedModel } from "./prepare-model.js";
import { writeFileAtomic } from "./write-file.js";

export interface ExportOnnxOptions {
  /** Outputs to keep. Default: all. */
  readonly outputs?: readonly string[];
  /** Any height and width, where the network allows it. Default false: the described size. */
  readonly dynamicSize?: boolean;
}

/**
 * Write a network as one self-contained ONNX file: any batch size, with labels, preprocessing, origin and licence of the
 * weights, and a golden example that is computed here and checked wherever the file is loaded.
 *
 * @throws InceptionError OPTION_INVALID where dynamicSize is asked of a network with layers of fixed size; WRITE_FAILED
 */
export async function exportOnnx(
  prepared: PreparedModel,
  file: string,
  options: ExportOnnxOptions = {},
): Promise<{ readonly bytes: number; readonly artefact: Artefact }> {
  const { graph, parameters } = prepared;
  if (options.dynamicSize) checkDynamicSize(graph, prepared.artefact);
  const encoded = compileInference(graph, parameters, options);
  const golden = await computeGolden(graph, concatChunks(encoded.chunks));
  const artefact = { ...prepared.artefact, golden };
  const metadata = appendMetadata([[ARTEFACT_KEY, encodeArtefact(artefact)]]);
  await writeFileAtomic(file, [...encoded.chunks, metadata]);
  return { bytes: encoded.byteLength + metadata.byteLength, artefact };
}

function checkDynamicSize(graph: Graph, artefact: Artefact): void {
  const model = findModel(artefact.model);
  const sizes = (graph.inputs[0]?.type.shape ?? []).slice(2).map(Number);
  const describe = (inputSize: readonly number[]): Graph => model.describe({ ...artefact.options, inputSize });
  // An odd step, so that maps of odd and of even size are both met.
  if (isSizeIndependent(describe, [sizes, sizes.map((size, axis) => size + 33 + axis)])) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot export "${artefact.model}" with any height and width: it has a layer of fixed size (an auxiliary head or a decoder)`,
    {
      model: artefact.model,
    },
  );
}

async function computeGolden(graph: Graph, model: Uint8Array): Promise<Golden> {
  const shape = [1, ...(graph.inputs[0]?.type.shape ?? []).slice(1).map(Number)];
  const empty: Golden = { key: `golden:${graph.name}:${shape.join("x")}`, shape, low: -1, high: 1, outputs: {} };
  const session = await createNodeSession(model, { device: "cpu", transfer: true, name: graph.name });
  try {
    const results = await session.run({ input: goldenInput(empty) });
    const vectors = Object.entries(results).filter(([, tensor]) => tensor.shape.length === 2);
    return { ...empty, outputs: Object.fromEntries(vectors.map(([name, tensor]) => [name, Array.from(tensor.data, Number)])) };
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
 * @throws InceptionError OPTION_INVALID listing the names that exist for the model; WRITE_FAILED
 */
export async function exportSafetensors(
  prepared: PreparedModel,
  file: string,
  names: string,
  options: ExportSafetensorsOptions = {},
): Promise<{ readonly bytes: number }> {
  const map = findNames(prepared.artefact.model, names);
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
