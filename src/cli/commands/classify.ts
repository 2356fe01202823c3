import { messageOf } from "../../errors.js";
import { logitsOutput } from "../../node/load-model.js";
import { type Prediction, topPredictions } from "../../predict/predict.js";
import type { RunCommand } from "../command.js";
import { integerFlag } from "../flags.js";
import { printJson } from "../io.js";
import { reportFailures, runOnFiles } from "../run-model.js";

/** `classify FILES|DIR`: the most probable classes of each image. */
export const run: RunCommand = async ([files = []], flags, io) => {
  const count = integerFlag(flags, "top", 1, 100_000) ?? 5;
  const json = flags.json === true;
  const outcomes = await runOnFiles(typeof files === "string" ? [files] : files, flags, io, {
    output: logitsOutput,
    needsClassifier: true,
    interpret: (row, loaded) => ({ top: topPredictions(row, count, loaded.artefact.labels) }),
  });
  if (json) printJson(io, outcomes);
  else for (const outcome of outcomes) if ("top" in outcome) io.out(formatOutcome(outcome));
  return reportFailures(outcomes, io, json);
};

function formatOutcome({ file, top }: { readonly file: string; readonly top: readonly Prediction[] }): string {
  const lines = top.map(({ label, probability }) => `  ${(probability * 100).toFixed(1).padStart(5)} %  ${messageOf(label)}`);
  return `${messageOf(file)}\n${lines.join("\n")}\n`;
}
