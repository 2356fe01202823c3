/** Command lines in a process of their own, with what they take of it. */
import { spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import { ended, ROOT } from "./program.js";

/** What a hostile file may take. */
export const MAX_SECONDS = 20;
/** A hang must end the test, not the test run. */
const HANG_SECONDS = 6 * MAX_SECONDS;

export interface Outcome {
  readonly args: readonly string[];
  readonly code: number;
  readonly err: string;
  readonly seconds: number;
  /** Processor time of the process so far: how long a command takes on the clock depends on what else runs. */
  readonly processorSeconds: number;
  /** The largest memory of the process so far. */
  readonly bytes: number;
}

/** Calls the program once for each list of arguments, and says after each what came of it. */
const CHILD = `
  const { main } = await import(${JSON.stringify(pathToFileURL(path.join(ROOT, "dist/cli/main.js")).href)});
  for (const args of JSON.parse(process.argv[1])) {
    let err = "";
    const start = performance.now();
    const code = await main(args, { out: () => {}, err: (text) => (err += text), interactive: false });
    const seconds = (performance.now() - start) / 1000;
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const processorSeconds = (userCPUTime + systemCPUTime) / 1e6;
    console.log(JSON.stringify({ args, code, err, seconds, processorSeconds, bytes: maxRSS * 1024 }));
  }
`;

/** What came of command lines, all in one process. */
export async function outcomes(cwd: string, calls: readonly (readonly string[])[]): Promise<readonly Outcome[]> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", CHILD, JSON.stringify(calls)], {
    cwd,
    timeout: HANG_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  const { code, out, err } = await ended(child);
  const results = out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Outcome);
  // A process that dies says so by the call that it did not answer.
  expect({ code, err, next: calls[results.length] }).toEqual({ code: 0, err: "", next: undefined });
  return results;
}
