/** The programs of examples/, as a user runs them: they stay as short as the README says. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROOT } from "./program.js";

const run = promisify(execFile);

test("similarity.js finds the other picture of a seven, in ten lines", async () => {
  const program = path.join(ROOT, "examples/similarity.js");
  const lines = readFileSync(program, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  expect(lines.length).toBeLessThanOrEqual(10);
  const digits = path.join(ROOT, "examples/digits");
  const { stdout } = await run(process.execPath, [
    program,
    path.join(digits, "digits.onnx"),
    path.join(digits, "images"),
    path.join(digits, "images/7-a.png"),
  ]);
  const rows = stdout.split("\n").flatMap((line) => /images\/(\d-[ab])\.png/.exec(line)?.[1] ?? []);
  expect(rows).toHaveLength(5);
  expect(rows.slice(0, 2)).toEqual(["7-a", "7-b"]);
});
