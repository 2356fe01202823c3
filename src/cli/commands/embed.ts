import { messageOf } from "../../errors.js";
import { writeEmbeddings } from "../../node/embedding-file.js";
import type { RunCommand } from "../command.js";
import { textFlag } from "../flags.js";
import { printJson } from "../io.js";
import { reportFailures, runOnFiles } from "../run-model.js";
import { invalid } from "../usage-error.js";

/** `embed FILES|DIR|ARRAY.npy`: one vector for each image. */
export const run: RunCommand = async ([files = []], flags, io) => {
  checkOut(textFlag(flags, "out"));
  const json = flags.json === true;
  const outcomes = await runOnFiles(typeof files === "string" ? [files] : files, flags, io, {
    output: ({ session }) =>
      textFlag(flags, "outputName") ?? (session.outputs.some((output) => output.name === "embedding") ? "embedding" : "features"),
    needsClassifier: false,
    interpret: (row) => ({ embedding: Array.from(row) }),
  });
  const file = textFlag(flags, "out");
  if (file !== undefined)
    await writeEmbeddings(
      file,
      outcomes.filter((outcome) => "embedding" in outcome),
    );
  if (json) printJson(io, outcomes);
  else for (const outcome of outcomes) if ("embedding" in outcome) io.out(formatOutcome(outcome));
  return reportFailures(outcomes, io, json);
};

/** Before the work, not after it. */
function checkOut(file: string | undefined): void {
  if (file === undefined || file.toLowerCase().endsWith(".npy")) return;
  throw invalid("--out", file, "a name that ends in .npy");
}

function formatOutcome({ file, embedding }: { readonly file: string; readonly embedding: readonly number[] }): string {
  const shown = embedding.slice(0, 6).map((value) => value.toFixed(4));
  return `${messageOf(file)}  ${embedding.length} dimensions: ${shown.join(" ")}${embedding.length > shown.length ? " … (use --json for all)" : ""}\n`;
}
