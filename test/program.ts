/** The command line as a user runs it: the built program in a process of its own, or in this one where it fails early. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { expect } from "vitest";
import { main } from "../src/cli/main.js";

export const ROOT = path.resolve(import.meta.dirname, "..");
const BIN = path.join(ROOT, "bin/inception.js");

export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run the program to its end. */
export function inception(...args: readonly string[]): Promise<Result> {
  return ended(begin(...args));
}

export function begin(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [BIN, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
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

/** A command line that fails before any work, in this process. */
export async function refused(...args: readonly string[]): Promise<Result> {
  let [out, err] = ["", ""];
  const code = await main(args, { out: (text) => (out += text), err: (text) => (err += text), interactive: false });
  return { code, out, err };
}

export function json(result: Result): Record<string, unknown> {
  expect(result).toMatchObject({ code: 0 });
  return JSON.parse(result.out) as Record<string, unknown>;
}
