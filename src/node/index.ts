/** Running networks in Node: sessions, files, images, sources of weights. */

export type { Artefact, Golden } from "../predict/artefact.js";
export { imageBatch, type Prediction, runRows, softmax, topPredictions } from "../predict/predict.js";
export type { Device, RunOptions, Session, SessionOptions, TensorInfo } from "../runtime/session.js";
export { type DecodeOptions, decodeImage } from "./decode-image.js";
export { type ExportOnnxOptions, exportOnnx, exportSafetensors } from "./export-model.js";
export { type FileSource, openFileSource } from "./file-source.js";
export { type Inspection, inspectFile } from "./inspect-file.js";
export { listImages } from "./list-images.js";
export { type LoadedModel, type LoadModelOptions, loadModel, SELF_CHECK_TOLERANCE } from "./load-model.js";
export { createNodeSession, type NodeSessionOptions } from "./ort-session.js";
export { namedPreprocessing, type PreparedModel, type PrepareOptions, prepareModel } from "./prepare-model.js";
export { sha256Hex, sha256OfFile } from "./sha256.js";
export { type DownloadProgress, type ResolvedSource, resolveSource, type SourceOptions } from "./weight-source.js";
export { writeFileAtomic } from "./write-file.js";
