import { CROP_COUNTS } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { findModel, MODELS } from "../../models/index.js";
import { evaluateModel } from "../../node/training/evaluate-model.js";
import { reportOn } from "../../node/training/progress-report.js";
import type { EvaluationResult } from "../../tasks/evaluate/evaluate.js";
import { publishedWeights } from "../../tasks/weight-choice.js";
import { formatLoss, formatPercent } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { exitCodeOf } from "../exit-code.js";
import { choiceFlag, integerFlag, textFlag } from "../flags.js";
import { formatCount, formatTable, printJson, skippedWarning } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { loadFlags, readJson } from "../run-model.js";
import { invalid } from "../usage-error.js";

/** `eval RUN|ID [DATA]`: accuracy on labeled images. */
export const run: RunCommand = async ([model, data], flags, io) => {
  const real = textFlag(flags, "realLabels");
  const options = {
    ...measureFlags(flags),
    ...(await loadFlags(flags, io)),
    ...(real === undefined ? {} : { real: await readRealLabels(real) }),
  };
  const published = publishedFigures(String(model), textFlag(flags, "weights"));
  const report = reportOn(io.line);
  try {
    const measured = await evaluateModel(await modelOperand(String(model)), data === undefined ? null : String(data), {
      ...options,
      onEvaluated: (done, total) => io.line.show(`evaluating  ${done}/${total}`, done === total),
    });
    for (const sample of measured.skipped) report.onEvent({ kind: "skipped", sample });
    report.close();
    if (report.skipped() > 0) io.err(skippedWarning(report.skipped(), "image"));
    const { images, top1, top5, loss } = measured.evaluation;
    if (flags.json === true) {
      const extra = { ...(measured.real === null ? {} : { real: measured.real }), ...(published === null ? {} : { published }) };
      printJson(io, { images, top1, top5, loss, crops: options.crops, ...extra });
    } else io.out(formatMeasured(measured, published));
    return exitCodeOf(report.skipped(), report.skipped() + images);
  } finally {
    report.close();
  }
};

function measureFlags(flags: Flags) {
  const record = textFlag(flags, "record");
  const [split, workers, batch] = [
    choiceFlag(flags, "split", ["train", "val"]),
    integerFlag(flags, "workers", 0, 64),
    integerFlag(flags, "batchSize", 1, 1024),
  ];
  return {
    crops: cropsFlag(textFlag(flags, "crops") ?? "1"),
    ...(record === undefined ? {} : { record }),
    ...(split === undefined ? {} : { split }),
    ...(workers === undefined ? {} : { workers }),
    ...(batch === undefined ? {} : { batch }),
  };
}

function cropsFlag(text: string): (typeof CROP_COUNTS)[number] {
  const count = CROP_COUNTS.find((candidate) => String(candidate) === text);
  if (count !== undefined) return count;
  throw invalid("--crops", text, CROP_COUNTS.join(", "));
}

interface PublishedFigures {
  readonly name: string;
  /** Shares of 1, on the 50,000 validation images of ILSVRC-2012 with one central crop. */
  readonly top1: number;
  readonly top5: number;
}

/** What the publisher of the weights measured, where that is known. */
function publishedFigures(model: string, weights: string | undefined): PublishedFigures | null {
  const known = MODELS.some(({ id, family }) => id === model || family === model);
  if (!known || weights === undefined) return null;
  const file = publishedWeights(findModel(model), weights)?.file;
  if (file?.top1 === undefined || file.top5 === undefined) return null;
  return { name: file.name, top1: file.top1 / 100, top5: file.top5 / 100 };
}

/**
 * ReaL labels as they are published: a JSON list of lists of class indices, one for each validation image.
 *
 * @throws InceptionError FILE_NOT_FOUND, FILE_CORRUPT
 */
