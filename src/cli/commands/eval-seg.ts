import path from "node:path";
import { messageOf } from "../../errors.js";
import { type EvaluatedSegmentation, evaluateSegmentation } from "../../node/evaluate-segmentation.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { segmentationScoresPage } from "../../report/segmentation-scores.js";
import type { Flags, RunCommand } from "../command.js";
import { exitCodeOf } from "../exit-code.js";
import { textFlag } from "../flags.js";
import { formatCount, type Io, type Progress, printJson, startProgress } from "../io.js";
import { errorText } from "../option-words.js";
import { formatScores, scoreKeys } from "../segmentation-scores.js";
import { invalid } from "../usage-error.js";

/** `eval-seg PRED GT`: scores of predicted label maps against the ground truth. */
export const run: RunCommand = async ([predicted, truth], flags, io) => {
  const result = await evaluate(String(predicted), String(truth), flags, io);
  for (const { id, error } of result.failed) io.err(`inception: case "${messageOf(id)}": ${errorText(error)}\n`);
  const skipped = result.withoutPrediction;
  if (skipped > 0) io.err(`warning: skipped ${formatCount(skipped)} ground-truth file${skipped === 1 ? "" : "s"} without a prediction\n`);
  const report = textFlag(flags, "report");
  if (report !== undefined && result.cases.length > 0)
    await writeReport(report, { predicted: String(predicted), truth: String(truth) }, result, flags);
  if (flags.json === true) printJson(io, scoreKeys(result));
  else if (result.cases.length > 0) io.out(formatScores(result));
  return exitCodeOf(result.failed.length, result.failed.length + result.cases.length);
};

interface Compared {
  readonly predicted: string;
  readonly truth: string;
}

/** The page may be passed on, so it has names of files and directories without their paths; messages of failed cases contain paths. */
async function writeReport(file: string, { predicted, truth }: Compared, result: EvaluatedSegmentation, flags: Flags): Promise<void> {
  const { cases, failed, withoutPrediction } = result;
  const nameOf = (place: string): string => path.basename(path.resolve(place));
  const html = segmentationScoresPage({
    title: `Segmentation scores: ${nameOf(predicted)}`,
    cases,
    toleranceMm: toleranceFlag(flags),
    failed: failed.map(({ id, error }) => ({ id, reason: error.code })),
    facts: [
      ["Predictions", nameOf(predicted)],
      ["Ground truth", nameOf(truth)],
      ["Cases scored", formatCount(cases.length)],
      ["Ground truth without a prediction", formatCount(withoutPrediction)],
    ],
  });
  await writeFileAtomic(file, [new TextEncoder().encode(html)]);
}

async function evaluate(predicted: string, truth: string, flags: Flags, io: Io): Promise<EvaluatedSegmentation> {
  const labels = labelsFlag(flags);
  let bar: Progress | undefined;
  try {
    return await evaluateSegmentation(predicted, truth, {
      toleranceMm: toleranceFlag(flags),
      ...(labels === undefined ? {} : { labels }),
      onCase: (_done, total) => {
        bar ??= startProgress(io, "scoring", total);
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
  throw invalid("--tolerance", text, "millimeters of at least 0, as in 1.5");
}

function labelsFlag(flags: Flags): readonly number[] | undefined {
  const text = textFlag(flags, "labels");
  if (text === undefined) return undefined;
  const labels = text.split(",");
  if (labels.every((label) => /^\d{1,9}$/.test(label)) && new Set(labels.map(Number)).size === labels.length) return labels.map(Number);
  throw invalid("--labels", text, "distinct integers of at least 0, as in 1,2");
}
