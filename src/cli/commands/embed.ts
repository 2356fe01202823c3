import type { RunCommand } from "../command.js";
import { textFlag } from "../flags.js";
import { printJson } from "../io.js";
import { reportFailures, runOnFiles } from "../run-model.js";

/** `embed FILES|DIR|ARRAY.npy`: one vector for each image. */
export const run: RunCommand = async ([files = []], flags, io) => {
  const json = flags.json === true;
  const outcomes = await runOnFiles(typeof files === "string" ? [files] : files, flags, io, {
    output: ({ session }) =>
      textFlag(flags, "output") ?? (session.outputs.some((output) => output.name === "embedding") ? "embedding" : "features"),
    interpret: (row) => ({ embedding: Array.from(row) }),
  });
  if (json) printJson(io, outcomes);
  else for (const outcome of outcomes) if ("embedding" in outcome) io.out(formatOutcome(outcome));
  return reportFailures(outcomes, io, json);
};

function formatOutcome({ file, embedding }: { readonly file: string; readonly embedding: readonly number[] }): string {
  const shown = embedding.slice(0, 6).map((value) => value.toFixed(4));
  return `${file}  ${embedding.length} values: ${shown.join(" ")}${embedding.length > shown.length ? " … (all with --json)" : ""}\n`;
}
