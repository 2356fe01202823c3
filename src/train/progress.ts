import type { EpochRow } from "./history.js";

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
  readonly imagesPerSecond: number;
  /** Until the run ends; null where it is not known yet. */
  readonly secondsLeft: number | null;
}

/**
 * One line that keeps its width while the numbers change:
 * `epoch  3/10  batch  40/157  loss 1.2346  top-1  56.7 %  lr 0.00450  123 img/s  0:02:34 left`.
 */
export function formatProgress(numbers: ProgressNumbers): string {
  return [
    `epoch ${ratio(numbers.epoch, numbers.epochs)}`,
    `batch ${ratio(numbers.batch, numbers.batches)}`,
    `loss ${formatLoss(numbers.loss)}`,
    ...(numbers.top1 === null ? [] : [`top-1 ${formatPercent(numbers.top1).padStart(7)}`]),
    `lr ${formatRate(numbers.learningRate)}`,
    `${formatSpeed(numbers.imagesPerSecond)} img/s`,
    ...(numbers.secondsLeft === null ? [] : [`${formatDuration(numbers.secondsLeft)} left`]),
  ].join("  ");
}

/** The line that stays when an epoch is over. */
export function formatEpoch(row: EpochRow, epochs: number, seconds: number): string {
  return [
    `epoch ${ratio(row.epoch, epochs)}`,
    `train loss ${formatLoss(row.trainLoss)}`,
    ...(row.trainTop1 === null ? [] : [`train top-1 ${formatPercent(row.trainTop1).padStart(7)}`]),
    ...(row.loss === null ? [] : [`loss ${formatLoss(row.loss)}`]),
    ...(row.top1 === null ? [] : [`top-1 ${formatPercent(row.top1).padStart(7)}`]),
    ...(row.top5 === null ? [] : [`top-5 ${formatPercent(row.top5).padStart(7)}`]),
    ...(row.dice === undefined ? [] : [`Dice ${row.dice.map((value) => value.toFixed(4)).join(" ")}`]),
    formatDuration(seconds),
  ].join("  ");
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

/** 0.9534 → "95.3 %". */
export function formatPercent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "?";
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

function formatSpeed(imagesPerSecond: number): string {
  if (!Number.isFinite(imagesPerSecond)) return "?";
  return imagesPerSecond >= 10 ? String(Math.round(imagesPerSecond)) : imagesPerSecond.toFixed(1);
}

function ratio(done: number, total: number): string {
  return `${String(done).padStart(String(total).length)}/${total}`;
}
