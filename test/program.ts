/** The command line as a user runs it: the built program in a process of its own, or in this one. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { expect } from "vitest";
import { main } from "../src/cli/main.js";
import { ROOT } from "./shared.js";

export { ROOT };
export const BIN = path.join(ROOT, "bin/inception.js");

export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run the program to its end. */
export function inception(...args: readonly string[]): Promise<Result> {
  return ended(begin(...args));
}

/** Run the program to its end in another directory. */
export function inceptionIn(cwd: string, ...args: readonly string[]): Promise<Result> {
  return ended(beginIn(cwd, ...args));
}

export function begin(...args: readonly string[]): ChildProcess {
  return beginIn(ROOT, ...args);
}

function beginIn(cwd: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [BIN, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
}

export function ended(child: ChildProcess): Promise<Result> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** A command line in this process, without a terminal. */
export async function inProcess(args: readonly string[], input?: () => AsyncIterable<Uint8Array>): Promise<Result> {
  let [out, err] = ["", ""];
  const streams = { out: (text: string) => (out += text), err: (text: string) => (err += text), interactive: false };
  const code = await main(args, input === undefined ? streams : { ...streams, input });
  return { code, out, err };
}

/** A command line that fails before any work, or whose work needs no process of its own. */
export function refused(...args: readonly string[]): Promise<Result> {
  return inProcess(args);
}

export function json(result: Result): Record<string, unknown> {
  expect(result).toMatchObject({ code: 0 });
  return JSON.parse(result.out) as Record<string, unknown>;
}
