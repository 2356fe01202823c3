/**
 * Every `inception …` line of the README, of docs/, of the model cards and of `--help` is parsed; those whose inputs are in the
 * sample workspace run there.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS } from "../src/cli/commands.js";
import { parseLine } from "../src/cli/main.js";
import { MODELS } from "../src/models/index.js";
import { type CommandLine, findCommandLines } from "./command-lines.js";
import { inceptionIn } from "./program.js";
import { fillWorkspace } from "./sample-workspace.js";

/** Training, what measures itself for minutes, and the server, which never ends, have tests of their own. */
const LONG = ["train", "train-seg", "fid", "verify", "quantize", "experiment", "serve"];
/** Flags whose values are written, not read. */
const OUTPUTS = ["--out", "--svg", "--export", "--record", "--csv", "--training-step", "--save-statistics", "--report"];

const lines = [...new Map(findCommandLines().map((each) => [`${each.place} ${each.line}`, each])).values()];

describe("command lines of the documentation", () => {
  const asksForHelp = ({ args }: CommandLine): boolean => args.includes("--help") || args[0] === "help";

  test.each(lines.filter(asksForHelp))("$place: $line", ({ args }) => {
    const [name] = args.filter((word) => word !== "help" && word !== "--help");
    expect(COMMANDS.map((command) => command.name)).toContain(name);
  });

  test.each(lines.filter((line) => !asksForHelp(line)))("$place: $line", async ({ args }) => {
    const { command, flags } = await parseLine(args);
    expect(command.name).toBe(args[0]);
    // A flag without its value takes the next flag for it.
    expect(Object.values(flags).filter((value) => typeof value === "string" && value.startsWith("--"))).toEqual([]);
  });

  describe("run in the sample workspace", () => {
    let folder = "";
    let ran = 0;
    beforeAll(() => {
      folder = mkdtempSync(path.join(tmpdir(), "inception-docs-"));
      return fillWorkspace(folder);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    test("those whose inputs are there", { timeout: 900_000 }, async () => {
      const unique = [...new Map(lines.map((each) => [each.args.join("\0"), each])).values()];
      for (const line of unique.filter((each) => canRun(each, folder))) {
        const { code, out, err } = await inceptionIn(folder, ...line.args);
        // diff ends with 1 where the networks differ, which is what its examples show.
        // `check` does where the data has severe faults.
        const expected = line.args[0] === "diff" || line.args[0] === "check" ? [0, 1] : [0];
        if (!expected.includes(code ?? -1)) throw new Error(`${line.place}: ${line.line} ended with ${code}:\n${out.slice(-500)}${err}`);
        ran++;
      }
      expect(ran).toBeGreaterThanOrEqual(25);
    });
  });
});

function canRun({ args }: CommandLine, folder: string): boolean {
  const [command = "", ...rest] = args;
  if (LONG.includes(command)) return false;
  if (rest.some((word) => /^[A-Z]{1,9}$/.test(word))) return false;
  const inputs = rest.filter((word, index) => !word.startsWith("--") && !OUTPUTS.includes(rest[index - 1] ?? ""));
  return inputs.every((word) => isModel(word) || isPlain(word) || existsSync(path.join(folder, word)));
}

function isModel(word: string): boolean {
  const [id = ""] = word.split(":");
  return id === "hippocampus" || MODELS.some((model) => model.id === id || model.family === id);
}

/** Values that are no files: numbers, options, names of methods and classes. */
function isPlain(word: string): boolean {
  return /^[\d.,x]+$/.test(word) || word.includes("=") || /^(all|last|best|rose|svg|grad_cam|x|repeat\.0|inception_a\.0)$/.test(word);
}
