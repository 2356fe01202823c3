import { isList, type JsonRecord, jsonNumber } from "./json.js";

/** Position of a run. All counts are of finished work. */
export interface Position {
  /** Whole epochs. */
  readonly epoch: number;
  /** Batches of the epoch that is under way. */
  readonly batch: number;
  /** Optimizer steps since the beginning. */
  readonly step: number;
}

/** A step that was logged. */
export interface StepPoint {
  /** Optimizer steps since the beginning. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
}

/** Results of one epoch. Losses are means per image; accuracies are fractions in [0, 1]. */
export interface EpochRow {
  /** From 1. */
  readonly epoch: number;
  /** Optimizer steps since the beginning, at the end of the epoch. */
  readonly step: number;
  /** Of the epoch's last step. */
  readonly learningRate: number;
  /** Mean of what was minimized, while the weights were changing: label smoothing, mixing and auxiliary losses included. */
  readonly trainLoss: number;
  /** On the augmented images, while the weights were changing; null where images are mixed and have no single class. */
  readonly trainTop1: number | null;
  /** Of the validation images after the epoch; null where none were measured. */
  readonly loss: number | null;
  readonly top1: number | null;
  readonly top5: number | null;
  /** Of volumes: mean Dice of each class but the background, in [0, 1]. */
  readonly dice?: readonly number[];
}

/** Selection metric of a run. */
export type Metric = "dice" | "loss" | "top1" | "top5" | "trainLoss" | "trainTop1";

/** Metrics that can select the best epoch. */
export const METRICS: Readonly<Record<Metric, { readonly name: string; readonly higherIsBetter: boolean }>> = {
  dice: { name: "mean Dice", higherIsBetter: true },
  loss: { name: "validation loss", higherIsBetter: false },
  top1: { name: "top-1", higherIsBetter: true },
  top5: { name: "top-5", higherIsBetter: true },
  trainLoss: { name: "training loss", higherIsBetter: false },
  trainTop1: { name: "training top-1", higherIsBetter: true },
};

/** Returns the value of a metric for an epoch, for Dice the mean over the classes; null if it was not evaluated. */
export function metricValue({ dice, ...row }: EpochRow, metric: Metric): number | null {
  if (metric !== "dice") return row[metric];
  return dice === undefined || dice.length === 0 ? null : dice.reduce((sum, value) => sum + value, 0) / dice.length;
}

/** Whether `value` beats `than` by more than `minDelta`. No value and NaN beat nothing and are beaten by every number. */
export function isBetter(metric: Metric, value: number | null, than: number | null, minDelta = 0): boolean {
  if (value === null || Number.isNaN(value)) return false;
  if (than === null || Number.isNaN(than)) return true;
  return METRICS[metric].higherIsBetter ? value > than + minDelta : value < than - minDelta;
}

/** The best epoch, the earliest of equals; null where no epoch has a value. */
export function bestEpoch(history: readonly EpochRow[], metric: Metric): EpochRow | null {
  let best: EpochRow | null = null;
  for (const row of history) if (isBetter(metric, metricValue(row, metric), best && metricValue(best, metric))) best = row;
  return best;
}

/**
 * The epochs whose checkpoints are kept: the `count` best, earlier ones first among equals. Where an epoch has no value
 * the later one counts as better, so that a run without validation images keeps its last checkpoints.
 *
 * @returns epoch numbers, ascending
 */
export function epochsToKeep(history: readonly EpochRow[], metric: Metric, count: number): readonly number[] {
  const hasValue = (row: EpochRow): boolean => isBetter(metric, metricValue(row, metric), null);
  const ranked = history.toSorted((a, b) => {
    const [first, second] = [metricValue(a, metric), metricValue(b, metric)];
    if (isBetter(metric, first, second)) return -1;
    if (isBetter(metric, second, first)) return 1;
    return hasValue(a) ? a.epoch - b.epoch : b.epoch - a.epoch;
  });
  return ranked
    .slice(0, Math.max(0, count))
    .map(({ epoch }) => epoch)
    .toSorted((a, b) => a - b);
}

/** An epoch as JSON, the inverse of `readEpochRow`. */
export function epochRowJson(row: EpochRow): JsonRecord {
  return { ...row };
}

/** An epoch out of JSON, or the name of the first field that is missing or of another type. */
export function readEpochRow(json: JsonRecord): EpochRow | keyof EpochRow {
  const number = (key: keyof EpochRow): number | null => (Object.hasOwn(json, key) ? jsonNumber(json[key]) : null);
  const optional = (key: keyof EpochRow): number | null | undefined =>
    Object.hasOwn(json, key) && json[key] === null ? null : (number(key) ?? undefined);
  const epoch = number("epoch");
  if (epoch === null || !Number.isSafeInteger(epoch) || epoch < 1) return "epoch";
  const step = number("step");
  if (step === null || !Number.isSafeInteger(step) || step < 0) return "step";
  const learningRate = number("learningRate");
  if (learningRate === null) return "learningRate";
  const trainLoss = number("trainLoss");
  if (trainLoss === null) return "trainLoss";
  const trainTop1 = optional("trainTop1");
  if (trainTop1 === undefined) return "trainTop1";
  const loss = optional("loss");
  if (loss === undefined) return "loss";
  const top1 = optional("top1");
  if (top1 === undefined) return "top1";
  const top5 = optional("top5");
  if (top5 === undefined) return "top5";
  const row = { epoch, step, learningRate, trainLoss, trainTop1, loss, top1, top5 };
  if (!Object.hasOwn(json, "dice")) return row;
  const dice = isList(json.dice) ? json.dice.map(jsonNumber) : [null];
  const numbers = dice.filter((value) => value !== null);
  return numbers.length === dice.length ? { ...row, dice: numbers } : "dice";
}
