/** What the commands that train have in common: news, Ctrl-C, resuming, the last lines. */
import { InceptionError, messageOf } from "../errors.js";
import { type ProgressReport, reportOn } from "../node/training/progress-report.js";
import type { TrainedRun } from "../node/training/train-model.js";
import type { EpochRow } from "../train/history.js";
import type { Flags } from "./command.js";
import { EXIT, INTERRUPTED } from "./exit-code.js";
import { flagName, integerFlag } from "./flags.js";
import { formatCount, type Io, printJson } from "./io.js";

/** What a command says when training is over. */
export interface Outcome {
  readonly json: unknown;
  readonly text: string;
  /** What to say where somebody interrupted; null where training came to its end. */
  readonly stopped: string | null;
}

/** How a command tells of the epochs of its runs. */
export interface EpochWords {
  /** The command as it is typed. */
  readonly command: string;
  /** What `--json` says of an epoch. */
  readonly scores: (row: EpochRow) => Readonly<Record<string, unknown>>;
  /** What people read of an epoch. */
  readonly formatRow: (row: EpochRow) => string;
}

/** How a run is watched while it goes on. */
export interface Watch {
  readonly onEvent: ProgressReport["onEvent"];
  readonly interrupted: () => boolean;
}

/**
 * Train, tell how it goes and what came out of it. Returns the exit code.
 *
 * @param samples - what is counted where it cannot be read, in the plural
 */
export async function runTraining(samples: string, flags: Flags, io: Io, start: (watch: Watch) => Promise<Outcome>): Promise<number> {
  const report = reportOn(io.line);
  const watch = watchInterrupts(report);
  try {
    const { json, text, stopped } = await start({ onEvent: report.onEvent, interrupted: watch.interrupted });
    report.close();
    if (report.skipped() > 0) io.err(`inception: ${formatCount(report.skipped())} ${samples} could not be read and were left out\n`);
    if (flags.json === true) printJson(io, json);
    else io.out(text);
    if (stopped === null) return report.skipped() === 0 ? EXIT.success : EXIT.failed;
    io.err(`inception: ${stopped}\n`);
    return INTERRUPTED;
  } finally {
    report.close();
    watch.stop();
  }
}

/** The outcome of one run. */
export function outcomeOf(trained: TrainedRun, { command, scores, formatRow }: EpochWords): Outcome {
  const { run: folder, epochs, best, final, steps, secondsPerStep, end } = trained;
  const resume = `inception ${command} --resume ${quotedForShell(folder)}`;
  return {
    json: { run: folder, epochs, best: best && scores(best), final: final && scores(final), steps, secondsPerStep },
    text: formatTrained(trained, formatRow),
    stopped: end === "interrupted" ? `stopped after step ${formatCount(steps)}; to go on: ${resume}` : null,
  };
}

/** A run keeps what it was begun with; otherwise resuming would not give what an uninterrupted run gives. */
export function refuseSettings(resume: string, data: string | undefined, settings: Readonly<Record<string, unknown>>, flags: Flags): void {
  const others = ["model", "out", "preprocessing"].filter((name) => flags[name] !== undefined);
  const options = Array.isArray(flags.option) && flags.option.length > 0 ? ["--option"] : [];
  const given = [...(data === undefined ? [] : ["DATA"]), ...[...others, ...Object.keys(settings)].map(flagName), ...options];
  if (given.length === 0) return;
  throw usage(
    `with ${given.join(", ")} and --resume "${messageOf(resume)}": expected no more than --device, --threads, --workers and --json, a run keeps its settings`,
  );
}

export function usage(fact: string): InceptionError {
  return new InceptionError("USAGE", `Cannot train ${fact}`);
}

export function workersFlag(flags: Flags): { readonly workers?: number } {
  const workers = integerFlag(flags, "workers", 0, 64);
  return workers === undefined ? {} : { workers };
}

/** The first Ctrl-C asks the run to save and end, the second ends the program. */
function watchInterrupts(report: ProgressReport) {
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(INTERRUPTED);
    asked = true;
    report.note("finishing this step and saving; Ctrl-C again leaves at once");
  };
  process.on("SIGINT", onSignal);
  return { interrupted: () => asked, stop: () => void process.off("SIGINT", onSignal) };
}

function formatTrained(
  { run: folder, epochs, steps, best, final, secondsPerStep, report }: TrainedRun,
  formatRow: EpochWords["formatRow"],
): string {
  const speed = secondsPerStep === null ? "" : `, ${secondsPerStep.toPrecision(3)} s per step`;
  return [
    `${folder}: ${epochs} epochs, ${formatCount(steps)} steps${speed}`,
    ...(best === null ? [] : [`best    ${formatRow(best)}`]),
    ...(final === null ? [] : [`final   ${formatRow(final)}`]),
    `report  ${report}`,
    "",
  ].join("\n");
}

/** A folder as one word of a command line. */
function quotedForShell(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
