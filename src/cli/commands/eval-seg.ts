import { InceptionError, messageOf } from "../../errors.js";
import { type EvaluatedSegmentation, evaluateSegmentation, type ScoredCase } from "../../node/evaluate-segmentation.js";
import { type LabelScore, meanOverLabels } from "../../segment/index.js";
import type { Flags, RunCommand } from "../command.js";
import { textFlag } from "../flags.js";
import { formatCount, formatTable, type Io, type Progress, printJson, startProgress } from "../io.js";

/** `eval-seg PRED GT`: how well predicted label volumes agree with true ones. Exit code 1 where a case of a folder could not be scored. */
export const run: RunCommand = async ([predicted, truth], flags, io) => {
  const result = await evaluate(String(predicted), String(truth), flags, io);
  for (const { id, error } of result.failed) io.err(`inception: case "${messageOf(id)}": ${messageOf(error)}\n`);
  const unasked = result.withoutPrediction;
  if (unasked > 0) {
    const files =
      unasked === 1
        ? "1 true label file has no prediction and was"
        : `${formatCount(unasked)} true label files have no prediction and were`;
    io.err(`inception: ${files} left out\n`);
  }
  if (flags.json === true) printJson(io, jsonOf(result));
  else if (result.cases.length > 0) io.out(textOf(result));
  return result.failed.length === 0 ? 0 : 1;
};

async function evaluate(predicted: string, truth: string, flags: Flags, io: Io): Promise<EvaluatedSegmentation> {
  const labels = labelsFlag(flags);
  let bar: Progress | undefined;
  try {
    return await evaluateSegmentation(predicted, truth, {
      toleranceMm: toleranceFlag(flags),
      ...(labels === undefined ? {} : { labels }),
      onCase: async (_done, total) => {
        bar ??= await startProgress(io, "scoring", total);
        bar.advance(1);
      },
    });
  } finally {
    bar?.stop();
  }
}

function toleranceFlag(flags: Flags): number {
  const text = textFlag(flags, "tolerance") ?? "1";
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new InceptionError("USAGE", `Cannot use --tolerance ${text}: expected millimetres of at least 0, as in 1.5`, { text });
}

function labelsFlag(flags: Flags): readonly number[] | undefined {
  const text = textFlag(flags, "labels");
  if (text === undefined) return undefined;
  const labels = text.split(",");
  if (labels.every((label) => /^\d{1,9}$/.test(label)) && new Set(labels.map(Number)).size === labels.length) return labels.map(Number);
  throw new InceptionError("USAGE", `Cannot use --labels ${text}: expected different integers of at least 0, as in 1,2`, { text });
}

/** The promised keys and no others. */
function jsonOf({ cases, mean }: EvaluatedSegmentation) {
  return { cases: cases.map(({ id, classes }) => ({ id, classes: classes.map(keysOf) })), mean: mean.map(keysOf) };
}

type Row = Pick<LabelScore, "label" | "dice" | "iou" | "surfaceDice" | "hd95" | "assd"> & { readonly volumeErrorMm3: number | null };

function keysOf({ label, dice, iou, surfaceDice, hd95, assd, volumeErrorMm3 }: Row): Row {
  return { label, dice, iou, surfaceDice, hd95, assd, volumeErrorMm3 };
}

const SCORES = ["Dice", "IoU", "surface Dice", "HD95 mm", "ASSD mm", "volume error mm³"];
/** How many of the worst cases are shown below the means. */
const WORST_SHOWN = 5;

function textOf({ cases, mean }: EvaluatedSegmentation): string {
  const rows = mean.map((row) => [String(row.label), formatCount(row.cases), ...scoresOf(row)]);
  const dice = meanOverLabels(mean, "dice");
  const total = `${formatCount(cases.length)} ${cases.length === 1 ? "case" : "cases"}, mean Dice over labels ${ratio(dice)}\n`;
  const right = [1, 2, 3, 4, 5, 6, 7];
  return [formatTable(["label", "cases", ...SCORES], rows, right), total, ...(cases.length > 1 ? [worstOf(cases, right)] : [])].join("\n");
}

function worstOf(cases: readonly ScoredCase[], right: readonly number[]): string {
  const rows = cases
    .flatMap(({ id, classes }) => classes.map((score) => ({ id, score })))
    .filter(({ score }) => score.dice !== null)
    .toSorted((a, b) => (a.score.dice ?? 0) - (b.score.dice ?? 0))
    .slice(0, WORST_SHOWN)
    .map(({ id, score }) => [messageOf(id), String(score.label), ...scoresOf(score)]);
  return formatTable(["lowest Dice", "label", ...SCORES], rows, right);
}

function scoresOf({ dice, iou, surfaceDice, hd95, assd, volumeErrorMm3 }: Row): readonly string[] {
  const length = (value: number | null): string => (value === null ? "–" : value.toFixed(2));
  return [ratio(dice), ratio(iou), ratio(surfaceDice), length(hd95), length(assd), length(volumeErrorMm3)];
}

function ratio(value: number | null): string {
  return value === null ? "–" : value.toFixed(4);
}
