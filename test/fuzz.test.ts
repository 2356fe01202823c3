/** The short form of `npm run fuzz`, compiled as there: cases run in processes of their own, which only JavaScript can start. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { TARGETS } from "./fuzz/index.js";
import { type Finding, type Limits, runChunks, type Tally } from "./fuzz/runner.js";
import { ROOT } from "./shared.js";

const run = promisify(execFile);
const CASES = 3000;
/** Another seed than the long form's default, so that both together see more. */
const SEED = 20;

async function node(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, [...args], { cwd: ROOT, timeout: 240_000 })) };
  } catch (thrown) {
    // Node's documented shape of this rejection; a program that took too long has code null.
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const fuzz = (...args: readonly string[]) => node("tmp/fuzz/test/fuzz/run.js", ...args);

beforeAll(async () => {
  const { stdout, code } = await node("node_modules/typescript/bin/tsc", "-p", "test/fuzz/tsconfig.json", "--noCheck");
  expect([code, stdout]).toEqual([0, ""]);
});

test(`${CASES} cases end in a result or a typed error`, async () => {
  const { code, stdout, stderr } = await fuzz("--cases", String(CASES), "--seed", String(SEED), "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const tallies = JSON.parse(stdout) as Readonly<Record<string, Tally>>;
  expect(Object.keys(tallies).toSorted()).toEqual(TARGETS.map(({ name }) => name));
  for (const [name, { cases, results, typed }] of Object.entries(tallies)) {
    expect(results + typed, name).toBe(cases);
    // Both happen, or the target tries nothing.
    expect(Math.min(results, typed), name).toBeGreaterThan(0);
  }
});

test("the same seed makes the same cases", async () => {
  const args = ["--cases", "100", "--target", "onnx-semantics", "--target", "json", "--seed", "3", "--json"];
  const [first, second] = [await fuzz(...args), await fuzz(...args, "--jobs", "1")];
  expect(JSON.parse(second.stdout)).toEqual(JSON.parse(first.stdout));
});

test("shares add up, and unknown targets are said", async () => {
  expect(TARGETS.reduce((sum, { share }) => sum + share, 0)).toBe(100);
  const { code, stderr } = await fuzz("--target", "nothing");
  expect([code, stderr.split("\n")[0]]).toEqual([
    2,
    "npm run fuzz -- [--cases N] [--seed N] [--target NAME]... [--only INDEX] [--jobs N] [--json]",
  ]);
});

describe("the runner", () => {
  /** Cases 0 to 9 of a child that does with each what its number says. */
  async function runScript(
    onCase: string,
    limits: Partial<Limits> = {},
  ): Promise<{ readonly tally: Tally | undefined; readonly findings: readonly Finding[] }> {
    const file = path.join(tmpdir(), `inception-fuzz-${process.pid}.mjs`);
    await writeFile(
      file,
      `process.on("disconnect", () => process.exit(0));
      process.on("message", async ({ from, to }) => {
        let results = 0;
        const send = (report) => new Promise((resolve) => process.send({ ...report, results, typed: 0 }, resolve));
        for (let index = from; index < to; index++) {
          await send({ kind: "case", index });
          ${onCase}
          results++;
        }
        await send({ kind: "end" });
      });`,
    );
    const findings: Finding[] = [];
    try {
      const chunk = { target: "script", seed: 1, from: 0, to: 10 };
      const tallies = await runChunks([chunk], 1, pathToFileURL(file), (finding) => findings.push(finding), limits);
      return { tally: tallies.get("script"), findings };
    } finally {
      rmSync(file);
    }
  }

  const nothing = { cases: 10, results: 10, typed: 0, untyped: 0, crashes: 0, hangs: 0, memory: 0 };
  const about = { target: "script", index: 4 };

  test.each([
    [
      "a process that crashes",
      'if (index === 4) process.kill(process.pid, "SIGSEGV"), await new Promise(() => {});',
      "crashes",
      "the process ended with SIGSEGV",
    ],
    ["a case that never ends", "while (index === 4);", "hangs", "it took longer than 2 s"],
    [
      "an error that is not typed",
      'if (index === 4) { await send({ kind: "untyped", index, text: "RangeError" }); continue; }',
      "untyped",
      "RangeError",
    ],
  ] as const)("%s is a finding, and the cases after it run", async (_title, script, kind, text) => {
    // A process may take longer than that to start on a busy machine; what does not hang has the default.
    const { tally, findings } = await runScript(script, kind === "hangs" ? { seconds: 2 } : {});
    expect(findings).toEqual([{ ...about, kind, text }]);
    expect(tally).toEqual({ ...nothing, results: 9, [kind]: 1 });
  });

  test.skipIf(process.platform !== "linux")(
    process.platform === "linux"
      ? "so is one that takes too much memory"
      : "so is one that takes too much memory [skipped: it is seen in /proc, which only Linux has]",
    async () => {
      const { tally, findings } = await runScript(
        "if (index === 4) for (const kept = []; ; await new Promise((resolve) => setTimeout(resolve, 200))) kept.push(Buffer.alloc(2 ** 26, 1));",
        { bytes: 2 ** 28 },
      );
      expect(findings).toEqual([{ ...about, kind: "memory", text: expect.stringMatching(/^it took 0\.\d\d GiB$/) as string }]);
      expect(tally).toEqual({ ...nothing, results: 9, memory: 1 });
    },
  );
});

test("SECURITY.md and package.json name the command", () => {
  expect(readFileSync(path.join(ROOT, "SECURITY.md"), "utf8")).toContain("npm run fuzz -- --cases 100000 --seed 1");
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  expect(scripts.fuzz).toBe("tsc -p test/fuzz/tsconfig.json && node tmp/fuzz/test/fuzz/run.js");
});
