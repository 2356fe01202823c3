/** What the training commands share: progress, signals, resuming, the summary at the end. */
import { messageOf } from "../errors.js";
import { type ProgressReport, reportOn } from "../node/training/progress-report.js";
import type { TrainingPlan } from "../node/training/training-plan.js";
import type { TrainedRun } from "../node/training/training-run.js";
import { checkEarlyStopping } from "../train/early-stopping.js";
import { type EpochRow, METRICS } from "../train/history.js";
import { SETTINGS } from "../train/settings.js";
import type { Flags } from "./command.js";
import { EXIT } from "./exit-code.js";
import { flagName, integerFlag, readFlag } from "./flags.js";
import { formatCount, formatTable, type Io, printJson, skippedWarning } from "./io.js";
import { optionFlagName } from "./option-words.js";
import { SIGNALS, watchSignals } from "./signals.js";
import { settingText } from "./training-flags.js";
import { unexpected } from "./usage-error.js";

/** The result of a training command. */
export interface Outcome {
  readonly json: unknown;
  readonly text: string;
  /** The last line of an interrupted run; null where training came to its end. */
  readonly interrupted: string | null;
}

/** How a command prints its runs. */
export interface RunFormat {
  /** The command as it is typed. */
  readonly command: string;
  /** The scores of an epoch in `--json`. */
  readonly scores: (row: EpochRow) => Readonly<Record<string, unknown>>;
  /** The scores of an epoch as text. */
  readonly formatScores: (row: EpochRow) => string;
  /** The command to use the run with. */
  readonly next: (run: string) => string;
}

/** What a command says of a run beside what it says of every run. */
interface Extra {
  readonly json: Readonly<Record<string, unknown>>;
  /** Lines of the summary. */
  readonly lines: readonly string[];
}

const NO_EXTRA: Extra = { json: {}, lines: [] };

interface Watch {
  readonly onEvent: ProgressReport["onEvent"];
  readonly signal: AbortSignal;
}

interface TrainingCommand {
  /** The command as it is typed. */
  readonly command: string;
  /** What is skipped where it cannot be read. */
  readonly sample: "image" | "case";
}

/** Trains, and prints progress and results. Returns the exit code: 128 plus the signal's number where one ended it. */
export async function runTraining(
  { command, sample }: TrainingCommand,
  flags: Flags,
  io: Io,
  start: (watch: Watch) => Promise<Outcome>,
): Promise<number> {
  const report = reportOn(io.line);
  const watch = watchRun(report);
  try {
    const { json, text, interrupted } = await start({ onEvent: watch.onEvent, signal: watch.signal });
    report.close();
    if (report.skipped() > 0) io.err(skippedWarning(report.skipped(), sample));
    if (flags.json === true) printJson(io, json);
    else io.out(text);
    if (interrupted === null) return report.skipped() === 0 ? EXIT.success : EXIT.failed;
    io.err(`${interrupted}\n`);
    return watch.exitCode();
  } catch (thrown) {
    const run = watch.run();
    if (!watch.signal.aborted || thrown !== watch.signal.reason || run === null) throw thrown;
    report.close();
    io.err(`interrupted before a step; resume with: ${resumeLine(command, run)}\n`);
    return watch.exitCode();
  } finally {
    report.close();
    watch.stop();
  }
}

/** The outcome of one run. */
export function outcomeOf(trained: TrainedRun, format: RunFormat, extra: Extra = NO_EXTRA): Outcome {
  const { run: folder, epochs, best, final, steps, secondsPerStep, end } = trained;
  const { command, scores } = format;
  return {
    json: { run: folder, epochs, best: best && scores(best), final: final && scores(final), steps, secondsPerStep, ...extra.json },
    text: formatTrained(trained, format, extra.lines),
    interrupted: end === "interrupted" ? `interrupted after step ${formatCount(steps)}; resume with: ${resumeLine(command, folder)}` : null,
  };
}

