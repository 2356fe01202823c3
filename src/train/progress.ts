import { type EpochRow, metricValue } from "./history.js";

/** A mean that forgets: each value counts `momentum` times as much as the one after it. */
interface Smoothed {
  readonly sum: number;
  readonly weight: number;
}

export const NOTHING_SMOOTHED: Smoothed = { sum: 0, weight: 0 };

/**
 * Take in a value. A value that is not finite is left out: one bad step must not hide all that follow.
 *
 * @param momentum - in [0, 1); 0.9 remembers about ten values
 */
export function smooth(past: Smoothed, value: number, momentum = 0.9): Smoothed {
  if (!Number.isFinite(value)) return past;
  return { sum: past.sum * momentum + value, weight: past.weight * momentum + 1 };
}

/** The mean so far, unbiased from the first value on; NaN before it. */
export function smoothedValue({ sum, weight }: Smoothed): number {
  return sum / weight;
}

/** Values of a progress line. Times are passed in; no clock is read. */
export interface ProgressNumbers {
  /** The epoch under way, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches of this epoch that are done. */
  readonly batch: number;
  readonly batches: number;
  /** Smoothed. */
  readonly loss: number;
  /** In [0, 1]; null if images have no single class. */
  readonly top1: number | null;
  readonly learningRate: number;
  /** Images per second, or patches. */
  readonly speed: number;
  readonly unit: "img" | "patches";
  /** Until the run ends; null where it is not known yet. */
  readonly secondsLeft: number | null;
}

/**
 * One line that keeps its width while the numbers change:
 * `epoch  3/10  batch  40/157  loss 1.2346  top-1  56.7%  lr 0.00450  123 img/s  ETA 0:02:34`.
 */
export function formatProgress(numbers: ProgressNumbers): string {
  return [
    `epoch ${ratio(numbers.epoch, numbers.epochs)}`,
    `batch ${ratio(numbers.batch, numbers.batches)}`,
    `loss ${formatLoss(numbers.loss)}`,
    ...(numbers.top1 === null ? [] : [`top-1 ${formatPercent(numbers.top1).padStart(6)}`]),
    `lr ${formatRate(numbers.learningRate)}`,
    `${formatSpeed(numbers.speed)} ${numbers.unit}/s`,
    ...(numbers.secondsLeft === null ? [] : [`ETA ${formatDuration(numbers.secondsLeft)}`]),
  ].join("  ");
}

/**
 * The line that stays when an epoch is over:
 * `epoch  3/10  train: loss 0.6750  top-1 89.2%  |  val: loss 0.4170  top-1 87.0%  top-5 99.5%  |  0:00:34  * best`.
 *
 * @param isBest - whether it is the best epoch so far, by the selection metric
 */
export function formatEpoch(row: EpochRow, epochs: number, seconds: number, isBest: boolean): string {
  const percent = (name: string, value: number | null) => (value === null ? [] : [`${name} ${formatPercent(value)}`]);
  const training = [`train: loss ${formatLoss(row.trainLoss)}`, ...percent("top-1", row.trainTop1)];
  const dice = formatDice(row);
  const validation = [
    ...(row.loss === null ? [] : [`loss ${formatLoss(row.loss)}`]),
    ...percent("top-1", row.top1),
    ...percent("top-5", row.top5),
    ...(dice === null ? [] : [`Dice ${dice}`]),
  ];
  const sets = [
    `epoch ${ratio(row.epoch, epochs)}  ${training.join("  ")}`,
    ...(validation.length === 0 ? [] : [`val: ${validation.join("  ")}`]),
    formatDuration(seconds),
  ];
  return `${sets.join("  |  ")}${isBest ? "  * best" : ""}`;
}

/** The mean Dice of an epoch with that of each class: "0.5233 (0.4961, 0.5504)"; null where none was evaluated. */
export function formatDice(row: EpochRow): string | null {
  const mean = metricValue(row, "dice");
  if (mean === null || row.dice === undefined) return null;
  return `${mean.toFixed(4)} (${row.dice.map((value) => value.toFixed(4)).join(", ")})`;
}

/** Seconds that the rest takes at the speed so far; null before there is a speed. */
export function secondsLeft(done: number, total: number, seconds: number): number | null {
  const left = (seconds / done) * Math.max(0, total - done);
  return done > 0 && Number.isFinite(left) ? left : null;
}

/** 0:02:34, hours without limit; "?" for what is no time. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "?";
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** 0.9534 → "95.3%". */
export function formatPercent(fraction: number): string {
  return Number.isFinite(fraction) ? `${(fraction * 100).toFixed(1)}%` : "?";
}

/** Formats a loss with four decimals, or in scientific notation if it is very small or large. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  return Math.abs(loss) >= 1000 ? loss.toExponential(2) : loss.toFixed(4);
}

/** Three significant digits: 0.00450, 4.50e-6. */
export function formatRate(rate: number): string {
  if (rate === 0 || !Number.isFinite(rate)) return String(rate);
  return Math.abs(rate) < 1e-4 ? rate.toExponential(2) : rate.toPrecision(3);
}

function formatSpeed(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return "?";
  return perSecond >= 10 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

function ratio(done: number, total: number): string {
  return `${String(done).padStart(String(total).length)}/${total}`;
}
