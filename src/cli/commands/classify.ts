import { messageOf } from "../../errors.js";
import { type CsvCell, encodeCsv } from "../../formats/csv.js";
import { writeFileAtomic } from "../../node/write-file.js";
import type { UnknownDecision } from "../../predict/confidence-record.js";
import { type Predictions, predictClasses } from "../../predict/predict.js";
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
    interpret: (row, loaded) => ({ top: predictClasses(row, count, loaded.metadata) }),
  });
  if (csv !== undefined) await writeFileAtomic(csv, [new TextEncoder().encode(predictionTable(outcomes))]);
  if (json)
    printJson(
      io,
      outcomes.map((outcome) => ("top" in outcome ? jsonOutcome(outcome) : outcome)),
    );
  else for (const outcome of outcomes) if ("top" in outcome) io.out(formatOutcome(outcome));
  return reportFailures(outcomes, io, json);
};

interface Classified {
  readonly file: string;
  readonly top: Predictions;
}

function jsonOutcome({ top, ...outcome }: Classified) {
  return { ...outcome, top: top.map(jsonPrediction), ...(top.unknown === undefined ? {} : { unknown: top.unknown }) };
}

/** A row for each class of each image; a row with the reason for an image without any. */
function predictionTable(outcomes: readonly Outcome<Pick<Classified, "top">>[]): string {
  const decides = outcomes.some((outcome) => "top" in outcome && outcome.top.unknown !== undefined);
  const rows = outcomes.flatMap((outcome): readonly (readonly CsvCell[])[] =>
    "error" in outcome
      ? [[outcome.file, null, null, null, null, outcome.error, ...(decides ? [null, null] : [])]]
      : outcome.top.map(({ index, className, probability }, k) => [
          ...[outcome.file, k + 1, index, className, probability, null],
          ...(outcome.top.unknown === undefined ? [] : [outcome.top.unknown.isUnknown, outcome.top.unknown.score].map(Number)),
        ]),
  );
  return encodeCsv(["file", "rank", "class", "name", "probability", "error", ...(decides ? ["unknown", "unknown_score"] : [])], rows);
}

function formatOutcome({ file, top }: Classified): string {
  const unknown = top.unknown?.isUnknown === true ? [formatUnknown(top.unknown)] : [];
  const lines = top.map(({ className, probability }) => `  ${formatPercent(probability).padStart(6)}  ${messageOf(className)}`);
  return `${messageOf(file)}\n${[...unknown, ...lines].join("\n")}\n`;
}

function formatUnknown({ method, score, threshold }: UnknownDecision): string {
  return `  unknown  ${method} ${score.toPrecision(4)} is below the threshold ${threshold.toPrecision(4)}`;
}
