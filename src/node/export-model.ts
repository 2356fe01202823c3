import type { ModelMetadata } from "../predict/model-metadata.js";
import { type ExportOnnxOptions, type ExportSafetensorsOptions, encodeOnnx, encodeWeights } from "../tasks/export.js";
import type { PreparedModel } from "../tasks/prepare-model.js";
import { NODE_PLATFORM } from "./platform.js";
import { writeFileAtomic } from "./write-file.js";

/**
 * Writes a network as one self-contained ONNX file; see `encodeOnnx` for its contents.
 *
 * @throws InceptionError OPTION_INVALID where dynamicSize is asked of a network with layers of fixed size, or outputs of one that
 *   segments; NOT_FINITE where a parameter or an output of the self-check is NaN or infinite; WRITE_FAILED
 */
export async function exportOnnx(
  prepared: PreparedModel,
  file: string,
  options: ExportOnnxOptions = {},
): Promise<{ readonly bytes: number; readonly metadata: ModelMetadata }> {
  const { chunks, byteLength, metadata } = await encodeOnnx(NODE_PLATFORM, prepared, options);
  await writeFileAtomic(file, chunks);
  return { bytes: byteLength, metadata };
}

/**
 * Writes weights as safetensors, with the model's metadata in the header.
 *
 * @param names - "inceptionkit" for the paths of the network, or the naming scheme that is wanted ("timm", "torchvision", "caffe", …)
 * @throws InceptionError OPTION_INVALID listing the naming schemes of the model; NOT_FINITE; WRITE_FAILED
 */
export async function exportSafetensors(
  prepared: PreparedModel,
  file: string,
  names: string,
  options: ExportSafetensorsOptions = {},
): Promise<{ readonly bytes: number }> {
  const { chunks, byteLength } = encodeWeights(prepared, names, options);
  await writeFileAtomic(file, chunks);
  return { bytes: byteLength };
}
