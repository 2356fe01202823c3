import { quoted } from "../../formats/quoted.js";
import type { RunEvent, RunStartEvent } from "../../tasks/training/run-events.js";
import { formatEpoch, formatProgress, NOTHING_SMOOTHED, secondsLeft, smooth, smoothedValue } from "../../train/progress.js";
import { listNames } from "../../weights/apply.js";
import { type LiveLine, type LiveLineOptions, liveLine } from "../live-line.js";

/** Where news of a run goes: on a terminal one line is rewritten while it goes on, elsewhere each epoch is a line. */
export type ProgressReportOptions = LiveLineOptions;

/** Prints the progress of a run. */
export interface ProgressReport {
  /** What `trainModel` is given. */
  readonly onEvent: (event: RunEvent<unknown>) => void;
  /** Prints a line that stays. */
  note(text: string): void;
  /** Skipped images or cases, each counted once. */
  skipped(): number;
  /** End the line that is rewritten. */
  close(): void;
}

/** Skipped images or cases that are named; the rest is counted. */
const NAMED_SKIPPED = 5;
/** About fifty steps are remembered. */
const MOMENTUM = 0.98;

/**
 * Lines about a run: the network and its data, the current step (loss, accuracy, learning rate, images per second, ETA), each
 * epoch, and the first images that were skipped.
 *
 * @example
 * ```ts
 * import { progressReport } from "inceptionkit/node";
 * const report = progressReport({ write: (text) => void process.stderr.write(text), interactive: process.stderr.isTTY });
 * report.note("given to trainModel as onEvent: report.onEvent");
 * report.close();
 * ```
 */
export function progressReport(options: ProgressReportOptions): ProgressReport {
  return reportOn(liveLine(options));
}

/** The same on a line that others write to as well. */
export function reportOn(line: LiveLine): ProgressReport {
  const skipped = new Set<string>();
  let steps = stepTimes(null);
  let begun: RunStartEvent | null = null;
  const skip = (name: string, reason: string) => {
    if (skipped.has(name)) return;
    skipped.add(name);
    if (skipped.size <= NAMED_SKIPPED) line.note(`skipped: ${reason}`);
    if (skipped.size === NAMED_SKIPPED + 1) line.note("skipped: further samples are counted, not listed");
  };
  const onEvent = (event: RunEvent<unknown>) => {
    switch (event.kind) {
      case "preparing":
        return line.show(event.what === "network" ? "building the network and loading weights" : "compiling the training step", true);
      case "features":
        return line.show(`computing backbone features  ${event.done}/${event.total}`, event.done === event.total);
      case "scanning":
        return line.show(`scanning cases  ${event.done}/${event.total}`, event.done === event.total);
      case "validating":
        return line.show(`segmenting validation cases  ${event.done}/${event.total}`, event.done === event.total);
      case "planned":
        for (const text of event.lines) line.note(text);
        return;
      case "start":
        begun = event;
        steps = stepTimes(event);
        for (const text of beginningLines(event)) line.note(text);
        return;
      case "step": {
        if (begun === null) return;
        const last = event.position.batch === begun.batchesPerEpoch;
        return line.show(steps.take(event), last);
      }
      case "evaluating":
        steps.pause();
        return line.show(`validating  ${event.done}/${event.total}`, event.done === event.total);
      case "epoch":
        return line.note(formatEpoch(event.row, begun?.epochs ?? event.row.epoch, steps.endEpoch(), event.isBest));
      case "skipped":
        return skip(event.sample.name, event.sample.reason);
      case "folder":
      case "saved":
        return;
    }
  };
  return { onEvent, note: line.note, skipped: () => skipped.size, close: line.close };
}

function beginningLines(event: RunStartEvent): readonly string[] {
  const { model, parameters, classes, samples, trainImages, valImages, stepsPerEpoch, batchesPerEpoch, position } = event;
  const count = (value: number) => value.toLocaleString("en-US");
  return [
    [
      `${model}: ${count(parameters)} parameters`,
      `${count(trainImages)} training and ${count(valImages)} validation ${samples}, ${count(classes)} classes`,
      `${count(stepsPerEpoch)} steps per epoch`,
    ].join(" | "),
    ...initializationLines(event),
    ...(position.step === 0
      ? []
      : [
          `resuming after step ${count(position.step)} (epoch ${position.epoch + 1}, batch ${position.batch} of ${count(batchesPerEpoch)})`,
        ]),
  ];
}

/** Which parameters the pretrained weights did not give, and why that may be. */
function initializationLines({ randomlyInitialized: begun, classifier }: RunStartEvent): readonly string[] {
  const { missing = [], foreign = [] } = classifier ?? {};
  const absent = new Set(missing);
  const other = begun.filter((path) => !absent.has(path));
  return [
    ...(absent.size === 0
      ? []
      : [`warning: randomly initialized, because the weights lack a classifier for this network: ${listNames(missing)}`]),
    ...(foreign.length === 0 ? [] : [`warning: unused tensors of another classifier in the weights: ${listNames(foreign.map(quoted))}`]),
    ...(other.length === 0 ? [] : [`randomly initialized (not in the weights, or of another shape there): ${listNames(other)}`]),
  ];
}

/** The clock of a run: makes a progress line of each step. */
function stepTimes(beginning: RunStartEvent | null) {
  const began = performance.now();
  let epochBegan = began;
  let previous: number | null = began;
  let secondsPerSample = NOTHING_SMOOTHED;
  let loss = NOTHING_SMOOTHED;
  let top1 = NOTHING_SMOOTHED;
  let done = 0;
  return {
    take: (event: RunEvent<unknown> & { readonly kind: "step" }): string => {
      const now = performance.now();
      if (previous !== null) secondsPerSample = smooth(secondsPerSample, (now - previous) / 1000 / event.images, MOMENTUM);
      previous = now;
      done += 1;
      loss = smooth(loss, event.loss, MOMENTUM);
      if (event.top1 !== null) top1 = smooth(top1, event.top1, MOMENTUM);
      const { epochs = 0, stepsPerEpoch = 0, batchesPerEpoch = 0, position = event.position } = beginning ?? {};
      return formatProgress({
        epoch: event.position.epoch + 1,
        epochs,
        batch: event.position.batch,
        batches: batchesPerEpoch,
        loss: smoothedValue(loss),
        top1: event.top1 === null ? null : smoothedValue(top1),
        learningRate: event.learningRate,
        speed: 1 / smoothedValue(secondsPerSample),
        unit: beginning?.samples === "volumes" ? "patches" : "img",
        secondsLeft: secondsLeft(done, epochs * stepsPerEpoch - position.step, (now - began) / 1000),
      });
    },
    /** Validation takes time that is not a step's. */
    pause: () => {
      previous = null;
    },
    endEpoch: (): number => {
      const now = performance.now();
      const seconds = (now - epochBegan) / 1000;
      epochBegan = now;
      previous = now;
      return seconds;
    },
  };
}
