/** Running networks in Node: sessions, files, images, sources of weights. */

export type { LoadedVolumes } from "../data/volumes/loaded-volume.js";
export { DEFAULT_RUN_LIMITS, type RunLimits } from "../formats/onnx/run-limits.js";
export { type WeightFit, weightFits } from "../models/fits.js";
export type { ModelMetadata, SelfCheck } from "../predict/model-metadata.js";
export { imageBatch, type Prediction, runRows, softmax, topPredictions } from "../predict/predict.js";
export type { Device, RunOptions, Session, SessionOptions, TensorInfo } from "../runtime/session.js";
export type { LabelStatistics, SegmentedLabel } from "../segment/labels.js";
export type { EvaluateSettings, EvaluationResult } from "../tasks/evaluate/evaluate.js";
export type { AttributionMap, Explainer, Explanation } from "../tasks/explain.js";
export type { ExportOnnxOptions, ExportSafetensorsOptions } from "../tasks/export.js";
export type { FrechetEvent, FrechetResult, FrechetSettings } from "../tasks/frechet/measure.js";
export type { FeatureNetwork, FeatureNetworkOptions } from "../tasks/frechet/network.js";
export { namedPreprocessing } from "../tasks/given-metadata.js";
export type { CheckpointChoice, LoadedModel } from "../tasks/model-host.js";
export { logitsOutput, SELF_CHECK_TOLERANCE } from "../tasks/open-model.js";
export type { PreparedModel } from "../tasks/prepare-model.js";
export type { QuantizationReport, QuantizeSettings } from "../tasks/quantize/quantize.js";
export type { PostprocessingOptions } from "../tasks/segment/clean.js";
export type { SegmentedVolume } from "../tasks/segment/segmented-case.js";
export type { Segmenter, SegmentOptions } from "../tasks/segment/segmenter.js";
export type { RunEvent, RunStartEvent } from "../tasks/training/run-events.js";
export { type BatchSourceOptions, createBatchSource } from "./batch-source.js";
export { BUNDLED_MODELS, type BundledModel, findBundledModel, prepareBundledModel } from "./bundled-models.js";
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from "./datasets/index.js";
export { openSampleReader, type SampleReader } from "./datasets/sample-reader.js";
export { openVolumeDataset, readCase, type VolumeCase, type VolumeDataset } from "./datasets/volume-dataset.js";
export { type DecodeOptions, decodeImage } from "./decode-image.js";
export { listDicomSeries } from "./dicom/read.js";
export type { DicomSeries } from "./dicom/series.js";
export { type CompareNetworksOptions, compareNetworks, type OpenTensorSet, type OpenTensorsOptions, openTensors } from "./diff-operands.js";
export {
  type EvaluatedSegmentation,
  type EvaluateSegmentationOptions,
  evaluateSegmentation,
  type FailedCase,
  type ScoredCase,
} from "./evaluate-segmentation.js";
export { type ExplainerOptions, exportExplanation, openExplainer } from "./explain/explainer.js";
export { exportOnnx, exportSafetensors } from "./export-model.js";
export { exportTimm } from "./export-timm.js";
export { type FileSource, openFileSource } from "./file-source.js";
export { type OpenFrechetNetworkOptions, openFrechetNetwork, openPreparedNetwork } from "./frechet/feature-network.js";
export { type MeasureFrechetOptions, measureFrechet, saveFrechetStatistics } from "./frechet/measure-files.js";
export { readStatisticsFile, saveStatisticsFile } from "./frechet/statistics-file.js";
export { type Inspection, inspectFile } from "./inspect-file.js";
export { listImages } from "./list-images.js";
export { type LoadModelOptions, loadModel, resolveModel } from "./load-model.js";
export { openRun, type Run, type RunConfig, readRunCheckpoint, readRunMetrics } from "./open-run.js";
export { type OpenWeights, openWeights } from "./open-weights.js";
export { createNodeSession, type IsolationOptions, type NodeSessionOptions } from "./ort-session.js";
export { createNodeTrainer, type NodeTrainerOptions } from "./ort-trainer.js";
export { type PrepareOptions, prepareModel } from "./prepare-model.js";
export { knownWeights } from "./published-weights.js";
export { type QuantizeModelOptions, quantizeModel } from "./quantize/quantize-files.js";
export { listVolumes } from "./segment/list-volumes.js";
export { type SegmentedFile, type SegmentFilesOptions, segmentFiles } from "./segment/segment-files.js";
export { type OpenSegmenterOptions, openSegmenter } from "./segment/segmenter.js";
export { sha256Hex, sha256OfFile } from "./sha256.js";
export { type CrossValidation, crossValidate } from "./training/cross-validation.js";
export { type EvaluateOptions, evaluateModel } from "./training/evaluate-model.js";
export { type ExportedStep, exportTrainingStep } from "./training/export-step.js";
export { type ProgressReport, type ProgressReportOptions, progressReport } from "./training/progress-report.js";
export { isRunFolder, type PrepareRunOptions, prepareRun } from "./training/run-weights.js";
export { resumeTraining, type TrainModelOptions, trainModel } from "./training/train-model.js";
export {
  resumeSegmentation,
  type SegmentedRun,
  type TrainSegmentationOptions,
  trainSegmentation,
} from "./training/train-segmentation.js";
export {
  type PlannedSetting,
  planModelTraining,
  planSegmentationTraining,
  type SettingOrigin,
  type TrainingPlan,
} from "./training/training-plan.js";
export type { TrainedRun } from "./training/training-run.js";
export { type SegmentationValidation, type ValidateSegmentationOptions, validateSegmentation } from "./training/validate-segmentation.js";
export {
  type LoadedVolume,
  type ReadVolumeOptions,
  readVolume,
  readVolumes,
  type SeriesOption,
  summarizeVolume,
  type VolumeSummary,
  writeVolume,
} from "./volumes.js";
export { type DownloadProgress, type ResolvedSource, resolveSource, type SourceOptions } from "./weight-source.js";
export { writeFileAtomic } from "./write-file.js";
