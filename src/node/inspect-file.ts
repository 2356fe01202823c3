import { looksLikeNpy, openNpy } from "../formats/npy.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { type OnnxSummary, summarizeOnnx } from "../formats/onnx/print.js";
import { looksLikeOnnx } from "../formats/onnx/sniff.js";
import { type WeightFit, weightFits } from "../models/fits.js";
import { type ModelMetadata, parseModelMetadata } from "../predict/model-metadata.js";
import { elementCount } from "../tensor/tensor.js";
import { summarizeDicom } from "./dicom/read.js";
import { isFolder, openFileSource } from "./file-source.js";
import { findWeights, openWeights } from "./open-weights.js";
import { isVolumeName, refuseSeries, type SeriesOption, seriesSummary, summarizeVolume, type VolumeSummary } from "./volumes.js";

/** What a file holds. Reading it executes nothing and opens no other file. */
export interface Inspection {
  readonly file: string;
  /** "npy", "onnx", "nifti" or "dicom", or what the weight container calls itself: "safetensors", "PyTorch", "Keras HDF5", …. */
  readonly format: string;
  readonly bytes: number;
  /** Number of values in all tensors, or of voxels. */
  readonly values: number;
  readonly tensors: readonly InspectedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Model metadata of an exported file. */
  readonly artefact: ModelMetadata | null;
  readonly onnx: OnnxSummary | null;
  /** Geometry and statistics of a medical volume, or of a series of slices. */
  readonly volume: VolumeSummary | null;
  /** Of weights: the networks that they fit, by names and shapes, and the weight sets whose names they use; absent for other files. */
  readonly fits?: readonly WeightFit[];
}

interface InspectedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * Inspects a weight, array or ONNX file, which may be untrusted, or a volume. NIfTI files are recognized by their names (.nii, .hdr, .img,
 * with or without .gz). A directory is read as weights if it has `.npy` files or one TensorFlow checkpoint, otherwise as a DICOM series.
 *
 * @throws InceptionError FILE_NOT_FOUND, FILE_UNRECOGNIZED, OPTION_INVALID (several series and none chosen, or a series of a file), or what
 * the format's reader finds wrong
 */
export async function inspectFile(file: string, options: SeriesOption = {}): Promise<Inspection> {
  const { series = null } = options;
  const weights = series === null ? await findWeights(file) : null;
  // A checkpoint of several files, or a folder of arrays; a plain file is told by its content below.
  if (weights !== null && (weights !== file || (await isFolder(file)))) return inspectWeights(weights);
  if (await isFolder(file)) return inspectFolder(file, series);
  refuseSeries(file, series);
  const source = await openFileSource(file);
  try {
    const base = { file, bytes: source.size, artefact: null, onnx: null, volume: null };
    if (isVolumeName(file)) {
      const volume = await summarizeVolume(file);
      return { ...base, format: "nifti", values: elementCount(volume.shape), tensors: [], metadata: {}, volume };
    }
    if (await looksLikeNpy(source)) {
      const { dtype, shape } = await openNpy(source);
      return { ...base, format: "npy", ...totals([{ name: "array", dtype, shape }]), metadata: {} };
    }
    if (await looksLikeOnnx(source)) return { ...base, ...inspectOnnx(await source.read(0, source.size), file) };
  } finally {
    await source.close();
  }
  return inspectWeights(file);
}

async function inspectWeights(where: string): Promise<Inspection> {
  const { file, bytes, close } = await openWeights(where);
  await close();
  const { format, metadata } = file;
  const tensors = [...file.tensors.values()].map(({ name, dtype, shape }): InspectedTensor => ({ name, dtype, shape }));
  const artefact = parseModelMetadata(Object.entries(metadata), where);
  const fits = weightFits(file, artefact);
  return { file: where, bytes, format, ...totals(tensors), metadata, artefact, onnx: null, volume: null, fits };
}

async function inspectFolder(folder: string, series: string | null): Promise<Inspection> {
  const summary = await summarizeDicom(folder, series);
  const nothing = { tensors: [], metadata: {}, artefact: null, onnx: null };
  const { bytes, shape } = summary;
  return { file: folder, format: "dicom", bytes, values: elementCount(shape), ...nothing, volume: seriesSummary(summary) };
}

function inspectOnnx(bytes: Uint8Array, file: string): Omit<Inspection, "file" | "bytes" | "volume"> {
  const model = decodeModel(bytes, { name: file, externalData: "report", otherParts: "report" });
  const tensors = model.graph.initializers.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  return {
    format: "onnx",
    ...totals(tensors),
    metadata: Object.fromEntries(model.metadata),
    artefact: parseModelMetadata(model.metadata, file),
    onnx: summarizeOnnx(model),
  };
}

function totals(tensors: readonly InspectedTensor[]): Pick<Inspection, "tensors" | "values"> {
  return { tensors, values: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0) };
}
