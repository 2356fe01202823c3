/** The temperature of a model, and what it is worth on images that it was not fitted on. */
import { crossFit, FOLDS } from "../../confidence/cross-fit.js";
import type { LabeledLogits } from "../../confidence/labeled-logits.js";
import { type MeasuredCalibration, measureCalibration } from "../../confidence/measure.js";
import { imageQualities, type Quality } from "../../confidence/quality.js";
import { fitTemperature } from "../../confidence/temperature.js";
import type { CalibrationRecord } from "../../predict/confidence-record.js";

/** A temperature with its measures. */
export interface FittedTemperature {
  /** As a file has it. */
  readonly calibration: CalibrationRecord;
  /** Fraction of correct predictions, which a temperature does not change. */
  readonly accuracy: number;
  readonly before: MeasuredCalibration;
  /** Cross-fitted: each image is measured with a temperature that was fitted without it. */
  readonly after: MeasuredCalibration;
  /** What makes the measures less certain than they look, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Fits a temperature and measures it.
 *
 * @param data - name of the images
 * @param seed - of folds and resamples
 * @throws InceptionError as `fitTemperature` and `crossFit`
 */
export function fitCalibration(rows: LabeledLogits, data: string, seed: number): FittedTemperature {
  const temperature = fitTemperature(rows);
  const plain = imageQualities(rows);
  const { images: crossed, undetermined } = crossFit(rows, seed);
  const images = plain.length;
  const [before, after] = [measureCalibration(plain, seed), measureCalibration(crossed, seed)];
  const warnings =
    undetermined === 0
      ? []
      : [`${undetermined} of ${FOLDS} folds are measured with a bound, because the other images determine no temperature; use more images`];
  return {
    calibration: { temperature, data, images, before: valuesOf(before), after: valuesOf(after) },
    accuracy: plain.filter(({ correct }) => correct).length / images,
    before,
    after,
    warnings,
  };
}

function valuesOf({ nll, brier, ece }: Quality): Quality {
  return { nll, brier, ece };
}
