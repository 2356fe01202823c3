/** Scores of segmentations, for people and for programs. */
import { messageOf } from "../errors.js";
import type { EvaluatedSegmentation, ScoredCase } from "../node/evaluate-segmentation.js";
import { type LabelScore, meanOverLabels } from "../segment/index.js";
import { formatCount, formatTable } from "./io.js";

type Scores = Pick<EvaluatedSegmentation, "cases" | "mean">;

/** The promised keys and no others. */
export function scoreKeys({ cases, mean }: Scores) {
  return { cases: cases.map(({ id, classes }) => ({ id, classes: classes.map(keysOf) })), mean: mean.map(keysOf) };
}

type Row = Pick<LabelScore, "label" | "dice" | "iou" | "surfaceDice" | "hd95" | "assd"> & { readonly volumeErrorMm3: number | null };

function keysOf({ label, dice, iou, surfaceDice, hd95, assd, volumeErrorMm3 }: Row): Row {
  return { label, dice, iou, surfaceDice, hd95, assd, volumeErrorMm3 };
}

const SCORES = ["Dice", "IoU", "surface Dice", "HD95 mm", "ASSD mm", "volume error mm³"];
/** How many of the worst cases are shown below the means. */
const WORST_SHOWN = 5;

export function formatScores({ cases, mean }: Scores): string {
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
