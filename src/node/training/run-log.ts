import os from "node:os";
import { type EarlierLog, NO_EARLIER_LOG, type UnloggedSteps } from "../../tasks/training/checkpoint-state.js";
import type { RunEvent } from "../../tasks/training/run-events.js";
import { type EpochRow, metricValue, type StepPoint } from "../../train/history.js";
import type { Progress, TrainingEvent } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";
import type { MetricsLine } from "../../train/metrics-log.js";
import type { TrainingSettings } from "../../train/settings.js";
import { RUN_FILES } from "../open-run.js";
import type { RunWriter } from "../run-folder.js";

/** What a run remembers while it goes on, and its metrics files. */
export interface RunLog<E> {
  readonly report: (event: TrainingEvent<E>) => void;
  /** Lines are written in the order of events; this waits for all of them. */
  flush(): Promise<void>;
  /** @param evaluation - of the epoch that ended, where it is to be kept instead of the one before */
  saved(progress: Progress, evaluation: E | null): void;
  lastCheckpoint(): string | null;
  /** The evaluation that was kept last, where it is of this epoch. */
  evaluationOf(epoch: number): E | null;
  steps(): readonly StepPoint[];
  /** What a checkpoint has to hold, so that a resumed run writes the lines of an uninterrupted one. */
  unlogged(): UnloggedSteps;
  /** Mean wall time of a step of this process; null before there are two. */
  secondsPerStep(): number | null;
  /** The same of all steps of the run, those before it was resumed included. */
  secondsPerStepOfRun(): number | null;
}

/** About so many lines of steps a run writes for each epoch; more would say nothing more. */
const LINES_PER_EPOCH = 50;

export function runLog<E = Evaluation>(
  writer: RunWriter,
  settings: Pick<TrainingSettings, "accumulate">,
  batchesPerEpoch: number,
  onEvent: (event: RunEvent<E>) => void,
  earlier: EarlierLog = NO_EARLIER_LOG,
): RunLog<E> {
  const every = Math.max(1, Math.floor(batchesPerEpoch / settings.accumulate / LINES_PER_EPOCH));
  let kept: { readonly epoch: number; readonly evaluation: E } | null = null;
  const points = [...earlierPoints(earlier.lines)];
  const sums = { ...earlier.unlogged };
  const clock = stepClock(earlierTime(earlier.lines));
  let checkpoint: string | null = null;
  let writing = Promise.resolve();

  const write = (kind: "step" | "epoch", epoch: number, step: number, values: Readonly<Record<string, number>>) => {
    const time = Date.now() / 1000;
    writing = writing.then(() => writer.log({ kind, epoch, step, time, values }));
    // Awaited by flush; until then a failure must not count as unhandled.
    writing.catch(() => {});
  };
  const step = (event: TrainingEvent<E> & { kind: "step" }) => {
    clock.step();
    sums.loss += event.loss;
    sums.steps += 1;
    if (event.position.step % every !== 0) return;
    const point = { step: event.position.step, loss: sums.loss / sums.steps, learningRate: event.learningRate };
    points.push(point);
    Object.assign(sums, { loss: 0, steps: 0 });
    const norm = event.gradientNorm === null ? {} : { gradientNorm: event.gradientNorm };
    const seconds = clock.sinceLine();
    const time = seconds === null ? {} : { secondsPerStep: seconds };
    write("step", event.position.epoch + 1, point.step, { loss: point.loss, learningRate: point.learningRate, ...norm, ...time });
  };
  return {
    report: (event) => {
      if (event.kind === "step") step(event);
      if (event.kind === "epoch") {
        clock.pause();
        write("epoch", event.row.epoch, event.row.step, rowValues(event.row));
      }
      onEvent(event);
    },
    flush: () => writing,
    saved: ({ position }, evaluation) => {
      checkpoint = `${writer.folder}/${RUN_FILES.last} (step ${position.step})`;
      if (evaluation) kept = { epoch: position.epoch, evaluation };
      onEvent({ kind: "saved", position });
    },
    lastCheckpoint: () => checkpoint,
    evaluationOf: (epoch) => (kept?.epoch === epoch ? kept.evaluation : null),
    steps: () => points,
    unlogged: () => ({ ...sums }),
    secondsPerStep: clock.here,
    secondsPerStepOfRun: clock.ofRun,
  };
}

/** Wall time of some steps. */
interface TimedSteps {
  readonly seconds: number;
  readonly steps: number;
}

const NO_STEPS: TimedSteps = { seconds: 0, steps: 0 };

/** Times steps; what lies between the last step of an epoch and the first of the next one is not counted. */
function stepClock(earlier: TimedSteps) {
  let [line, here, run] = [NO_STEPS, NO_STEPS, earlier];
  let previous: number | null = null;
  const mean = ({ seconds, steps }: TimedSteps): number | null => (steps === 0 ? null : seconds / steps);
  return {
    step: (): void => {
      const now = performance.now();
      if (previous !== null) {
        const seconds = (now - previous) / 1000;
        [line, here, run] = [withStep(line, seconds), withStep(here, seconds), withStep(run, seconds)];
      }
      previous = now;
    },
    /** The next step begins later than now. */
    pause: (): void => {
      previous = null;
    },
    /** Mean since this was asked last. */
    sinceLine: (): number | null => {
      const seconds = mean(line);
      line = NO_STEPS;
      return seconds;
    },
    here: () => mean(here),
    ofRun: () => mean(run),
  };
}

function withStep(sum: TimedSteps, seconds: number): TimedSteps {
  return { seconds: sum.seconds + seconds, steps: sum.steps + 1 };
}

/** The curve of the steps before a run was resumed. */
function earlierPoints(lines: readonly MetricsLine[]): readonly StepPoint[] {
  return lines.flatMap(({ kind, step, values: { loss, learningRate } }) =>
    kind === "step" && loss !== undefined && learningRate !== undefined ? [{ step, loss, learningRate }] : [],
  );
}

/** Each line has the mean time of the steps since the line before; lines of earlier versions have none and are not counted. */
function earlierTime(lines: readonly MetricsLine[]): TimedSteps {
  let [previous, sum] = [0, NO_STEPS];
  for (const { kind, step, values } of lines) {
    if (kind !== "step") continue;
    const steps = step - previous;
    previous = step;
    const { secondsPerStep } = values;
    if (secondsPerStep !== undefined) sum = { seconds: sum.seconds + secondsPerStep * steps, steps: sum.steps + steps };
  }
  return sum;
}

function rowValues({ epoch, step, dice, ...row }: EpochRow): Readonly<Record<string, number>> {
  // Dice of class 1, 2, … and their mean.
  const classes = (dice ?? []).map((value, index) => [`dice${index + 1}`, value] as const);
  const mean = metricValue({ epoch, step, ...row, ...(dice === undefined ? {} : { dice }) }, "dice");
  const values = Object.entries(row).filter((entry): entry is [string, number] => entry[1] !== null);
  return Object.fromEntries([...values, ...classes, ...(mean === null ? [] : [["dice", mean] as const])]);
}

/** Where a run took place, for its report. */
export function environmentFacts(device: string, threads: number): readonly (readonly [string, string])[] {
  const [cpu] = os.cpus();
  return [
    ["device", device],
    ["threads", threads === 0 ? `one for each of ${os.cpus().length} cores` : String(threads)],
    ["processor", cpu?.model ?? "unknown"],
    ["node", process.version],
    ["system", `${process.platform} ${process.arch}`],
  ];
}
