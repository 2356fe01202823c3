import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openEvaluationRecord } from "./evaluation-record.js";

let folder = "";
let file = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-record-"));
  file = path.join(folder, "record.jsonl");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ABOUT = { format: "inceptionkit-evaluation", images: 4 };
const image = (index: number) => ({ index, label: 0, answer: 1, rank: 2, loss: 0.5, probability: 0.25 });
const line = (value: object) => `${JSON.stringify(value)}\n`;

test("a record is open in one place at a time", async () => {
  const first = await openEvaluationRecord(file, ABOUT);
  await expect(openEvaluationRecord(file, ABOUT)).rejects.toMatchObject({
    code: "WRITE_FAILED",
    message: `Cannot write record "${file}": process ${process.pid} on ${hostname()} is writing to it; if that process has ended, delete "${file}.lock"`,
  });
  await first.append([image(2)], [{ index: 0, name: "a.jpg", reason: "cut off" }]);
  await first.close();
  const second = await openEvaluationRecord(file, ABOUT);
  expect(second).toMatchObject({ scored: [image(2)], skipped: [{ index: 0, name: "a.jpg", reason: "cut off" }] });
  await second.close();
  expect(await readdir(folder)).toEqual(["record.jsonl"]);
});

test.each([
  [
    "an index twice",
    [image(1), { index: 3, name: "a.jpg", reason: "cut off" }, image(3)],
    "line 4 repeats index 3 of line 3; two evaluations wrote to it at the same time; delete it and start again",
  ],
  ["an index beyond the images", [image(1), image(4)], "line 3 has index 4, expected an integer from 0 to 3"],
])("a record with %s is refused, and not locked afterwards", async (_, lines, fact) => {
  await writeFile(file, line(ABOUT) + lines.map(line).join(""));
  await expect(openEvaluationRecord(file, ABOUT)).rejects.toMatchObject({
    code: "FILE_CORRUPT",
    message: `Cannot read record "${file}": ${fact}`,
  });
  expect(await readdir(folder)).toEqual(["record.jsonl"]);
});