async function readRealLabels(file: string): Promise<readonly (readonly number[])[]> {
  const value = await readJson(file);
  const isClass = (label: unknown): label is number => typeof label === "number" && Number.isInteger(label) && label >= 0 && label < 1000;
  const lists = Array.isArray(value) ? value.map((list: unknown) => (Array.isArray(list) && list.every(isClass) ? list : null)) : [null];
  const labels = lists.filter((list) => list !== null);
  if (labels.length === lists.length) return labels;
  throw new InceptionError("FILE_CORRUPT", `Cannot read ReaL labels "${file}": expected a list of lists of class indices from 0 to 999`, {
    file,
  });
}

function formatMeasured({ evaluation, classes, data, real }: EvaluationResult, published: PublishedFigures | null): string {
  const { images, top1, top5, loss } = evaluation;
  return [
    `${messageOf(data)}: ${formatCount(images)} images`,
    `top-1 ${formatPercent(top1)}  top-5 ${formatPercent(top5)}  loss ${formatLoss(loss)}`,
    ...(real === null ? [] : [`ReaL ${formatPercent(real.top1)} (${formatCount(real.images)} images with ReaL labels)`]),
    ...(published === null
      ? []
      : [
          `published: top-1 ${formatPercent(published.top1)}  top-5 ${formatPercent(published.top5)} (${published.name}, 50,000 validation images, single crop)`,
        ]),
    "",
    classTable({ evaluation, classes }),
    confusionTable({ evaluation, classes }),
  ].join("\n");
}

/** More classes do not fit on a screen: then the least recognized are shown. */
const CLASSES_SHOWN = 40;
/** A wider matrix does not fit on a line: then the most frequent confusions are shown. */
const MATRIX_CLASSES = 16;
const PAIRS_SHOWN = 20;

type Scored = Pick<EvaluationResult, "evaluation" | "classes">;

function classTable({ evaluation, classes }: Scored): string {
  const occurring = evaluation.classes.flatMap((score, index) => (score.support > 0 || score.predicted > 0 ? [{ ...score, index }] : []));
  const all = occurring.length <= CLASSES_SHOWN;
  const shown = all
    ? occurring
    : occurring.toSorted((a, b) => (a.recall ?? 1) - (b.recall ?? 1) || a.index - b.index).slice(0, CLASSES_SHOWN);
  const share = (value: number | null) => (value === null ? "–" : formatPercent(value));
  const rows = shown.map(({ index, support, precision, recall, f1 }) => [
    nameOf(classes, index),
    formatCount(support),
    share(precision),
    share(recall),
    share(f1),
  ]);
  const table = formatTable(["class", "images", "precision", "recall", "F1"], rows, [1, 2, 3, 4]);
  return all ? table : `${table}and ${formatCount(occurring.length - shown.length)} more classes with higher recall\n`;
}

function confusionTable({ evaluation: { confusion }, classes }: Scored): string {
  if (confusion === null) return "";
  if (classes.length > MATRIX_CLASSES) return pairTable(confusion, classes);
  const header = ["true \\ predicted", ...classes.map((_, index) => String(index))];
  const rows = confusion.map((row, index) => [
    `${index} ${nameOf(classes, index)}`,
    ...row.map((count) => (count === 0 ? "·" : formatCount(count))),
  ]);
  return formatTable(header, rows, header.map((_, column) => column).slice(1));
}

function pairTable(confusion: readonly (readonly number[])[], classes: readonly string[]): string {
  const pairs = confusion.flatMap((row, truth) =>
    row.flatMap((count, answer) => (count > 0 && answer !== truth ? [{ truth, answer, count }] : [])),
  );
  const rows = pairs
    .toSorted((a, b) => b.count - a.count || a.truth - b.truth || a.answer - b.answer)
    .slice(0, PAIRS_SHOWN)
    .map(({ truth, answer, count }) => [nameOf(classes, truth), nameOf(classes, answer), formatCount(count)]);
  return formatTable(["true", "most frequent misclassification", "images"], rows, [2]);
}

function nameOf(classes: readonly string[], index: number): string {
  return messageOf(classes[index] ?? `class ${index}`);
}