/** The outcome of `--dry-run`. */
export function outcomeOfPlan(plan: TrainingPlan): Outcome {
  const { model, samples, classes, train, validation, stepsPerEpoch, steps, parameters, trained, randomlyInitialized, settings } = plan;
  const facts = [
    ["model", `${model}: ${formatCount(parameters)} parameters, ${formatCount(trained)} trained`],
    ["data", `${formatCount(train)} training and ${formatCount(validation)} validation ${samples}`],
    [
      "classes",
      `${formatCount(classes.length)}: ${messageOf(classes.slice(0, MAX_CLASSES).join(", "))}${classes.length > MAX_CLASSES ? ", …" : ""}`,
    ],
    ["steps", `${formatCount(steps)}, ${formatCount(stepsPerEpoch)} per epoch`],
    ...(randomlyInitialized.length === 0 ? [] : [["randomly initialized", randomlyInitialized.join(", ")]]),
  ];
  const width = Math.max(...facts.map(([name = ""]) => name.length));
  const rows = settings.map(({ name, value, from }) => [optionFlagName(name), settingText(value), from]);
  return {
    json: plan,
    text: [
      ...facts.map(([name = "", fact = ""]) => `${name.padEnd(width)}  ${fact}`),
      "",
      formatTable(["setting", "value", "from"], rows),
      "Nothing was written. Run the same command without --dry-run to train.",
      "",
    ].join("\n"),
    interrupted: null,
  };
}

/** Names of classes that are printed; all are in the JSON. */
const MAX_CLASSES = 10;

function resumeLine(command: string, run: string): string {
  return `inception ${command} --resume ${quotedForShell(run)}`;
}

/**
 * A run keeps its settings: otherwise resuming would not give what an uninterrupted run gives.
 *
 * @throws InceptionError USAGE naming what cannot be combined with --resume
 */
export function refuseSettings(data: string | undefined, settings: Readonly<Record<string, unknown>>, flags: Flags): void {
  const others = ["model", "out", "preprocessing", "dryRun"].filter((name) => flags[name] !== undefined);
  const options = Array.isArray(flags.option) && flags.option.length > 0 ? ["--option"] : [];
  const given = [
    ...(data === undefined ? [] : ["DATA"]),
    ...others.map(flagName),
    ...Object.keys(settings).map(optionFlagName),
    ...options,
  ];
  if (given.length === 0) return;
  throw unexpected(
    given,
    "a resumed run keeps its settings; --resume can be combined only with --epochs, --device, --threads, --workers and --json",
  );
}

/** `--epochs` of a run that is resumed. */
export function epochsFlag(flags: Flags): { readonly epochs?: number } {
  const epochs = readFlag(flags, "epochs", SETTINGS.epochs);
  return epochs === undefined ? {} : { epochs };
}

export function workersFlag(flags: Flags): { readonly workers?: number } {
  const workers = integerFlag(flags, "workers", 0, 64);
  return workers === undefined ? {} : { workers };
}

/**
 * From the moment at which the run has a directory, the first signal asks it to save and end. Before, there is nothing to save, and
 * a signal ends the program as in any other command.
 */
function watchRun(report: ProgressReport) {
  const watch = watchSignals(SIGNALS, () => report.note("saving a checkpoint after this step; press Ctrl-C again to quit immediately"));
  let run: string | null = null;
  const onEvent: ProgressReport["onEvent"] = (event) => {
    if (event.kind === "folder") {
      if (run === null) watch.start();
      run = event.run;
    }
    report.onEvent(event);
  };
  return { ...watch, onEvent, run: () => run };
}

function formatTrained(trained: TrainedRun, { formatScores, next }: RunFormat, lines: readonly string[]): string {
  const { run: folder, end, epochs, steps, best, final, secondsPerStep, report } = trained;
  const speed = secondsPerStep === null ? "" : `, ${secondsPerStep.toPrecision(3)} s/step`;
  const row = (scored: EpochRow) => `epoch ${String(scored.epoch).padEnd(String(epochs).length)}   ${formatScores(scored)}`;
  return [
    ...(end === "stopped early" ? [stoppedEarly(trained)] : []),
    `${end === "interrupted" ? end : "finished"}: ${formatCount(epochs)} epochs, ${formatCount(steps)} steps${speed}`,
    ...(best === null ? [] : [`best    ${row(best)}`]),
    ...(final === null ? [] : [`last    ${row(final)}`]),
    ...lines,
    `run     ${messageOf(folder)}`,
    `report  ${messageOf(report)}`,
    // Of an interrupted run the next command resumes it.
    ...(end === "interrupted" ? [] : [`next    ${next(quotedForShell(folder))}`]),
    "",
  ].join("\n");
}

/** `stopped early: top-1 has not improved for 5 epochs (best: epoch 14)`. */
function stoppedEarly({ metric, history, best }: TrainedRun): string {
  const { waited } = checkEarlyStopping({ metric, patience: 1 }, history);
  const place = best === null ? "" : ` (best: epoch ${best.epoch})`;
  return `stopped early: ${METRICS[metric].name} has not improved for ${waited} epoch${waited === 1 ? "" : "s"}${place}`;
}

/** A folder as one word of a command line. */
export function quotedForShell(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
