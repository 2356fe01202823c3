import path from "node:path";
import { type CheckedImage, type ImageCheck, severeFindings } from "../../check/image-check.js";
import { messageOf } from "../../errors.js";
import { checkData } from "../../node/check/check-data.js";
import { formatPercent } from "../../train/progress.js";
import { SETTINGS } from "../../train/settings.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { integerFlag, readFlag, textFlag } from "../flags.js";
import { formatCount, formatTable, type Io, type Progress, printJson, startProgress } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { loadFlags } from "../run-model.js";
import { quotedForShell } from "../run-training.js";
import { unexpected } from "../usage-error.js";

/** `check DATA [--model ID] [--report FILE] [--write-list FILE]`: faults of labeled images, before they are trained on. */
export const run: RunCommand = async ([data], flags, io) => {
  const place = String(data);
  const model = textFlag(flags, "model");
  if (model === undefined) refuseModelFlags(flags);
  const [report, list, folds] = [textFlag(flags, "report"), textFlag(flags, "writeList"), integerFlag(flags, "folds", 2, 20)];
  const settings = dataFlags(flags);
  const progress = phaseProgress(io);
  try {
    const { check, listed } = await checkData(place, {
      data: settings,
      open: await loadFlags(flags, io),
      check: {
        ...(model === undefined ? {} : { model: await modelOperand(model) }),
        ...(folds === undefined ? {} : { folds }),
        onProgress: progress.onProgress,
      },
      report:
        report === undefined
          ? null
          : {
              file: report,
              title: path.basename(path.resolve(place)),
              cleanCommand: `inception check ${quotedForShell(place)} --write-list clean.csv`,
              facts: [["Seed", String(settings.seed)]],
            },
      list: list ?? null,
    });
    progress.stop();
    if (flags.json === true) printJson(io, { ...check, severe: severeFindings(check), ...(listed === null ? {} : { listed }) });
    else io.out(formatCheck(check));
    if (flags.json !== true && list !== undefined) io.out(`${messageOf(list)}: ${formatCount(listed ?? 0)} images\n`);
    if (flags.json !== true && report !== undefined) io.out(`${messageOf(report)}\n`);
    const severe = severeFindings(check);
    if (severe === 0) return EXIT.success;
    const remedy = list === undefined ? "; pass --write-list to write a list without them" : "";
    io.err(`inception: ${formatCount(severe)} severe ${severe === 1 ? "finding" : "findings"}${remedy}\n`);
    return check.counts.unreadable === check.train + check.val ? EXIT.unusable : EXIT.failed;
  } finally {
    progress.stop();
  }
};

/** Those that say how training splits the same data. */
function dataFlags(flags: Flags) {
  const valData = textFlag(flags, "valData");
  const valFraction = readFlag(flags, "valFraction", SETTINGS.valFraction);
  return {
    seed: readFlag(flags, "seed", SETTINGS.seed) ?? 1,
    ...(valData === undefined ? {} : { valData }),
    ...(valFraction === undefined ? {} : { valFraction }),
  };
}

/** Flags that would have no effect. */
function refuseModelFlags(flags: Flags): void {
  const given = ["weights", "checkpoint", "preprocessing", "folds"].filter((name) => flags[name] !== undefined);
  const options = Array.isArray(flags.option) && flags.option.length > 0 ? ["option"] : [];
  const names = [...given, ...options].map((name) => `--${name}`);
  if (names.length > 0) throw unexpected(names, "supported only with --model, whose features show which labels are suspect");
}

const PHASES: Readonly<Record<string, string>> = { images: "images", duplicates: "duplicates", labels: "folds" };

/** A bar for each phase, which begins when it is known how much there is. */
function phaseProgress(io: Io) {
  let current: { readonly phase: string; readonly bar: Progress; readonly seen: number } | null = null;
  const stop = (): void => current?.bar.stop();
  return {
    onProgress: ({ phase, done, total }: { readonly phase: string; readonly done: number; readonly total: number }): void => {
      const label = PHASES[phase];
      if (label === undefined) return;
      if (current?.phase !== phase) {
        stop();
        current = { phase, bar: startProgress(io, label, total), seen: 0 };
      }
      current.bar.advance(done - current.seen);
      current = { ...current, seen: done };
    },
    stop,
  };
}

/** Findings of a kind that are printed; all are in the JSON output and most on the page. */
const SHOWN = 10;

function formatCheck(check: ImageCheck): string {
  const { data, train, val, classes, counts, duplicates, unreadable, labels, outliers, notes } = check;
  const head = `${messageOf(data)}: ${formatCount(train)} training and ${formatCount(val)} validation images, ${formatCount(classes.length)} classes\n`;
  const names = (images: readonly CheckedImage[]): string => images.map(({ name }) => messageOf(name)).join(" = ");
  const rows = [
    ["leaks", counts.leaks, "severe"],
    ["images in two classes", counts.acrossClasses, "severe"],
    ["unreadable files", counts.unreadable, "severe"],
    ...(labels === null ? [] : [["suspect labels", counts.suspectLabels, ""] as const]),
    ["copies within a class", counts.copies, ""],
    ["outliers", counts.outliers, ""],
    ["unequal classes", counts.imbalance, ""],
  ] as const;
  return [
    head,
    formatTable(
      ["finding", "count", ""],
      rows.map(([name, count, word]) => [name, formatCount(count), count > 0 ? word : ""]),
      [1],
    ),
    listOf(
      "Leaks",
      duplicates.filter(({ leak }) => leak).map(({ images }) => names(images)),
    ),
    listOf(
      "In two classes",
      duplicates.filter(({ acrossClasses }) => acrossClasses).map(({ images }) => names(images)),
    ),
    listOf(
      "Unreadable",
      unreadable.map(({ name, reason }) => `${messageOf(name)}: ${reason}`),
    ),
    listOf(
      "Suspect labels",
      (labels?.suspects ?? []).map(
        ({ name, className, suggested, probability }) =>
          `${messageOf(name)}: labeled ${messageOf(className)}, ${messageOf(suggested)} is more probable (${formatPercent(probability)})`,
      ),
    ),
    listOf(
      "Copies",
      duplicates.filter(({ leak, acrossClasses }) => !leak && !acrossClasses).map(({ images }) => names(images)),
    ),
    listOf(
      "Outliers",
      outliers.map(({ name, measure, score }) => `${messageOf(name)}: ${measure}, score ${score.toFixed(1)}`),
    ),
    ...notes.map((note) => `${note}\n`),
  ].join("");
}

function listOf(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  const more = lines.length > SHOWN ? `  and ${formatCount(lines.length - SHOWN)} more (--json has all)\n` : "";
  return `\n${title}:\n${lines
    .slice(0, SHOWN)
    .map((line) => `  ${line}\n`)
    .join("")}${more}`;
}
