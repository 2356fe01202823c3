import { InceptionError } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { quoted } from "../../formats/quoted.js";
import { callOf, untilAborted } from "../../runtime/abort.js";
import type { ImageInput, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import type { ModelSource } from "../model-source.js";
import { resolveModel } from "../open-described.js";
import type { OpenOptions } from "../open-options.js";
import { downloadProgress, type OnProgress } from "../progress.js";
import type { CaseThread } from "../segment/case-task.js";
import { type QuantizationReport, type QuantizeSettings, type QuantizeSite, quantizePrepared } from "./quantize.js";
import type { SampleInput } from "./sources.js";
import { evenly, HELD_OUT, heldOut } from "./split.js";

/** An image with the name or the index of its class. */
interface LabeledSample {
  readonly image: ImageInput;
  readonly label: string | number;
}

/** An image, with its class where it is known; or a volume. */
export type CalibrationSample = SampleInput | LabeledSample;

/** Options of a session have no effect: both models run on the CPU. */
type OpenedWith = Omit<OpenOptions, "device" | "selfCheck" | "limits" | "isolate" | "timeLimit" | "memoryLimit" | "onProgress">;

/** How `quantize` calibrates and what it accepts. Thresholds: `minAgreement` and `minSpeedup`. */
export interface QuantizationOptions extends OpenedWith, Omit<QuantizeSettings, "onProgress"> {
  /** Other samples to compare the models on. Default: every fifth of the samples is held out for it. */
  readonly evaluate?: readonly CalibrationSample[];
  /** Called after each image, volume or timed run. */
  readonly onProgress?: OnProgress<"calibrate" | "evaluate" | "time">;
}

/** An int8 model, and how it compares with the float32 model. */
export interface QuantizedOnnx {
  /** The ONNX file. */
  readonly onnx: Uint8Array;
  readonly report: QuantizationReport;
}

/** Models that can be quantized, and what that needs besides. */
interface QuantizeHost<F extends SourceOptions, P extends SessionOptions> {
  readonly models: ModelHost<F, P>;
  readonly inThread: CaseThread;
  /** The time in milliseconds. */
  readonly clock: () => number;
}

/**
 * Quantizes a model to int8; see `quantizePrepared`.
 *
 * @param open - how the model is found
 * @throws InceptionError DATASET_INVALID for too few samples, or a label that is no class
 */
export async function quantizeSource<F extends SourceOptions, P extends SessionOptions>(
  { models, inThread, clock }: QuantizeHost<F, P>,
  source: ModelSource,
  samples: readonly CalibrationSample[],
  open: OpenModelOptions & F,
  options: QuantizationOptions,
): Promise<QuantizedOnnx> {
  const { evaluate, onProgress, ...settings } = options;
  const sources = { ...open, ...downloadProgress(onProgress) };
  const prepared = await untilAborted(options.signal, resolveModel(models, source, sources));
  const choose: QuantizeSite<F>["choose"] = async (kind, most, { labels }) => {
    const evaluation = evaluate ?? heldOut(samples);
    const calibration = samples.filter((sample) => !evaluation.includes(sample));
    checkSamples(kind, samples.length, calibration.length, evaluation.length);
    return {
      calibration: evenly(calibration, most).map(inputOf),
      evaluation: evaluation.map(inputOf),
      labelOf: (index) => labelOf(evaluation[index], index, labels),
    };
  };
  const part: QuantizeSettings["onProgress"] = (phase, done, total) => onProgress?.({ phase, done, total });
  const site = { platform: models.platform, sources: { ...sources, ...callOf(options) }, inThread, clock, choose };
  const { chunks, report } = await quantizePrepared(site, prepared, { ...settings, onProgress: part });
  return { onnx: concatChunks(chunks), report };
}

function checkSamples(kind: "images" | "volumes", all: number, calibration: number, evaluation: number): void {
  const invalid = (action: string, fact: string, expected: string) =>
    new InceptionError("DATASET_INVALID", `Cannot ${action} ${all} ${kind}: ${fact}, expected ${expected}`, { kind, all });
  if (evaluation === 0) {
    throw invalid(
      "calibrate on",
      "none is left to compare on",
      `at least ${HELD_OUT}, of which one is held out, or \`evaluate\` with others`,
    );
  }
  if (calibration === 0) throw invalid("calibrate on", "none is left that is not in `evaluate`", "others");
}

function isLabeled(sample: CalibrationSample): sample is LabeledSample {
  return typeof sample === "object" && "image" in sample && "label" in sample;
}

function inputOf(sample: CalibrationSample): SampleInput {
  return isLabeled(sample) ? sample.image : sample;
}

function labelOf(sample: CalibrationSample | undefined, index: number, classNames: readonly string[] | null): number | null {
  if (sample === undefined || !isLabeled(sample)) return null;
  const { label } = sample;
  const found = typeof label === "number" ? label : (classNames?.indexOf(label) ?? -1);
  if (Number.isSafeInteger(found) && found >= 0) return found;
  const shown = typeof label === "string" ? quoted(label) : String(label);
  const message = `Cannot compare on image ${index}: its label is ${shown}, expected the name of a class of the model or its index`;
  throw new InceptionError("DATASET_INVALID", message, { index, label });
}
