/**
 * ONNX graphs whose semantics end or exhaust a runtime, through the commands that read them, in a process of their own:
 * each works or fails in one typed line, within 20 seconds and 1.5 GB.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_SECONDS, type Outcome, outcomes } from "./measured.js";
import { ROOT } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const HOSTILE = "data/hostile";
const hostile = sharedPath(HOSTILE);
const IMAGE = path.join(ROOT, "examples/digits/images/0-a.png");

const MAX_BYTES = 1.5e6 * 1024;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-graphs-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function check({ args, code, err, seconds, bytes }: Outcome): void {
  const what = args.join(" ");
  expect([0, 1, 2], `${what}: ${err}`).toContain(code);
  expect(seconds, what).toBeLessThan(MAX_SECONDS);
  expect(bytes, what).toBeLessThan(MAX_BYTES);
  const lines = err.split("\n").filter((line) => line.startsWith("inception: "));
  if (args[0] === "classify") expect(lines.length, `${what}: ${err}`).toBe(code === 0 ? 0 : 1);
}

describe.skipIf(hostile === null)(titleNeeding("hostile ONNX graphs", hostile, HOSTILE), () => {
  const root = path.join(hostile ?? "", "onnx");
  const files = hostile === null ? [] : readdirSync(root).map((file) => path.join(root, file));
  const preprocessing = path.join(hostile ?? "", "preprocessing.json");

  test.each([
    ["classify", (file: string) => ["classify", IMAGE, "--model", file, "--preprocessing", preprocessing]],
    ["inspect", (file: string) => ["inspect", file]],
    ["diff", (file: string) => ["diff", file, file]],
  ])(
    "%s works or fails in one line",
    async (_command, argsOf) => {
      expect(files.length).toBeGreaterThan(50);
      for (const outcome of await outcomes(folder, files.map(argsOf))) check(outcome);
    },
    120_000,
  );

  test("those that asked for gigabytes and minutes are refused for what they ask", async () => {
    const named = (name: string) => path.join(root, `${name}.onnx`);
    const facts: readonly (readonly [name: string, fact: string])[] = [
      ["bn-segv", "graph.node[0] (BatchNormalization) has 3 outputs, expected 1"],
      ["bn-2-1", 'graph.node[0] (BatchNormalization) has attribute "training_mode" 2, expected 0'],
      [
        "classes-1e8",
        "graph.node[3] (Expand) raises the outputs to 400,000,000 bytes, the limit is 268,435,456 (option limits.outputBytes)",
      ],
      [
        "concat-doubling",
        "graph.node[21] (Concat) takes float32[1, 3, 33554432, 8], 3,221,225,472 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
      ],
      [
        "expand-const-4GB",
        "graph.node[0] (Expand) takes float32[1024, 1024, 1024], 4,294,967,296 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
      ],
      [
        "matmul-load",
        "graph.node[466] (MatMul) raises a run to 4,002,909,519,872 multiply-adds, the limit is 4,000,000,000,000 (option limits.macs)",
      ],
      [
        "matmul-run",
        "graph.node[467] (MatMul) raises a run to 4,002,909,520,064 multiply-adds, the limit is 4,000,000,000,000 (option limits.macs)",
      ],
      ["pad-neg", "graph.node[0] (Pad) cannot pad axis 2 of float32[1, 3, 8, 8] by -2147483648 and 0 (constant)"],
      [
        "resize-run",
        "graph.node[0] (Resize) takes float32[1, 3, 20000, 20000], 4,800,000,000 bytes, the limit is 2,147,483,648 (option limits.valueBytes)",
      ],
    ];
    const calls = facts.map(([name]) => ["classify", IMAGE, "--model", named(name), "--preprocessing", preprocessing]);
    const results = await outcomes(folder, calls);
    expect(results.map(({ code, err }) => [code, err])).toEqual(
      facts.map(([name, fact]) => [2, `inception: Cannot load "${named(name)}": ${fact}\n`]),
    );
  }, 60_000);
});
