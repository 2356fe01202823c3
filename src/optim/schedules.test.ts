import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { InceptionError } from "../errors.js";
import { learningRateAt, SCHEDULES, scheduleOf } from "./schedules.js";

interface Golden {
  readonly lr_schedules: readonly { readonly name: string; readonly base_lr: number; readonly lr_at_epoch_0_to_11: readonly number[] }[];
}

const GOLDEN = JSON.parse(readFileSync(goldenPath("ops/optim.json"), "utf8")) as Golden;

/** PyTorch's schedules as ours. Its cosine goes up again after the end. */
const RECORDS: Readonly<Record<string, object>> = {
  "StepLR(step_size=3,gamma=0.5)": { name: "step", every: 3, factor: 0.5 },
  "ExponentialLR(gamma=0.94)": { name: "exponential", every: 1, factor: 0.94 },
  "CosineAnnealingLR(T_max=10,eta_min=0.001)": { name: "cosine", length: 10, finalRate: 0.001, beyond: "rise" },
  "PolynomialLR(total_iters=8,power=0.9)": { name: "polynomial", length: 8, power: 0.9 },
  "LinearLR(start=0.1,end=1,total_iters=5)": { name: "constant", warmUp: 5, warmUpFrom: 0.1 },
};

describe.each(GOLDEN.lr_schedules)("$name", ({ name, base_lr, lr_at_epoch_0_to_11 }) => {
  test.each(["epoch", "fractional_epoch", "step"])("in unit %s", (unit) => {
    const { rate } = scheduleOf({ ...RECORDS[name], learningRate: base_lr, unit });
    // The file has nine digits.
    for (const [epoch, expected] of lr_at_epoch_0_to_11.entries()) expect(rate(epoch)).toBeCloseTo(expected, 10);
  });
});

test("a cosine holds its final rate unless told otherwise", () => {
  const { rate } = scheduleOf({ name: "cosine", learningRate: 1, unit: "step", length: 10, finalRate: 0.25 });
  expect([rate(10), rate(11), rate(1e6)]).toEqual([0.25, 0.25, 0.25]);
});

test("milestones count from the start: facenet's 0.05, 0.005 from epoch 100, 0.0005 from 200", () => {
  const { rate } = scheduleOf({ name: "step", learningRate: 0.05, unit: "epoch", milestones: "100,200" });
  for (const [epoch, expected] of [
    [0, 0.05],
    [99, 0.05],
    [100, 0.005],
    [199, 0.005],
    [200, 0.0005],
  ] as const) {
    expect(rate(epoch)).toBeCloseTo(expected, 12);
  }
});

test("the staircase of the papers falls every two epochs; without it the rate falls with every step", () => {
  const options = { name: "exponential", learningRate: 0.045, factor: 0.94, every: 2 };
  const stairs = scheduleOf({ ...options, unit: "fractional_epoch" });
  expect([0, 1.99, 2, 4].map(stairs.rate)).toEqual([0.045, 0.045, 0.045 * 0.94, 0.045 * 0.94 ** 2]);
  expect(scheduleOf({ ...options, unit: "fractional_epoch", staircase: false }).rate(1)).toBeCloseTo(0.045 * Math.sqrt(0.94), 12);
});

test("a warm-up holds back what the schedule says", () => {
  const { rate } = scheduleOf({ name: "exponential", learningRate: 1, unit: "step", factor: 0.5, every: 4, warmUp: 8, warmUpFrom: 0 });
  expect([0, 2, 4, 8].map(rate)).toEqual([0, 0.25, 0.25, 0.25]);
});

test("units say when the rate changes", () => {
  const at = (unit: string, step: number) =>
    learningRateAt(scheduleOf({ name: "exponential", learningRate: 1, unit, factor: 0.5, every: 1, staircase: false }), {
      step,
      stepsPerEpoch: 4,
    });
  expect([3, 4, 6].map((step) => at("epoch", step))).toEqual([1, 0.5, 0.5]);
  expect([4, 6, 8].map((step) => at("fractional_epoch", step))).toEqual([0.5, 0.5 ** 1.5, 0.25]);
  expect([0, 1, 3].map((step) => at("step", step))).toEqual([1, 0.5, 0.125]);
});

