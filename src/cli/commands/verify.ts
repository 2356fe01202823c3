import { readFile, stat } from "node:fs/promises";
import { InceptionError, messageOf } from "../../errors.js";
import { createNodeSession } from "../../node/ort-session.js";
import { createNodeTrainer } from "../../node/ort-trainer.js";
import { sha256Hex } from "../../node/sha256.js";
import { orReadFailed } from "../../node/system-error.js";
import { type VerifiedCase, type VerifyPlatform, worstCheck } from "../../predict/verified.js";
import { type VerifiedKind, verifyGoldenText } from "../../predict/verify.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT, exitCodeOf } from "../exit-code.js";
import { deviceFlags } from "../flags.js";
import { formatCount, formatTable, type Io, printJson } from "../io.js";
import { errorText } from "../option-words.js";

/** What became of a file: its cases, or why there are none. */
interface Verified {
  readonly file: string;
  readonly cases: readonly VerifiedCase[];
  /** Why nothing was run. */
  readonly error?: string;
}

/** `verify GOLDEN.json…`: goldens of networks and of training. A file that cannot be used does not keep the others from being run. */
export const run: RunCommand = async ([files = []], flags, io) => {
  const results: Verified[] = [];
  for (const file of typeof files === "string" ? [files] : files) results.push(await verifyFile(file, flags, io));
  // One file gives one object, several a list: the shape that a caller of either expects.
  if (flags.json === true) printJson(io, results.length === 1 ? results[0] : results);
  if (results.some(({ cases }) => cases.some(({ pass }) => !pass))) return EXIT.failed;
  return exitCodeOf(results.filter(({ error }) => error !== undefined).length, results.length);
};

async function verifyFile(file: string, flags: Flags, io: Io): Promise<Verified> {
  const device = deviceFlags(flags);
  const platform: VerifyPlatform = {
    createSession: (model, name) => createNodeSession(model, { ...device, transfer: true, name }),
    createTrainer: (programs, state) => createNodeTrainer(programs, state, device),
    sha256: sha256Hex,
    onCase: (name) => io.line.show(`${file}: ${name} …`, true),
  };
  try {
    const { kind, cases } = await verifyGoldenText(await readGolden(file), file, platform);
    if (flags.json !== true) printCases(io, file, kind, cases);
    return { file, cases };
  } catch (thrown) {
    if (!(thrown instanceof InceptionError)) throw thrown;
    const error = errorText(thrown);
    io.err(`inception: ${error.includes(messageOf(file)) ? "" : `${messageOf(file)}: `}${error}\n`);
    return { file, cases: [], error };
  }
}

const UNITS: Readonly<Record<VerifiedKind, string>> = { network: "worst error / spread", training: "worst relative difference" };

function printCases(io: Io, file: string, kind: VerifiedKind, cases: readonly VerifiedCase[]): void {
  io.out(`${messageOf(file)}\n`);
  const rows = cases.map(({ name, worst, tolerance, pass, checks }) => [
    name,
    worst.toExponential(2),
    tolerance.toExponential(tolerance === 0 || isRound(tolerance) ? 0 : 1),
    pass ? "pass" : "FAIL",
    `${checks.length} checks, largest difference in ${worstCheck(checks)?.name ?? "–"}`,
  ]);
  io.out(`${formatTable(["case", UNITS[kind], "tolerance", "", ""], rows, [1, 2])}\n`);
}

/** Whether one digit says it all: 5e-5. */
function isRound(value: number): boolean {
  return Number(value.toExponential(0)) === value;
}

// A hundred times the largest golden file there is; more is no golden file.
const MAX_BYTES = 64 * 1024 * 1024;

async function readGolden(file: string): Promise<string> {
  const reading = `read golden file "${messageOf(file)}"`;
  const { size } = await orReadFailed(reading, file, stat(file));
  if (size > MAX_BYTES) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot read reference file "${file}": it has ${formatCount(size)} bytes, the limit is ${formatCount(MAX_BYTES)}`,
      {
        file,
        size,
      },
    );
  }
  return orReadFailed(reading, file, readFile(file, "utf8"));
}
