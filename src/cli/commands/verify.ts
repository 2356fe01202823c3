import { readFile } from "node:fs/promises";
import { InceptionError, messageOf } from "../../errors.js";
import { createNodeSession } from "../../node/ort-session.js";
import { sha256Hex } from "../../node/sha256.js";
import { parseGoldenFile } from "../../predict/golden-file.js";
import { type VerifiedCase, verifyGolden } from "../../predict/verify.js";
import type { RunCommand } from "../command.js";
import { deviceFlags } from "../flags.js";
import { formatTable, type Io, printJson } from "../io.js";

/** `verify GOLDEN.json…`: exit code 1 if any case is outside its tolerance. */
export const run: RunCommand = async ([files = []], flags, io) => {
  const results = [];
  for (const file of typeof files === "string" ? [files] : files) {
    const golden = parseGoldenFile(await readGolden(file), file);
    const cases = await verifyGolden(golden, {
      createSession: (model) => createNodeSession(model, { ...deviceFlags(flags), transfer: true, name: golden.model }),
      sha256: sha256Hex,
      onCase: (name) => io.interactive && io.err(`${file}: ${name} …\n`),
    });
    results.push({ file, cases });
    if (flags.json !== true) printCases(io, file, cases);
  }
  // One file gives one object, several a list: the shape that a caller of either expects.
  if (flags.json === true) printJson(io, results.length === 1 ? results[0] : results);
  return results.every(({ cases }) => cases.every(({ pass }) => pass)) ? 0 : 1;
};

function printCases(io: Io, file: string, cases: readonly VerifiedCase[]): void {
  io.out(`${file}\n`);
  const rows = cases.map(({ name, worst, tolerance, pass, checks }) => {
    const at = checks.reduce((most, check) => (check.worst > most.worst ? check : most), { name: "–", worst: -1 });
    return [
      name,
      worst.toExponential(2),
      tolerance.toExponential(0),
      pass ? "pass" : "FAIL",
      `${checks.length} checks, largest at ${at.name}`,
    ];
  });
  io.out(`${formatTable(["case", "worst error / spread", "tolerance", "", ""], rows, [1, 2])}\n`);
}

async function readGolden(file: string): Promise<string> {
  return readFile(file, "utf8").catch((thrown: unknown) => {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot read golden file "${file}": ${messageOf(thrown)}`, { file });
  });
}
