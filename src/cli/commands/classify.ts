import { messageOf } from "../../errors.js";
import { type CsvCell, encodeCsv } from "../../formats/csv.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { type Prediction, topPredictions } from "../../predict/predict.js";
import { logitsOutput } from "../../tasks/open-model.js";
import { formatPercent } from "../../train/progress.js";
import type { RunCommand } from "../command.js";
import { integerFlag, textFlag } from "../flags.js";
import { printJson } from "../io.js";
import { jsonPrediction, type Outcome, reportFailures, runOnFiles } from "../run-model.js";

/** `classify FILES|DIR`: the most probable classes of each image. */
export const run: RunCommand = async ([files = []], flags, io) => {
  const count = integerFlag(flags, "top", 1, 100_000) ?? 5;
  const [json, csv] = [flags.json === true, textFlag(flags, "csv")];
  const outcomes = await runOnFiles(typeof files === "string" ? [files] : files, flags, io, {
    output: logitsOutput,
    needsClassifier: true,
    interpret: (row, loaded) => ({ top: topPredictions(row, count, loaded.metadata.labels) }),
  });
  if (csv !== undefined) await writeFileAtomic(csv, [new TextEncoder().encode(predictionTable(outcomes))]);
  if (json)
    printJson(
      io,
      outcomes.map((outcome) => ("top" in outcome ? { ...outcome, top: outcome.top.map(jsonPrediction) } : outcome)),
    );
  else for (const outcome of outcomes) if ("top" in outcome) io.out(formatOutcome(outcome));
  return reportFailures(outcomes, io, json);
};

/** A row for each class of each image; a row with the reason for an image without any. */
function predictionTable(outcomes: readonly Outcome<{ readonly top: readonly Prediction[] }>[]): string {
  const rows = outcomes.flatMap((outcome): readonly (readonly CsvCell[])[] =>
    "error" in outcome
      ? [[outcome.file, null, null, null, null, outcome.error]]
      : outcome.top.map(({ index, className, probability }, k) => [outcome.file, k + 1, index, className, probability, null]),
  );
  return encodeCsv(["file", "rank", "class", "name", "probability", "error"], rows);
}

function formatOutcome({ file, top }: { readonly file: string; readonly top: readonly Prediction[] }): string {
  const lines = top.map(({ className, probability }) => `  ${formatPercent(probability).padStart(6)}  ${messageOf(className)}`);
  return `${messageOf(file)}\n${lines.join("\n")}\n`;
}
