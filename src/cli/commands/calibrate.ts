import { LOGIT_SCORES } from "../../confidence/logit-scores.js";
import { messageOf } from "../../errors.js";
import { labeledFolder } from "../../node/datasets/labeled-folder.js";
import { NODE_MODELS } from "../../node/load-model.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { type CalibrateOptions, type CalibrationReport, calibrateSource } from "../../tasks/calibrate/calibrate.js";
import { formatPercent } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { exitCodeOf } from "../exit-code.js";
import { choiceFlag, integerFlag, numberFlag, textFlag } from "../flags.js";
import { formatCount, formatTable, printJson, skippedWarning } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { loadFlags } from "../run-model.js";
import { invalid, missing, unexpected } from "../usage-error.js";

/** `calibrate MODEL DATA --out FILE`. */
export const run: RunCommand = async ([model, data], flags, io) => {
  const out = textFlag(flags, "out");
  if (out === undefined) throw missing("--out", "pass a file name that ends in .onnx");
  if (!out.toLowerCase().endsWith(".onnx")) throw invalid("--out", out, "a name that ends in .onnx");
  const settings = calibrateFlags(flags);
  const open = await loadFlags(flags, io);
  const { onnx, report } = await calibrateSource(NODE_MODELS, await modelOperand(String(model)), labeledFolder(String(data)), open, {
    ...settings,
    onProgress: ({ phase, done, total }) => {
      if (phase === "calibrate") io.line.show(`calibrating  ${done}/${total}`, done === total);
    },
  });
  await writeFileAtomic(out, [onnx]);
  if (report.skipped.length > 0) io.err(skippedWarning(report.skipped.length, "image"));
  if (flags.json === true) printJson(io, { output: out, bytes: onnx.byteLength, ...report });
  else io.out(`${formatReport(report)}${messageOf(out)} written\n`);
  return exitCodeOf(report.skipped.length, report.skipped.length + report.images);
};

function calibrateFlags(flags: Flags): CalibrateOptions {
  const split = choiceFlag(flags, "split", ["train", "val"]);
  const unknown = choiceFlag(flags, "unknown", LOGIT_SCORES);
  const [batchSize, seed] = [integerFlag(flags, "batchSize", 1, 1024), integerFlag(flags, "seed", 0, Number.MAX_SAFE_INTEGER)];
  const falseRejection = numberFlag(flags, "falseRejection", 0, 1);
  if (falseRejection !== undefined && unknown === undefined) throw unexpected(["--false-rejection"], "supported only with --unknown");
  return {
    ...(split === undefined ? {} : { split }),
    ...(unknown === undefined ? {} : { unknown }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(seed === undefined ? {} : { seed }),
    ...(falseRejection === undefined ? {} : { falseRejection }),
  };
}

const MEASURES = { nll: "NLL", brier: "Brier score", ece: "ECE" } as const;

function formatReport({ data, images, accuracy, temperature, before, after, unknown }: CalibrationReport): string {
  const shown = (value: number): string => value.toFixed(4);
  const rows = (["nll", "brier", "ece"] as const).map((measure) => [
    MEASURES[measure],
    ...[before, after].flatMap((quality) => [shown(quality[measure]), quality.intervals[measure].map(shown).join(" to ")]),
  ]);
  const decision =
    unknown === null
      ? ""
      : `unknown below ${unknown.score} ${unknown.threshold.toPrecision(4)}, which rejects ${formatPercent(unknown.falseRejection)} of known images\n`;
  return [
    `${messageOf(data)}: ${formatCount(images)} images, accuracy ${formatPercent(accuracy)}, temperature ${temperature.toFixed(3)}\n`,
    formatTable(["measure", "before", "95% interval", "cross-fitted", "95% interval"], rows, [1, 3]),
    decision,
  ].join("");
}
