/** The programs of examples/, as a user runs them: they stay as short as the README says. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROOT } from "./program.js";

const run = promisify(execFile);

// test/web/page-programs.test.ts runs the pages.
test.each([
  ["similarity.js", 10],
  ["classify-page/main.js", 15],
  ["segment-page/main.js", 10],
])("%s has at most %i lines", (program, limit) => {
  const lines = readFileSync(path.join(ROOT, "examples", program), "utf8").split("\n");
  expect(lines.filter((line) => !/^\s*(\/\/|$)/.test(line)).length).toBeLessThanOrEqual(limit);
});

test("similarity.js finds the other picture of a seven", async () => {
  const program = path.join(ROOT, "examples/similarity.js");
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
