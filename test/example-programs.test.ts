/** The programs of examples/, as a user runs them: they stay as short as the README says. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { openClassifier } from "../src/index.js";
import { ROOT } from "./program.js";

const run = promisify(execFile);

// test/web/page-programs.test.ts runs the pages.
test.each([
  ["similarity.js", 10],
  ["fine-tune.js", 12],
  ["train-page/main.js", 25],
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

test("fine-tune.js writes a model of the directory's classes", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "inceptionkit-fine-tune-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const digits = path.join(ROOT, "examples/digits");
  for (const [digit, label] of ["three", "seven"].map((name, index) => [3 + 4 * index, name] as const)) {
    mkdirSync(path.join(folder, "photos", label), { recursive: true });
    for (const copy of [1, 2]) {
      for (const which of ["a", "b"]) {
        cpSync(path.join(digits, `images/${digit}-${which}.png`), path.join(folder, "photos", label, `${copy}${which}.png`));
      }
    }
  }
  const out = path.join(folder, "out.onnx");
  const program = path.join(ROOT, "examples/fine-tune.js");
  const { stdout } = await run(process.execPath, [program, path.join(digits, "digits.onnx"), path.join(folder, "photos"), out]);
  expect(stdout.split("\n").map((line) => line.replace(/loss [\d.]+/, "loss"))).toEqual([
    ...[1, 2, 3, 4, 5].map((epoch) => `epoch ${epoch}: loss, top-1 1`),
    `${out} distinguishes seven, three`,
    "",
  ]);
  await using classifier = await openClassifier(out, { device: "cpu" });
  const [best] = await classifier.classify(path.join(digits, "images/7-a.png"));
  expect(best?.className).toBe("seven");
});
