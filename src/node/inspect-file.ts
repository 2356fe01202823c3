import { looksLikeNpy, openNpy } from "../formats/npy.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { type OnnxSummary, summarizeOnnx } from "../formats/onnx/print.js";
import { looksLikeOnnx } from "../formats/onnx/sniff.js";
import { type Artefact, parseArtefact } from "../predict/artefact.js";
import type { DType } from "../tensor/dtype.js";
import { elementCount } from "../tensor/tensor.js";
import { openWeightFile } from "../weights/containers/index.js";
import { summarizeDicom } from "./dicom/read.js";
import { isFolder, openFileSource } from "./file-source.js";
import { isVolumeName, refuseSeries, type SeriesOption, seriesSummary, summarizeVolume, type VolumeSummary } from "./volumes.js";

/** What a file holds. Reading it executes nothing and opens no other file. */
export interface Inspection {
  readonly file: string;
  /** "safetensors", "pytorch", "npy", "onnx", "nifti" or "dicom", as the containers name themselves. */
  readonly format: string;
  readonly bytes: number;
  /** Number of values in all tensors, or of voxels. */
  readonly values: number;
  readonly tensors: readonly InspectedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** What an exported file says about itself. */
  readonly artefact: Artefact | null;
  readonly onnx: OnnxSummary | null;
  /** Geometry and statistics of a medical volume, or of a series of slices. */
  readonly volume: VolumeSummary | null;
}

export interface InspectedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * Look into a weight, array or ONNX file of a stranger, or a volume: NIfTI files are told by their names (.nii, .hdr, .img, with or without .gz),
 * and a folder is read as a DICOM series.
 *
 * @throws InceptionError FILE_NOT_FOUND, FILE_UNRECOGNIZED, OPTION_INVALID (several series and none chosen, or a series of a file), or what
 * the format's reader finds wrong
 */
export async function inspectFile(file: string, options: SeriesOption = {}): Promise<Inspection> {
  const { series = null } = options;
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
    const { format, metadata, tensors } = await openWeightFile(source);
    const listed = [...tensors.values()].map(({ name, dtype, shape }): { name: string; dtype: DType; shape: readonly number[] } => ({
      name,
      dtype,
      shape,
    }));
    return { ...base, format, ...totals(listed), metadata, artefact: parseArtefact(Object.entries(metadata), file) };
  } finally {
    await source.close();
  }
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
    artefact: parseArtefact(model.metadata, file),
    onnx: summarizeOnnx(model),
  };
}

function totals(tensors: readonly InspectedTensor[]): Pick<Inspection, "tensors" | "values"> {
  return { tensors, values: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0) };
}
