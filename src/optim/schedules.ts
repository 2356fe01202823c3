import {
  booleanOption,
  choiceOption,
  chooseNamed,
  increasingListOption,
  numberOption,
  type OptionInput,
  type OptionTable,
  type OptionValue,
  type OptionValues,
  optionError,
  resolveOptions,
} from "../options.js";

/**
 * A learning rate over time. Times count what is done: 0 is the first epoch or the first step.
 */
export interface Schedule {
  readonly name: string;
  /** All options with their values, as plain data: with the name, what `scheduleOf` reads. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Unit of times: whole epochs, fractional epochs or steps. */
  readonly unit: "epoch" | "fractional_epoch" | "step";
  /** The learning rate at a time of at least 0. */
  readonly rate: (time: number) => number;
}

/** A schedule as the table lists it. */
interface ScheduleKind {
  /** The formula, with t for the time. */
  readonly doc: string;
  readonly options: OptionTable;
  /** @throws InceptionError OPTION_INVALID */
  readonly create: (options: OptionInput) => Schedule;
}

// Any run is shorter, in any unit.
const MAX_LENGTH = 1e9;
const LARGEST_RATE = 1000;

const COMMON = {
  learningRate: numberOption("Base learning rate.", undefined, 0, LARGEST_RATE),
  unit: choiceOption(
    "Time unit of all lengths; the rate is updated once per `epoch`, or at every step with `fractional_epoch` and `step`.",
    undefined,
    ["epoch", "fractional_epoch", "step"],
  ),
  warmUp: numberOption("Length of the linear warmup.", 0, 0, MAX_LENGTH),
  warmUpFrom: numberOption("Warmup start, as a fraction of the scheduled rate.", 0.1, 0, 1),
} as const;

/** Every schedule, sorted. To add one: its entry here. */
export const SCHEDULES = {
  constant: define("constant", "learningRate", {}, (_time, { learningRate }) => learningRate),

  cosine: define(
    "cosine",
    "finalRate + (learningRate − finalRate) · (1 + cos(π · t / length)) / 2",
    {
      length: numberOption("Time at which `finalRate` is reached.", undefined, 1e-6, MAX_LENGTH),
      finalRate: numberOption("Final learning rate.", 0, 0, LARGEST_RATE),
      beyond: choiceOption("After `length`: `hold` the final rate or `rise` along the cosine.", "hold", ["hold", "rise"]),
    },
    (time, { learningRate, length, finalRate, beyond }) => {
      const angle = Math.PI * (beyond === "hold" ? Math.min(time / length, 1) : time / length);
      return finalRate + ((learningRate - finalRate) * (1 + Math.cos(angle))) / 2;
    },
  ),

  exponential: define(
    "exponential",
    "learningRate · factor^(t / every), the exponent rounded down where staircase",
    {
      factor: numberOption("Decay factor.", 0.94, 0, 1),
      every: numberOption("Decay interval.", 2, 1e-6, MAX_LENGTH),
      staircase: booleanOption("Decay in discrete steps instead of continuously.", true),
    },
    (time, { learningRate, factor, every, staircase }) => learningRate * factor ** (staircase ? Math.floor(time / every) : time / every),
  ),

  polynomial: define(
    "polynomial",
    "learningRate · (1 − t / length)^power, then 0",
    {
      length: numberOption("Time at which the rate reaches 0.", undefined, 1e-6, MAX_LENGTH),
      power: numberOption("Exponent of the polynomial; 1 is linear.", 1, 0, 100),
    },
    (time, { learningRate, length, power }) => (time >= length ? 0 : learningRate * (1 - time / length) ** power),
  ),

  step: define(
    "step",
    "learningRate · factor^k, where k is the number of milestones reached, or t / every rounded down",
    {
      factor: numberOption("Decay factor.", 0.1, 0, 1),
      every: numberOption("Decay interval; 0 if `milestones` are given.", 0, 0, MAX_LENGTH),
      milestones: increasingListOption("Times at which the rate decays, from the start of training.", [], 0, MAX_LENGTH),
    },
    (time, { learningRate, factor, every, milestones }) => {
      const falls = every > 0 ? Math.floor(time / every) : milestones.filter((milestone) => milestone <= time).length;
      return learningRate * factor ** falls;
    },
    ({ every, milestones }) => {
      if (every > 0 !== milestones.length > 0) return;
      throw optionError("schedule step", "every", every, `a number above 0 or else milestones, got milestones [${milestones.join(", ")}]`);
    },
  ),
} as const satisfies Readonly<Record<string, ScheduleKind>>;

/** A learning-rate schedule by name. */
export type ScheduleName = keyof typeof SCHEDULES;

/**
 * Returns the learning-rate schedule of a record with its name, learning rate, unit and options. All are plain data.
 *
 * While a warm-up lasts (t < warmUp), the rate is what the schedule says times
 * warmUpFrom + (1 − warmUpFrom) · t / warmUp.
 *
 * @param record - as it comes from a recipe, a run's configuration or a command line
 * @throws InceptionError OPTION_INVALID naming what is wrong and what is accepted
 *
 * @example
 * ```ts
 * import { scheduleOf } from "inceptionkit/train";
 * const schedule = scheduleOf({ name: "exponential", learningRate: 0.045, unit: "epoch", factor: 0.94, every: 2 });
 * schedule.rate(1); // 0.045
 * schedule.rate(2); // 0.0423
 * ```
 */
export function scheduleOf(record: unknown): Schedule {
  const [kind, given] = chooseNamed<ScheduleKind>("schedule", SCHEDULES, record);
  return kind.create(given);
}

/** How far a run is. */
interface Progress {
  /** Updates done, from 0. */
  readonly step: number;
  /** Updates in an epoch, at least 1. */
  readonly stepsPerEpoch: number;
}

/**
 * The learning rate of the next update.
 *
 * @example
 * ```ts
 * import { learningRateAt, scheduleOf } from "inceptionkit/train";
 * const schedule = scheduleOf({ name: "step", learningRate: 0.1, unit: "epoch", every: 1 });
 * learningRateAt(schedule, { step: 99, stepsPerEpoch: 100 }); // 0.1
 * learningRateAt(schedule, { step: 100, stepsPerEpoch: 100 }) < 0.0101; // true
 * ```
 */
export function learningRateAt({ unit, rate }: Schedule, { step, stepsPerEpoch }: Progress): number {
  if (unit === "step") return rate(step);
  return rate(unit === "epoch" ? Math.floor(step / stepsPerEpoch) : step / stepsPerEpoch);
}

type Values<S extends OptionTable> = OptionValues<S> & OptionValues<typeof COMMON>;

function define<const S extends OptionTable>(
  name: string,
  doc: string,
  own: S,
  rate: (time: number, values: Values<S>) => number,
  check: (values: Values<S>) => void = () => undefined,
): ScheduleKind {
  const owner = `schedule ${name}`;
  const options: OptionTable = { ...COMMON, ...own };
  return {
    doc,
    options,
    create: (given) => {
      const all = resolveOptions(owner, options, given);
      const common = resolveOptions(owner, COMMON, only(COMMON, all));
      const values = { ...common, ...resolveOptions(owner, own, only(own, all)) };
      check(values);
      const { warmUp, warmUpFrom, unit } = common;
      const share = (time: number) => (time >= warmUp ? 1 : warmUpFrom + ((1 - warmUpFrom) * time) / warmUp);
      return { name, options: all, unit, rate: (time) => rate(time, values) * share(time) };
    },
  };
}

/** The values of a table's own options. */
function only(table: OptionTable, values: OptionInput): OptionInput {
  return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(table, name)));
}
