import { CROP_COUNTS } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { evaluateModel, type Measured } from "../../node/training/evaluate-model.js";
import { progressReport } from "../../node/training/progress-report.js";
import { formatLoss, formatShare } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { choiceFlag, integerFlag, textFlag } from "../flags.js";
import { formatCount, formatTable, printJson } from "../io.js";
import { loadFlags } from "../run-model.js";

/** `eval RUN|ID [DATA]`: accuracy on labelled images. */
export const run: RunCommand = async ([model, data], flags, io) => {
  const options = { ...measureFlags(flags), ...(await loadFlags(flags, io)) };
  const report = progressReport({
    write: io.err,
    interactive: io.interactive,
    ...(io.columns === undefined ? {} : { columns: io.columns }),
  });
  try {
    const measured = await evaluateModel(String(model), data === undefined ? null : String(data), {
      ...options,
      onMeasured: (done, total) => report.onEvent({ kind: "measuring", done, total }),
    });
    for (const sample of measured.skipped) report.onEvent({ kind: "skipped", sample });
    report.close();
    if (report.skipped() > 0) io.err(`inception: ${formatCount(report.skipped())} images could not be read and were left out\n`);
    const { images, top1, top5, loss } = measured.evaluation;
    if (flags.json === true) printJson(io, { images, top1, top5, loss });
    else io.out(formatMeasured(measured));
    return 0;
  } finally {
    report.close();
  }
};

function measureFlags(flags: Flags) {
  const [split, workers, batch] = [
    choiceFlag(flags, "split", ["train", "val"]),
    integerFlag(flags, "workers", 0, 64),
    integerFlag(flags, "batch", 1, 1024),
  ];
  return {
    crops: cropsFlag(textFlag(flags, "crops") ?? "1"),
    ...(split === undefined ? {} : { split }),
    ...(workers === undefined ? {} : { workers }),
    ...(batch === undefined ? {} : { batch }),
  };
}

function cropsFlag(text: string): (typeof CROP_COUNTS)[number] {
  const count = CROP_COUNTS.find((candidate) => String(candidate) === text);
  if (count !== undefined) return count;
  throw new InceptionError("USAGE", `Cannot use --crops ${text}: expected ${CROP_COUNTS.join(", ")}`, { text });
}

function formatMeasured({ evaluation, classes, data }: Measured): string {
  const { images, top1, top5, loss } = evaluation;
  return [
    `${messageOf(data)}: ${formatCount(images)} images`,
    `top-1 ${formatShare(top1)}   top-5 ${formatShare(top5)}   loss ${formatLoss(loss)}`,
    "",
    classTable({ evaluation, classes }),
    confusionTable({ evaluation, classes }),
  ].join("\n");
}

/** More classes do not fit on a screen: then the least recognised are shown. */
const CLASSES_SHOWN = 40;
/** A wider matrix does not fit on a line: then the most frequent confusions are shown. */
const MATRIX_CLASSES = 16;
const PAIRS_SHOWN = 20;

type Scored = Pick<Measured, "evaluation" | "classes">;

function classTable({ evaluation, classes }: Scored): string {
  const occurring = evaluation.classes.flatMap((score, index) => (score.support > 0 || score.predicted > 0 ? [{ ...score, index }] : []));
  const all = occurring.length <= CLASSES_SHOWN;
  const shown = all
    ? occurring
    : occurring.toSorted((a, b) => (a.recall ?? 1) - (b.recall ?? 1) || a.index - b.index).slice(0, CLASSES_SHOWN);
  const share = (value: number | null) => (value === null ? "–" : formatShare(value));
  const rows = shown.map(({ index, support, precision, recall, f1 }) => [
    nameOf(classes, index),
    formatCount(support),
    share(precision),
    share(recall),
    share(f1),
  ]);
  const table = formatTable(["class", "images", "precision", "recall", "F1"], rows, [1, 2, 3, 4]);
  return all ? table : `${table}and ${formatCount(occurring.length - shown.length)} classes more that were recognised better\n`;
}

function confusionTable({ evaluation: { confusion }, classes }: Scored): string {
  if (confusion === null) return "";
  if (classes.length > MATRIX_CLASSES) return pairTable(confusion, classes);
  const header = ["truth \\ answer", ...classes.map((_, index) => String(index))];
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
  return formatTable(["truth", "most frequent wrong answer", "images"], rows, [2]);
}

function nameOf(classes: readonly string[], index: number): string {
  return messageOf(classes[index] ?? `class ${index}`);
}
