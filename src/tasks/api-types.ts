/** The types that the task layer speaks, the same on both platforms. */

export type { Image } from "../data/image.js";
export type { Preprocessing } from "../data/transforms/preprocess.js";
export type { Volume } from "../data/volumes/volume.js";
export type { ErrorCode } from "../errors.js";
export type { ExplanationName } from "../explain/methods.js";
export type { Prediction } from "../predict/predict.js";
export type { FileInput, ImageInput, VolumeInput } from "../runtime/platform.js";
export type { Device } from "../runtime/session.js";
export type { Classifier, ClassifyOptions, Embedder, EmbedOptions, ExplainImageOptions, OpenedModel } from "./classifier.js";
export type { EvaluationResult } from "./evaluate/evaluate.js";
export type { EvaluateImagesOptions } from "./evaluate/evaluate-source.js";
export type { AttributionMap, Explanation } from "./explain.js";
export type { ExportOnnxOptions } from "./export.js";
export type { FrechetDistanceOptions, FrechetDistances, ImageSetInput } from "./frechet/frechet-distance.js";
export type { ChosenFiles, LabeledImage, LabeledImages, LabeledImagesOptions } from "./labeled-images.js";
export type { ModelSource } from "./model-source.js";
export type { Network, NetworkBuilder } from "./network.js";
export type { OpenOptions } from "./open-options.js";
export type { PreparedImage } from "./prepared-image.js";
export type { TaskProgress } from "./progress.js";
export type { CalibrationSample, QuantizationOptions, QuantizedOnnx } from "./quantize/quantize-source.js";
export type { SegmentedVolume } from "./segment/segmented-case.js";
export type { Segmenter, SegmentOptions } from "./segment/segmenter.js";
export type { RunEvent } from "./training/run-events.js";
export type { TrainedNetwork } from "./training/train.js";
export type { FineTuneOptions, TrainOptions } from "./training/train-options.js";
export type { TrainedModel } from "./training/trained-model.js";
