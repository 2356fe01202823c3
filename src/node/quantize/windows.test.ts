import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SegmentationConfig } from "../../data/index.js";
import { createVolume } from "../../data/volumes/volume.js";
import type { InputBatch } from "../../tasks/quantize/inputs.js";
import { readWindows } from "../../tasks/quantize/windows.js";
import { NODE_PLATFORM } from "../platform.js";
import { NODE_SEGMENTATION } from "../segment/segmenter.js";
import { writeVolume } from "../volumes.js";

const RECIPE: SegmentationConfig = {
  spacing: null,
  normalization: [{ name: "z_score", region: "all" }],
  patchSize: [2, 1, 1],
  labelValues: [0, 1],
};

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-windows-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function collect(files: readonly string[], batch: number) {
  const skipped: string[] = [];
  const batches: InputBatch[] = [];
  const reader = { platform: NODE_PLATFORM, sources: {}, inThread: NODE_SEGMENTATION.inThread };
  const options = {
    recipe: RECIPE,
    batchSize: batch,
    onSkipped: (file: string, reason: string) => skipped.push(`${path.basename(file)}: ${reason}`),
  };
  for await (const each of readWindows(reader, files, options)) batches.push(each);
  return { skipped, batches };
}

test("windows that overlap no more than they must, in batches of one volume; what cannot be read is left out", async () => {
  const [row, small, damaged] = ["row.nii", "small.nii", "damaged.nii"].map((name) => path.join(folder, name));
  if (row === undefined || small === undefined || damaged === undefined) throw new RangeError("Cannot name the files");
  // Mean 3 and standard deviation √2.
  await writeVolume(row, createVolume([5, 1, 1], Float32Array.of(1, 2, 3, 4, 5)));
  await writeVolume(small, createVolume([1, 1, 2], Float32Array.of(10, 20)));
  writeFileSync(damaged, "no volume");

  const { batches, skipped } = await collect([row, damaged, small], 2);
  expect(batches.map(({ names, finished, input }) => [names.map((file) => path.basename(file)), finished, input.shape])).toEqual([
    [["row.nii", "row.nii"], 0, [2, 1, 1, 1, 2]],
    [["row.nii"], 1, [1, 1, 1, 1, 2]],
    [["small.nii", "small.nii"], 1, [2, 1, 1, 1, 2]],
  ]);
  const values = batches.map(({ input }) => [...input.data].map((value) => Math.round(value * Math.SQRT2 * 100) / 100));
  // The middle window of three starts at 1.5, rounded to the even 2; around the small volume lies its mean.
  expect(values[0]).toEqual([-2, -1, 0, 1]);
  expect(values[1]).toEqual([1, 2]);
  expect([...(batches[2]?.input.data ?? [])]).toEqual([-1, 0, 1, 0]);
  expect(skipped.length).toBe(1);
  expect(skipped[0]).toMatch(/^damaged\.nii: Cannot read /);
});
