/** Calibrating a network at the end of its training, from the logits of its last evaluation. */
import { type MeasuredCalibration, measureCalibration } from "../../confidence/measure.js";
import { imageQualities } from "../../confidence/quality.js";
import { InceptionError, messageOf } from "../../errors.js";
import { formatCount } from "../../text.js";
import type { MeasuredEvaluation } from "../../train/classification.js";
import type { TrainingSettings } from "../../train/settings.js";
import { type FittedTemperature, fitCalibration } from "./fit.js";

/** Below that the temperature of a run says more about the choice of its validation images than about the network. */
const MIN_IMAGES = 50;

/** What the validation images of a run determined: a temperature, or why there is none. */
export type RunCalibration = FittedTemperature | NotCalibrated;

interface NotCalibrated {
  readonly skipped: string;
  /** Measures of the probabilities as they are; null where nothing can be measured. */
  readonly before: MeasuredCalibration | null;
}

/**
 * Fits a temperature on the validation images.
 *
 * @param evaluation - of the epoch whose parameters are kept; null where there are no validation images
 * @param data - name of the images
 */
export function calibrateRun(
  evaluation: MeasuredEvaluation | null,
  data: string,
  { calibration, seed }: Pick<TrainingSettings, "calibration" | "seed">,
): RunCalibration {
  if (evaluation === null) return { skipped: "no validation images were measured", before: null };
  const { images, measured, top1 } = evaluation;
  if (measured === null) return { skipped: `the ${formatCount(images)} validation images have too many logits to keep`, before: null };
  try {
    const refused = refusal(images, top1, calibration);
    if (refused === null) return fitCalibration(measured, data, seed);
    return { skipped: refused, before: measureCalibration(imageQualities(measured), seed) };
  } catch (thrown) {
    // Training is not lost because its validation images cannot be calibrated on.
    if (thrown instanceof InceptionError) return { skipped: messageOf(thrown).replace(/^Cannot [^:]+: /, ""), before: null };
    throw thrown;
  }
}

function refusal(images: number, top1: number, calibration: TrainingSettings["calibration"]): string | null {
  if (calibration === "none") return "`calibration` is none";
  if (images < MIN_IMAGES) return `there are ${formatCount(images)} validation images, expected at least ${MIN_IMAGES}`;
  if (top1 === 1) return `all ${formatCount(images)} validation images are classified correctly, which determines no temperature`;
  return null;
}
