/** Fitting a temperature and a threshold for unknown images on held-out images. */
import { rejectionThreshold } from "../../confidence/detection.js";
import type { LabeledLogits } from "../../confidence/labeled-logits.js";
import { LOGIT_SCORES, type LogitScore, logitScore } from "../../confidence/logit-scores.js";
import type { MeasuredCalibration } from "../../confidence/measure.js";
import type { DatasetSource, SkippedSample } from "../../data/index.js";
import { requireSingleLabels } from "../../data/label-sets.js";
import { InceptionError } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import type { UnknownRecord } from "../../predict/confidence-record.js";
import type { ModelMetadata } from "../../predict/model-metadata.js";
import { callOf, openUntilAborted, throwIfAborted, untilAborted } from "../../runtime/abort.js";
import type { SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import { choosePart, classNames, openForClasses } from "../evaluate/labels.js";
import { type LabeledRun, runLabeled } from "../evaluate/run-labeled.js";
import { encodeOnnx } from "../export.js";
import type { LabeledImages } from "../labeled-images.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import { type ModelSource, modelName } from "../model-source.js";
import { openPrepared, resolveModel } from "../open-described.js";
import { knownPreprocessing } from "../open-model.js";
import type { OpenOptions } from "../open-options.js";
import { downloadProgress, type OnProgress } from "../progress.js";
import { fitCalibration } from "./fit.js";

/** Options of `calibrate`. */
export interface CalibrateOptions extends Omit<OpenOptions, "onProgress"> {
  /** Part of the data. Default: its validation images, or all images if it is not split. */
  readonly split?: "train" | "val";
  /** Images that run together, from 1 to 1,024. Default: 16. */
  readonly batchSize?: number;
  /** Also choose a threshold below which an image is unknown, of this score. Default: none. */
  readonly unknown?: LogitScore;
  /** Fraction of images of known classes that the threshold may reject, in (0, 1). Default: 0.05. */
  readonly falseRejection?: number;
  /** Random seed of folds and resamples. Default: 0. */
  readonly seed?: number;
  /** Called during downloads and after each batch of images. */
  readonly onProgress?: OnProgress<"calibrate">;
}

/** What `calibrate` fitted and measured. */
export interface CalibrationReport {
  /** Name of the images, and the number of those that were used. */
  readonly data: string;
  readonly images: number;
  readonly skipped: readonly SkippedSample[];
  /** Fraction of correct predictions, which a temperature does not change. */
  readonly accuracy: number;
  readonly temperature: number;
  readonly before: MeasuredCalibration;
  /** Cross-fitted: each image is measured with a temperature that was fitted without it. */
  readonly after: MeasuredCalibration;
  /** Null where no threshold was asked for. */
  readonly unknown: UnknownRecord | null;
  /** What makes the measures less certain than they look, one sentence each. */
  readonly warnings: readonly string[];
}

/** A calibrated model. */
export interface CalibratedOnnx {
  /** The ONNX file, with the calibration in its metadata. */
  readonly onnx: Uint8Array;
  readonly report: CalibrationReport;
}

/**
 * Fits a temperature on labeled images, and exports the model with it.
 *
 * @param open - how the model is found
 * @throws InceptionError as `resolveModel`, `openForClasses`, `fitTemperature`, `crossFit` and `rejectionThreshold`
 */
export async function calibrateSource<F extends SourceOptions, P extends SessionOptions>(
  models: ModelHost<F, P>,
  source: ModelSource,
  data: LabeledImages,
  open: OpenModelOptions & F & P,
  options: CalibrateOptions,
): Promise<CalibratedOnnx> {
  const { signal, onProgress } = options;
  const { seed = 0, falseRejection = 0.05 } = options;
  throwIfAborted(signal);
  checkUnknown(options);
  const sources = { ...open, ...downloadProgress(onProgress) };
  const prepared = await untilAborted(signal, resolveModel(models, source, sources));
  const loaded = await openUntilAborted(signal, () => openPrepared(models.platform, prepared, { ...sources, outputs: ["logits"] }));
  const preprocessing = knownPreprocessing(loaded, modelName(source));
  const computed = await labeledLogits(models, { loaded, preprocessing, data }, options).finally(() => loaded.close());
  const { dataset, skipped, ...rows } = computed;
  const { calibration, ...measured } = fitCalibration(rows, dataset.name, seed);
  const unknown = options.unknown === undefined ? null : thresholdOf(rows, dataset.name, options.unknown, falseRejection);
  const metadata: ModelMetadata = { ...prepared.metadata, calibration, ...(unknown && { unknown }) };
  const { chunks } = await untilAborted(signal, encodeOnnx(models.platform, { ...prepared, metadata }));
  const { images, temperature } = calibration;
  const report = { data: dataset.name, images, temperature, ...measured, skipped, unknown };
  return { onnx: concatChunks(chunks), report };
}

function checkUnknown({ unknown, falseRejection }: CalibrateOptions): void {
  if (unknown !== undefined && !LOGIT_SCORES.includes(unknown)) {
    throw new InceptionError("OPTION_INVALID", `Cannot calibrate with unknown ${String(unknown)}: expected ${LOGIT_SCORES.join(", ")}`, {
      unknown,
    });
  }
  if (falseRejection !== undefined && unknown === undefined) {
    throw new InceptionError("OPTION_INVALID", "Cannot calibrate with falseRejection alone: pass `unknown` with the score to use", {});
  }
}

/** Logits of all images that can be read. */
async function labeledLogits<F extends SourceOptions, P extends SessionOptions>(
  { platform }: ModelHost<F, P>,
  { loaded, preprocessing, data }: Pick<LabeledRun, "loaded" | "preprocessing"> & { readonly data: LabeledImages },
  { split, batchSize, onProgress, ...options }: CalibrateOptions,
): Promise<LabeledLogits & { readonly dataset: DatasetSource; readonly skipped: readonly SkippedSample[] }> {
  const named = (classes: readonly string[]) => data.open({ valFraction: 0, seed: 0, classes });
  const dataset = choosePart(await openForClasses(named, classNames(loaded)), split);
  requireSingleLabels(dataset, "calibrate on");
  const openBatches: typeof platform.openBatches = (part, reading) => platform.openBatches(part, reading);
  const found: { readonly row: Float32Array; readonly label: number }[] = [];
  const skipped: SkippedSample[] = [];
  const settings = { ...(batchSize === undefined ? {} : { batchSize }), ...callOf(options) };
  const run = { loaded, preprocessing, dataset, output: "logits", options: settings, openBatches };
  await untilAborted(
    options.signal,
    runLabeled(run, async ({ rows, labels, skipped: bad, done }) => {
      for (const [index, row] of rows.entries()) found.push({ row, label: labels[index] ?? -1 });
      skipped.push(...bad);
      onProgress?.({ phase: "calibrate", done, total: dataset.size });
    }),
  );
  return { dataset, skipped, logits: found.map(({ row }) => row), labels: found.map(({ label }) => label) };
}

function thresholdOf({ logits }: LabeledLogits, data: string, score: LogitScore, falseRejection: number): UnknownRecord {
  const scores = logits.map((row) => logitScore(score, row));
  return { score, threshold: rejectionThreshold(scores, falseRejection), falseRejection, data, images: logits.length };
}
