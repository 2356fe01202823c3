import { InceptionError, messageOf } from "../../errors.js";
import { type ProgressReport, progressReport } from "../../node/training/progress-report.js";
import { resumeTraining, type TrainedRun, type TrainModelOptions, trainModel } from "../../node/training/train-model.js";
import type { EpochRow } from "../../train/history.js";
import { formatLoss, formatShare } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { deviceFlags, flagName, integerFlag, optionFlags, textFlag } from "../flags.js";
import { formatCount, printJson } from "../io.js";
import { readPreprocessing, sourceFlags } from "../run-model.js";
import { givenSettings } from "../training-flags.js";

/** What a shell expects of a program that Ctrl-C ended: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

/** `train DATA --model ID --out RUN`, or `train --resume RUN`. */
export const run: RunCommand = async ([data], flags, io) => {
  const report = progressReport({
    write: io.err,
    interactive: io.interactive,
    ...(io.columns === undefined ? {} : { columns: io.columns }),
  });
  const watch = watchInterrupts(report);
  try {
    const common = {
      ...deviceFlags(flags),
      ...workersFlag(flags),
      ...sourceFlags(flags, io),
      onEvent: report.onEvent,
      interrupted: watch.interrupted,
    };
    const trained = await start(data === undefined ? undefined : String(data), flags, common);
    report.close();
    if (report.skipped() > 0) io.err(`inception: ${formatCount(report.skipped())} images could not be read and were left out\n`);
    if (flags.json === true) printJson(io, summary(trained));
    else io.out(formatTrained(trained));
    if (trained.end !== "interrupted") return 0;
    io.err(
      `inception: stopped after step ${formatCount(trained.steps)}; to go on: inception train --resume ${quotedForShell(trained.run)}\n`,
    );
    return INTERRUPTED;
  } finally {
    report.close();
    watch.stop();
  }
};

async function start(data: string | undefined, flags: Flags, common: Omit<TrainModelOptions, "out">): Promise<TrainedRun> {
  const [model, out, resume, preprocessing] = ["model", "out", "resume", "preprocessing"].map((name) => textFlag(flags, name));
  const settings = givenSettings(flags);
  if (resume !== undefined) {
    refuseSettings(resume, data, settings, flags);
    return resumeTraining({ ...common, out: resume });
  }
  if (data === undefined) {
    throw usage(
      "without data: expected a folder of images by class, a list (.csv, .jsonl), tar shards, or shapes10, as in inception train photos --model googlenet --out run",
    );
  }
  if (model === undefined) throw usage("without a model: expected --model with an id (see inception models)");
  if (out === undefined) throw usage("without a place for the run: expected --out with a new folder, or --resume with the folder of a run");
  return trainModel(
    model,
    { ...settings, data },
    {
      ...common,
      out,
      options: optionFlags(flags),
      ...(preprocessing === undefined ? {} : { preprocessing: await readPreprocessing(preprocessing) }),
    },
  );
}

/** A run keeps what it was begun with; otherwise resuming would not give what an uninterrupted run gives. */
function refuseSettings(resume: string, data: string | undefined, settings: Readonly<Record<string, unknown>>, flags: Flags): void {
  const others = ["model", "out", "preprocessing"].filter((name) => flags[name] !== undefined);
  const options = Array.isArray(flags.option) && flags.option.length > 0 ? ["--option"] : [];
  const given = [...(data === undefined ? [] : ["DATA"]), ...[...others, ...Object.keys(settings)].map(flagName), ...options];
  if (given.length === 0) return;
  throw usage(
    `with ${given.join(", ")} and --resume "${messageOf(resume)}": expected no more than --device, --threads, --workers and --json, a run keeps its settings`,
  );
}

function usage(fact: string): InceptionError {
  return new InceptionError("USAGE", `Cannot train ${fact}`);
}

function workersFlag(flags: Flags): { readonly workers?: number } {
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

/** The promised keys. */
function summary({ run: folder, epochs, best, final, steps, secondsPerStep }: TrainedRun) {
  return { run: folder, epochs, best: scores(best), final: scores(final), steps, secondsPerStep };
}

function scores(row: EpochRow | null) {
  return row && { top1: row.top1, top5: row.top5, loss: row.loss };
}

function formatTrained({ run: folder, epochs, steps, best, final, secondsPerStep, report }: TrainedRun): string {
  const speed = secondsPerStep === null ? "" : `, ${secondsPerStep.toPrecision(3)} s per step`;
  return [
    `${folder}: ${epochs} epochs, ${formatCount(steps)} steps${speed}`,
    ...(best === null ? [] : [`best    ${formatRow(best)}`]),
    ...(final === null ? [] : [`final   ${formatRow(final)}`]),
    `report  ${report}`,
    "",
  ].join("\n");
}

function formatRow({ epoch, top1, top5, loss, trainLoss }: EpochRow): string {
  if (top1 === null || top5 === null || loss === null)
    return `epoch ${epoch}: training loss ${formatLoss(trainLoss)}, nothing to measure on`;
  return `epoch ${epoch}: top-1 ${formatShare(top1)}, top-5 ${formatShare(top5)}, loss ${formatLoss(loss)}`;
}

/** A folder as one word of a command line. */
function quotedForShell(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
