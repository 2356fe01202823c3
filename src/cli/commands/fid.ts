import { messageOf } from "../../errors.js";
import { FEATURE_SIZES, FRECHET_MODES, type InceptionScore, type KernelDistance } from "../../frechet/index.js";
import { type MeasureFrechetOptions, measureFrechet, saveFrechetStatistics } from "../../node/frechet/measure-files.js";
import { isStatisticsFile } from "../../node/frechet/statistics-file.js";
import type { FrechetEvent, FrechetResult } from "../../tasks/frechet/measure.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { choiceFlag, deviceFlags, flagName, integerFlag, textFlag } from "../flags.js";
import { formatCount, type Io, type Progress, printJson, skippedWarning, startProgress } from "../io.js";
import { errorText } from "../option-words.js";
import { sourceFlags } from "../run-model.js";
import { invalid, missing, unexpected } from "../usage-error.js";

/** `fid A B`: how far two sets of images are apart; `fid A --save-statistics FILE`: keep one for later. */
export const run: RunCommand = async ([a, b], flags, io) => {
  const place = String(a);
  const file = textFlag(flags, "saveStatistics");
  checkOperands(b === undefined ? null : String(b), file);
  const events = eventPrinter(io);
  const options = { ...measureFlags(flags, io), onEvent: events.onEvent };
  try {
    if (file !== undefined) {
      const saved = await saveFrechetStatistics(place, file, options);
      events.close();
      if (flags.json === true) printJson(io, { output: file, ...saved });
      else io.out(`wrote ${messageOf(file)}: ${saved.features} features of ${formatCount(saved.images)} images, mode ${saved.mode}\n`);
      return events.exitCode();
    }
    const measured = await measureFrechet(place, String(b), options);
    events.close();
    if (flags.json === true) printJson(io, jsonKeys(measured, flags));
    else io.out(formatMeasured(measured, [place, String(b)]));
    return events.exitCode();
  } finally {
    events.close();
  }
};

function checkOperands(b: string | null, file: string | undefined): void {
  if (b === null && file === undefined) throw missing("second set", "pass a directory or .npz file, or --save-statistics");
  if (file === undefined) return;
  if (b !== null) throw unexpected([`argument "${messageOf(b)}"`], "--save-statistics takes one set");
  if (!isStatisticsFile(file)) throw invalid("--save-statistics", file, "a name that ends in .npz");
}

