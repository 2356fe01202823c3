/**
 * Volumes that ask for more than they hold, through the commands as a user runs them: each works or fails with one typed line,
 * within 20 s and 1.5 GB.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume, type Triple } from "../src/data/index.js";
import { encodeNifti } from "../src/formats/nifti-encode.js";
import { MAX_SECONDS, type Outcome, outcomes } from "./measured.js";
import { sharedPath, titleNeeding } from "./shared.js";

const MAX_BYTES = 1.5 * 1024 ** 3;
const MEBIBYTE = 2 ** 20;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-hostile-volumes-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: readonly string[]): Promise<Outcome> {
  const [outcome] = await outcomes(folder, [args]);
  if (outcome === undefined) throw new Error("the command did not answer");
  return outcome;
}

function expectBounded({ code, err, bytes, processorSeconds }: Outcome): void {
  expect([0, 1, 2]).toContain(code);
  if (code !== 0) expect(err).toMatch(/^inception: Cannot [^\n]+\n$/);
  expect(bytes).toBeLessThan(MAX_BYTES);
  expect(processorSeconds).toBeLessThan(MAX_SECONDS);
}

/** A NIfTI file of zeros: the header says `shape`, `held` MiB follow; packed, each MiB is a gzip member of a kilobyte. */
function zeros(name: string, shape: Triple, held: number): string {
  const [header] = encodeNifti(createVolume([1, 1, 1], new Uint8Array(1)));
  const view = new DataView(header.buffer);
  for (const [axis, size] of shape.entries()) view.setInt16(42 + 2 * axis, size, true);
  const file = path.join(folder, name);
  const packed = name.endsWith(".gz");
  const block = new Uint8Array(MEBIBYTE);
  const parts = packed ? Array<Uint8Array>(held).fill(gzipSync(block)) : [block.subarray(0, shape[0] * shape[1] * shape[2])];
  writeFileSync(file, Buffer.concat([packed ? gzipSync(header) : header, ...parts]));
  return file;
}

describe("crafted volumes", () => {
  test.each<[string, Triple, number, string]>([
    ["packed.nii.gz", [1024, 1024, 300], 300, "shape is [1024, 1024, 300], the limit is 268,435,456 voxels"],
    [
      "thin.nii",
      [32_767, 1, 1],
      1,
      "a volume of [32767, 1, 1] voxels is padded to [32767, 56, 40] for windows of [40, 56, 40], 2240 times as many voxels; the limit is 64 times",
    ],
    ["flat.nii.gz", [4096, 4096, 12], 192, "after padding its shape is [4096, 4096, 40], the limit is 268,435,456 voxels"],
  ])("%s is refused by its header, before voxels are unpacked", async (name, shape, held, fact) => {
    const file = zeros(name, shape, held);
    const outcome = await run("segment", file, "--out", path.join(folder, "out"), "--threads", "1");
    expectBounded(outcome);
    expect([outcome.code, outcome.err]).toEqual([2, `inception: Cannot segment "${file}": ${fact}\n`]);
    // The runtime with the model takes most of this.
    expect(outcome.bytes).toBeLessThan(400 * MEBIBYTE);
  });
});

describe("files of the shared collection", () => {
  for (const kind of ["nifti", "dicom"]) {
    const relative = `data/hostile/${kind}`;
    const found = sharedPath(relative);
    const names = found === null ? [relative] : readdirSync(found).toSorted();
    test.skipIf(found === null).each(names)(titleNeeding("%s", found, relative), async (name) => {
      const file = path.join(found ?? "", name);
      expectBounded(await run("inspect", file));
      const out = path.join(folder, `out-${name}`);
      expectBounded(await run("segment", file, "--out", out, "--threads", "1"));
    });
  }
});
