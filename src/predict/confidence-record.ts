import { LOGIT_SCORES, type LogitScore, logitScore } from "../confidence/logit-scores.js";
import { TEMPERATURE_RANGE } from "../confidence/temperature.js";
import { isRecord } from "../data/is-record.js";

/** Measures of a classifier's probabilities: means over images, see docs/calibration.md. */
export interface CalibrationQuality {
  /** Negative log-likelihood, in nats. */
  readonly nll: number;
  /** Brier score, in [0, 2]. */
  readonly brier: number;
  /** Expected calibration error with 15 bins of equal width, in [0, 1]. */
  readonly ece: number;
}

/** How a file's probabilities are calibrated: softmax(logits / temperature). */
export interface CalibrationRecord {
  /** In [0.01, 100]. */
  readonly temperature: number;
  /** Name of the images that it was fitted on, and their number. */
  readonly data: string;
  readonly images: number;
  /** At temperature 1, and cross-fitted. */
  readonly before: CalibrationQuality;
  readonly after: CalibrationQuality;
}

/** From which score on an image belongs to one of the classes. */
export interface UnknownRecord {
  readonly score: LogitScore;
  /** Images with a smaller score are unknown. */
  readonly threshold: number;
  /** Fraction of the images of known classes that the threshold rejects, in (0, 1). */
  readonly falseRejection: number;
  /** Name of the images that the threshold was chosen on, and their number. */
  readonly data: string;
  readonly images: number;
}

/** Whether an image belongs to none of the classes. */
export interface UnknownDecision {
  readonly isUnknown: boolean;
  readonly score: number;
  /** Smaller scores are unknown. */
  readonly threshold: number;
  /** Which score it is. */
  readonly method: LogitScore;
}

/** The record, or null where an untrusted value is none. */
export function parseCalibrationRecord(value: unknown): CalibrationRecord | null {
  if (!isRecord(value)) return null;
  const { temperature, before, after } = value;
  const source = parseSource(value);
  const [first, second] = [parseQuality(before), parseQuality(after)];
  if (!isIn(temperature, TEMPERATURE_RANGE.low, TEMPERATURE_RANGE.high) || source === null || first === null || second === null)
    return null;
  return { temperature, ...source, before: first, after: second };
}

/** The record, or null where an untrusted value is none. */
export function parseUnknownRecord(value: unknown): UnknownRecord | null {
  if (!isRecord(value)) return null;
  const { threshold, falseRejection } = value;
  const score = LOGIT_SCORES.find((each) => each === value.score);
  const source = parseSource(value);
  if (score === undefined || source === null || !isIn(threshold, -LARGEST, LARGEST) || !isIn(falseRejection, 0, 1)) return null;
  return { score, threshold, falseRejection, ...source };
}

const LARGEST = Number.MAX_VALUE;

function parseSource({ data, images }: Readonly<Record<string, unknown>>): Pick<CalibrationRecord, "data" | "images"> | null {
  return typeof data === "string" && isIn(images, 1, Number.MAX_SAFE_INTEGER) && Number.isInteger(images) ? { data, images } : null;
}

function parseQuality(value: unknown): CalibrationQuality | null {
  if (!isRecord(value)) return null;
  const { nll, brier, ece } = value;
  return isIn(nll, 0, LARGEST) && isIn(brier, 0, 2) && isIn(ece, 0, 1) ? { nll, brier, ece } : null;
}

function isIn(value: unknown, low: number, high: number): value is number {
  return typeof value === "number" && value >= low && value <= high;
}

/** Logits whose softmax is calibrated. */
export function calibratedLogits<T extends ArrayLike<number>>(logits: T, calibration: CalibrationRecord | undefined): T | Float64Array {
  return calibration === undefined ? logits : Float64Array.from(logits, (value) => value / calibration.temperature);
}

/** Whether the logits, as the network computes them, are those of an unknown image. */
export function decideUnknown(logits: ArrayLike<number>, { score: method, threshold }: UnknownRecord): UnknownDecision {
  const score = logitScore(method, logits);
  return { isUnknown: score < threshold, score, threshold, method };
}