function measureFlags(flags: Flags, io: Io): MeasureFrechetOptions {
  checkAsked(flags);
  const [weights, mode, size] = [
    textFlag(flags, "weights"),
    choiceFlag(flags, "mode", FRECHET_MODES),
    choiceFlag(flags, "features", ["64", "192", "768", "2048"]),
  ];
  const features = FEATURE_SIZES.find((each) => String(each) === size);
  const [subsets, subsetSize, splits] = [
    integerFlag(flags, "subsets", 1, 10_000),
    integerFlag(flags, "subsetSize", 2, 5000),
    integerFlag(flags, "splits", 1, 1000),
  ];
  return {
    ...deviceFlags(flags),
    ...sourceFlags(flags, io),
    ...(weights === undefined ? {} : { weights }),
    ...(mode === undefined ? {} : { mode }),
    ...(features === undefined ? {} : { features }),
    batch: integerFlag(flags, "batchSize", 1, 1024) ?? 16,
    interval: flags.interval !== false,
    seed: integerFlag(flags, "seed", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    epsilon: epsilonFlag(flags),
    ...(flags.kid === true
      ? { kernel: { ...(subsets === undefined ? {} : { subsets }), ...(subsetSize === undefined ? {} : { subsetSize }) } }
      : {}),
    ...(flags.inceptionScore === true ? { inceptionScore: splits === undefined ? {} : { splits } } : {}),
  };
}

/** @throws InceptionError USAGE for a flag of a score that is not computed */
function checkAsked(flags: Flags): void {
  const needs = { subsets: "kid", subsetSize: "kid", splits: "inceptionScore" } as const;
  for (const [name, asked] of Object.entries(needs)) {
    if (textFlag(flags, name) === undefined || flags[asked] === true) continue;
    throw unexpected([flagName(name)], `supported only with ${flagName(asked)}`);
  }
}

function epsilonFlag(flags: Flags): number {
  const text = textFlag(flags, "epsilon") ?? "0";
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw invalid("--epsilon", text, "a number of at least 0, as in 1e-6");
}

/** Bars on a terminal, a line for each warning; skipped images are counted. */
function eventPrinter(io: Io): {
  readonly onEvent: (event: FrechetEvent) => void;
  readonly close: () => void;
  readonly exitCode: () => number;
} {
  let bar: { readonly label: string; readonly progress: Progress; done: number } | null = null;
  let skipped = 0;
  let noted = false;
  const advance = (label: string, done: number, total: number): void => {
    if (bar?.label !== label) {
      bar?.progress.stop();
      bar = { label, progress: startProgress(io, label, total), done: 0 };
    }
    const more = done - bar.done;
    bar.done = done;
    bar.progress.advance(more);
  };
  return {
    onEvent: (event) => {
      if (event.kind === "warning") io.err(`warning: ${errorText(event.message)}\n`);
      else if (event.kind === "skipped") {
        skipped++;
        if (skipped <= SKIPPED_SHOWN) io.err(`skipped: ${errorText(event.error)}\n`);
      } else if (event.kind === "images") advance(`images of ${messageOf(event.place)}`, event.done, event.total);
      else advance(event.kind === "distances" ? "distances" : "kernel distances", event.done, event.total);
    },
    close: () => {
      bar?.progress.stop();
      bar = null;
      if (skipped > 0 && !noted) io.err(skippedWarning(skipped, "image"));
      noted = true;
    },
    exitCode: () => (skipped === 0 ? EXIT.success : EXIT.failed),
  };
}

/** Skipped images that are named; the rest are counted. */
const SKIPPED_SHOWN = 5;

function jsonKeys({ fid, features, mode, images, interval, kernel, inceptionScore }: FrechetResult, flags: Flags) {
  return {
    fid,
    features,
    mode,
    images,
    interval,
    ...(kernel === null ? {} : { kid: kernel }),
    ...(flags.inceptionScore === true ? { inceptionScore } : {}),
  };
}

function formatMeasured(
  { fid, features, mode, images, interval, kernel, inceptionScore }: FrechetResult,
  places: readonly string[],
): string {
  const counted = images.map(
    (count, k) => `${messageOf(places[k] ?? "")} (${count === null ? "statistics file" : `${formatCount(count)} images`})`,
  );
  return [
    counted.join(" vs. "),
    `FID ${fid.toFixed(4)}${interval === null ? "" : `  (95% CI ${interval[0].toFixed(4)} to ${interval[1].toFixed(4)})`}`,
    ...(kernel === null ? [] : [formatKernel(kernel)]),
    ...inceptionScore.flatMap((score, k) => (score === null ? [] : [formatScore(score, places[k] ?? "")])),
    `${features} features${mode === null ? "" : `, mode ${mode}`}`,
    "",
  ].join("\n");
}

function formatKernel({ value, standardError, subsets, subsetSize }: KernelDistance): string {
  const error = standardError === null ? "" : ` ± ${standardError.toPrecision(2)} (standard error)`;
  return `KID ${value.toPrecision(6)}${error}  ${formatCount(subsets)} subsets of ${formatCount(subsetSize)}`;
}

function formatScore({ value, deviation, splits }: InceptionScore, place: string): string {
  return `Inception Score of ${messageOf(place)}: ${value.toFixed(4)} ± ${deviation.toFixed(4)} (standard deviation over ${formatCount(splits)} splits)`;
}
