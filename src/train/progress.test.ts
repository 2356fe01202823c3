import { expect, test } from "vitest";
import {
  formatDuration,
  formatEpoch,
  formatLoss,
  formatPercent,
  formatProgress,
  formatRate,
  NOTHING_SMOOTHED,
  secondsLeft,
  smooth,
  smoothedValue,
} from "./progress.js";

const numbers = {
  epoch: 3,
  epochs: 10,
  batch: 40,
  batches: 157,
  loss: 1.23456,
  top1: 0.5671,
  learningRate: 0.0045,
  speed: 123.4,
  unit: "img",
  secondsLeft: 154.2,
} as const;

test("a progress line", () => {
  expect(formatProgress(numbers)).toBe("epoch  3/10  batch  40/157  loss 1.2346  top-1  56.7%  lr 0.00450  123 img/s  ETA 0:02:34");
  expect(formatProgress({ ...numbers, top1: null, secondsLeft: null, speed: 1.26, unit: "patches", loss: Number.NaN })).toBe(
    "epoch  3/10  batch  40/157  loss NaN  lr 0.00450  1.3 patches/s",
  );
});

test("keeps its width", () => {
  const width = formatProgress(numbers).length;
  expect(formatProgress({ ...numbers, epoch: 10, batch: 7, top1: 1, loss: 0.1, secondsLeft: 3599 })).toHaveLength(width);
});

test("an epoch line", () => {
  const row = { epoch: 9, step: 90, learningRate: 1, trainLoss: 0.5, trainTop1: 0.81, loss: 0.7, top1: 0.75, top5: 1 };
  const line = "epoch  9/10  train: loss 0.5000  top-1 81.0%  |  val: loss 0.7000  top-1 75.0%  top-5 100.0%  |  0:01:01";
  expect(formatEpoch(row, 10, 61, false)).toBe(line);
  expect(formatEpoch(row, 10, 61, true)).toBe(`${line}  * best`);
  const unvalidated = { ...row, trainTop1: null, loss: null, top1: null, top5: null };
  expect(formatEpoch(unvalidated, 10, 3661, false)).toBe("epoch  9/10  train: loss 0.5000  |  1:01:01");
  expect(formatEpoch({ ...unvalidated, loss: 0.2134, dice: [0.4961, 0.5504] }, 10, 50, false)).toBe(
    "epoch  9/10  train: loss 0.5000  |  val: loss 0.2134  Dice 0.5232 (0.4961, 0.5504)  |  0:00:50",
  );
});

test("numbers for people", () => {
  expect([0, 59.4, 59.5, 3600, 360_000, Number.NaN, -1, Infinity].map(formatDuration)).toEqual([
    "0:00:00",
    "0:00:59",
    "0:01:00",
    "1:00:00",
    "100:00:00",
    "?",
    "?",
    "?",
  ]);
  expect([0, 0.95349, 1, Number.NaN].map(formatPercent)).toEqual(["0.0%", "95.3%", "100.0%", "?"]);
  expect([0.00004, 12_345, -Infinity].map(formatLoss)).toEqual(["0.0000", "1.23e+4", "-Infinity"]);
  expect([0, 0.1, 0.0045, 0.0000045].map(formatRate)).toEqual(["0", "0.100", "0.00450", "4.50e-6"]);
});

test("time left at the speed so far", () => {
  expect(secondsLeft(25, 100, 50)).toBe(150);
  expect(secondsLeft(100, 100, 50)).toBe(0);
  expect(secondsLeft(0, 100, 0)).toBe(null);
  expect(secondsLeft(0, 100, 5)).toBe(null);
});

test("smoothing is unbiased from the first value on and leaves out what is not finite", () => {
  const of = (...values: readonly number[]): number =>
    smoothedValue(values.reduce((past, value) => smooth(past, value, 0.5), NOTHING_SMOOTHED));
  expect(of()).toBe(Number.NaN);
  expect(of(3)).toBe(3);
  // (3 · 0.5 + 6) / (0.5 + 1)
  expect(of(3, 6)).toBe(5);
  expect(of(3, Number.NaN, 6)).toBe(5);
});