test("a schedule's name and options are what it is read from", () => {
  const { name, options } = scheduleOf({ name: "cosine", learningRate: "0.1", unit: "step", length: 10 });
  const record: unknown = JSON.parse(JSON.stringify({ name, ...options }));
  expect(record).toEqual({
    name: "cosine",
    learningRate: 0.1,
    unit: "step",
    warmUp: 0,
    warmUpFrom: 0.1,
    length: 10,
    finalRate: 0,
    beyond: "hold",
  });
  expect(scheduleOf(record).options).toEqual(options);
});

test("the table is sorted by its schedules' names", () => {
  expect(Object.keys(SCHEDULES)).toEqual(Object.keys(SCHEDULES).sort());
});

const RATE = { learningRate: 0.1, unit: "epoch" };

test.each([
  [{ name: "cosin", ...RATE }, 'Cannot find schedule "cosin": expected one of constant, cosine, exponential, polynomial, step'],
  ["cosine", 'Cannot read schedule "cosine": expected a record with a name, one of constant, cosine, exponential, polynomial, step'],
  [
    { name: "cosine", ...RATE },
    "Cannot set option length of schedule cosine: no value given; expected a number from 0.000001 to 1,000,000,000",
  ],
  [
    { name: "constant", learningRate: 0.1 },
    'Cannot set option unit of schedule constant: no value given; expected "epoch" or "fractional_epoch" or "step"',
  ],
  [
    { name: "constant", ...RATE, unit: "days" },
    'Cannot set option unit of schedule constant to "days": expected "epoch" or "fractional_epoch" or "step"',
  ],
  [
    { name: "constant", ...RATE, learningRate: -1 },
    "Cannot set option learningRate of schedule constant to -1: expected a number from 0 to 1,000",
  ],
  [
    { name: "constant", ...RATE, rate: 2 },
    'Cannot set option "rate" of schedule constant: expected one of learningRate, unit, warmUp, warmUpFrom',
  ],
  [
    { name: "step", ...RATE, milestones: [3, 2] },
    "Cannot set option milestones of schedule step to [3,2]: expected increasing numbers from 0 to 1,000,000,000, as in 30,60",
  ],
  [
    { name: "step", ...RATE },
    "Cannot set option every of schedule step to 0: expected a number above 0 or else milestones, got milestones []",
  ],
  [
    { name: "step", ...RATE, every: 2, milestones: [4] },
    "Cannot set option every of schedule step to 2: expected a number above 0 or else milestones, got milestones [4]",
  ],
])("%j is refused", (record, message) => {
  expect(() => scheduleOf(record)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
});

test("any record is a schedule whose rates are finite and not negative, or is refused", () => {
  const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 10, noNaN: true }), fc.constant(undefined));
  const record = fc.record(
    {
      name: fc.constantFrom(...Object.keys(SCHEDULES)),
      learningRate: number,
      unit: fc.constantFrom("epoch", "fractional_epoch", "step", "other"),
      warmUp: number,
      warmUpFrom: number,
    },
    { requiredKeys: ["name"] },
  );
  const own = fc.oneof(
    fc.record({ length: number, finalRate: number }),
    fc.record({ length: number, power: number }),
    fc.record({ every: number, factor: number }),
    fc.record({ milestones: fc.array(fc.double({ min: 0, max: 100, noNaN: true })), factor: number }),
    fc.constant({}),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything(),
        fc.tuple(record, own).map(([common, more]) => ({ ...common, ...more })),
      ),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      (given, time) => {
        const schedule = orRefused(() => scheduleOf(given));
        if (schedule === null) return;
        const rate = schedule.rate(time);
        expect(rate).toBeGreaterThanOrEqual(0);
        expect(rate).toBeLessThanOrEqual(1000);
      },
    ),
    { numRuns: 500 },
  );
});

function orRefused<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof InceptionError && error.code === "OPTION_INVALID") return null;
    throw error;
  }
}
