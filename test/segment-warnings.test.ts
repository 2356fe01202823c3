/** What `inception segment` says about a case that is not like those its model was trained on: the bundled model on real and crafted volumes. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume, foldSplit, type Triple } from "../src/data/index.js";
import { findBundledModel, prepareBundledModel } from "../src/node/bundled-models.js";
import { openVolumeDataset, readCase } from "../src/node/datasets/volume-dataset.js";
import { evaluateSegmentation } from "../src/node/evaluate-segmentation.js";
import { exportOnnx, exportSafetensors } from "../src/node/export-model.js";
import { openSegmenter } from "../src/node/segment/segmenter.js";
import { readVolume, writeVolume } from "../src/node/volumes.js";
import { caseStatistics, checkInput, checkLabelVolumes, trainingStatistics } from "../src/segment/index.js";
import { failureOf } from "./failures.js";
import { ROOT, refused } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const EXAMPLE = path.join(ROOT, "examples/segment/hippocampus_001.nii.gz");
const TRUTH = path.join(ROOT, "examples/segment/hippocampus_001-labels.nii.gz");
const DATA = "data/msd_hippocampus";
const Y_REFUSED =
  'Cannot mirror "inception_resnet_3d.table" along y and z: its training mirrored along x only, so it mislabels volumes mirrored along other axes; mirror along x or none';

let folder = "";
/** Crafted volumes: a head of 2 mm voxels, a CT-like cylinder, voxels of 2 mm, and one value in all voxels but one. */
let crafted: Readonly<Record<"head" | "ct" | "coarse" | "constant", string>>;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-warnings-"));
  crafted = {
    head: await write("head", [72, 80, 60], 2, head([72, 80, 60])),
    ct: await write("ct", [36, 50, 36], 1, (x, y) =>
      Math.hypot(x - 18, y - 25) < 14 ? 40 : Math.hypot(x - 18, y - 25) < 18 ? 800 : -1000,
    ),
    coarse: await write("coarse", [18, 26, 18], 2, (x, y, z) => 100 + 50 * Math.sin(0.5 * x + 0.3 * y + 0.2 * z)),
    constant: await write("constant", [36, 50, 36], 1, (x, y, z) => (x + y + z === 0 ? 8 : 7)),
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

type Intensity = (x: number, y: number, z: number) => number;

async function write(name: string, shape: Triple, spacing: number, at: Intensity): Promise<string> {
  const file = path.join(folder, `${name}.nii.gz`);
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => {
    const row = Math.floor(i / shape[0]);
    return at(i % shape[0], row % shape[1], Math.floor(row / shape[1]));
  });
  await writeVolume(file, createVolume(shape, data, [spacing, 0, 0, 0, 0, spacing, 0, 0, 0, 0, spacing, 0, 0, 0, 0, 1]));
  return file;
}

/** Air, a bright scalp, a dark skull, and a brain of slow waves. */
function head(shape: Triple): Intensity {
  return (...place) => {
    const [x, y, z] = place;
    const radius = Math.hypot(...place.map((at, axis) => (2 * at) / (shape[axis as 0 | 1 | 2] - 1) - 1));
    if (radius > 0.95) return 5 + (x % 5);
    if (radius > 0.85) return 300;
    return radius > 0.8 ? 20 : 110 + 40 * Math.sin(0.4 * x) * Math.cos(0.34 * y + 0.2 * z);
  };
}

const segment = (...args: readonly string[]) => refused("segment", ...args, "--threads", "1");

function newFolder(name: string): string {
  const full = path.join(folder, name);
  mkdirSync(full);
  return full;
}

async function hippocampus() {
  const shipped = findBundledModel("hippocampus");
  if (shipped === null) throw new Error("the package has a model hippocampus");
  return prepareBundledModel(shipped);
}

describe("the bundled volume", () => {
  test("is segmented as its README states, without a warning", async () => {
    const out = newFolder("example");
    const { code, out: text, err } = await segment(EXAMPLE, "--out", out, "--mirror", "x", "--json");
    const [result] = JSON.parse(text) as { readonly warnings: unknown; readonly output: string }[];
    expect([code, err, result?.warnings]).toEqual([0, "", []]);
    const { cases } = await evaluateSegmentation(result?.output ?? "", TRUTH);
    const dice = cases[0]?.classes.map((label) => label.dice ?? 0) ?? [];
    expect(dice[0]).toBeCloseTo(0.923, 2);
    expect(dice[1]).toBeCloseTo(0.892, 2);
    expect(readFileSync(path.join(out, "volumes.csv"), "utf8")).toMatch(/,warnings\r\n.*,Anterior,\d+,\d+,\r\n/);
    expect(readFileSync(path.join(out, "qc/hippocampus_001.html"), "utf8")).not.toMatch(/<aside/);
  });
});

describe("a case of another kind", () => {
  test("is segmented with warnings on the terminal, in JSON, in the CSV and on the page", async () => {
    const out = newFolder("warned");
    const { code, out: text, err } = await segment(crafted.head, "--out", out, "--overlap", "0", "--json");
    expect(code).toBe(0);
    const [{ warnings } = { warnings: [] }] = JSON.parse(text) as {
      readonly warnings: { readonly code: string; readonly message: string }[];
    }[];
    expect(warnings.slice(0, 2)).toEqual([
      {
        code: "field-of-view",
        message: "field of view along x is 144 mm, expected 20.7 to 64.5 (training cases: 31 to 43)",
        measured: 144,
        accepted: [31 / 1.5, 64.5],
        trained: [31, 43],
      },
      {
        code: "voxel-spacing",
        message: "voxel spacing along x is 2 mm, expected 0.8 to 1.25 (training cases: 1)",
        measured: 2,
        accepted: [0.8, 1.25],
        trained: [1, 1],
      },
    ]);
    expect(warnings.map((each) => each.code)).toContain("label-volume");
    expect(err.split("\n").filter((line) => line.startsWith("warning"))).toEqual(
      warnings.map(({ message }) => `warning: ${crafted.head}: ${message}`),
    );
    const codes = [...new Set(warnings.map((each) => each.code))].join(" ");
    const rows = readFileSync(path.join(out, "volumes.csv"), "utf8").split("\r\n");
    for (const row of rows.slice(1, 3)) expect(row.split(",").at(-1)).toBe(codes);
    const page = readFileSync(path.join(out, "qc/head.html"), "utf8");
    expect(page).toContain("This case differs from the training cases; its labels may be wrong");
    for (const { code: each, message } of warnings) expect(page).toContain(`<li><code>${each}</code> ${message}</li>`);
  });

  test("each kind has its code", async () => {
    const out = newFolder("kinds");
    const { code, out: text } = await segment(crafted.ct, crafted.coarse, crafted.constant, "--out", out, "--no-qc", "--json");
    expect(code).toBe(0);
    const results = JSON.parse(text) as { readonly warnings: { readonly code: string }[] }[];
    expect(results.map(({ warnings }) => warnings[0]?.code)).toEqual(["constant-voxels", "voxel-spacing", "constant-voxels"]);
  });

  test("is rejected with --strict, before the network runs where the input shows it; nothing is written for it", async () => {
    const out = newFolder("strict");
    const facts =
      "field of view along x is 144 mm, expected 20.7 to 64.5 (training cases: 31 to 43); voxel spacing along x is 2 mm, expected 0.8 to 1.25 (training cases: 1); ";
    const { code, err } = await segment(EXAMPLE, crafted.head, "--out", out, "--strict");
    expect(code).toBe(1);
    expect(err).toMatch(/^inception: Cannot segment "[^"]+head\.nii\.gz": [^\n]+\ninception: failed to segment 1 of 2 files\n$/);
    expect(err).toContain(`inception: Cannot segment "${crafted.head}": ${facts}`);
    expect(readdirSync(out, { recursive: true, encoding: "utf8" }).toSorted()).toEqual([
      "hippocampus_001.nii.gz",
      "qc",
      path.join("qc", "hippocampus_001.html"),
      "volumes.csv",
    ]);
    const alone = newFolder("strict-alone");
    expect((await segment(crafted.constant, "--out", alone, "--strict", "--no-qc")).code).toBe(2);
    expect(readdirSync(alone)).toEqual([]);
  });

  test("is rejected with --strict by its label volumes too", async () => {
    const { volume } = await readVolume(EXAMPLE);
    const inverted = path.join(folder, "inverted.nii.gz");
    await writeVolume(
      inverted,
      createVolume(
        volume.shape,
        Float32Array.from(volume.data, (value) => 255 - value),
        volume.affine,
      ),
    );
    const segmenter = await openSegmenter("hippocampus", { threads: 1 });
    try {
      const { warnings, labelStatistics: measured } = await segmenter.segment(inverted);
      expect(warnings?.map(({ code }) => code)).toEqual(["label-volume"]);
      const [{ mm3 } = { mm3: 0 }] = measured.slice(1);
      expect(await failureOf(segmenter.segment(inverted, { strict: true }))).toMatchObject({
        code: "VOLUME_UNEXPECTED",
        message: `Cannot segment "${inverted}": volume of Posterior is ${mm3} mm³, expected 497 to 4,340 (training cases: 993 to 2,170)`,
      });
    } finally {
      await segmenter.close();
    }
  });
});

describe("what a model records about its training", () => {
  test("other axes than those of training are refused, by the command and the API", async () => {
    const out = path.join(folder, "mirrored");
    expect(await segment(EXAMPLE, "--out", out, "--mirror", "xyz")).toEqual({ code: 2, out: "", err: `inception: ${Y_REFUSED}\n` });
    expect(existsSync(out)).toBe(false);
    const segmenter = await openSegmenter("hippocampus", { threads: 1 });
    const failure = await failureOf(segmenter.segment(EXAMPLE, { mirrorAxes: [2, 1] }));
    await segmenter.close();
    expect(failure).toMatchObject({ code: "OPTION_INVALID", message: Y_REFUSED });
  });

  test.each(["hippocampus.onnx", "hippocampus.safetensors"])("goes into an exported %s", async (name) => {
    const prepared = await hippocampus();
    const file = path.join(folder, name);
    const isOnnx = name.endsWith(".onnx");
    await (isOnnx ? exportOnnx(prepared, file) : exportSafetensors(prepared, file, "inceptionkit"));
    const segmenter = isOnnx
      ? await openSegmenter(file, { threads: 1 })
      : await openSegmenter("inception_resnet_3d.table", { weights: file, threads: 1 });
    const failure = await failureOf(segmenter.segment(EXAMPLE, { mirrorAxes: [1, 2] }));
    await segmenter.close();
    expect(segmenter.recipe).toEqual(prepared.metadata.segmentation);
    expect(segmenter.recipe.training?.cases).toBe(160);
    expect(failure).toMatchObject({ message: Y_REFUSED });
  });

  test("a file without that record is said to be unchecked once, is not mirrored, and not checked strictly", async () => {
    const { metadata, ...prepared } = await hippocampus();
    const { training, mirrorAxes, ...segmentation } = metadata.segmentation ?? {
      spacing: null,
      normalization: [],
      patchSize: [1, 1, 1],
      labelValues: [],
    };
    const file = path.join(folder, "older.onnx");
    await exportOnnx({ ...prepared, metadata: { ...metadata, segmentation } }, file);
    const out = path.join(folder, "older");
    const given = [EXAMPLE, crafted.constant, "--model", file, "--out", out];
    expect((await segment(...given)).err).toBe(
      "warning: the model records no statistics of its training cases; cases are not compared with them\n",
    );
    expect(readFileSync(path.join(out, "volumes.csv"), "utf8").match(/,not-checked\r\n/g)).toHaveLength(4);
    expect(readFileSync(path.join(out, "qc/constant.html"), "utf8")).toContain('<aside class="unchecked" role="note">Not checked: ');
    expect(await segment(...given, "--mirror", "x")).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot mirror "inception_resnet_3d.table" along x: the model does not record which axes its training mirrored; export it again from its run, or mirror along none\n',
    });
    expect(await segment(...given, "--strict")).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot check cases for "inception_resnet_3d.table": the model records no statistics of its training cases; segment it without --strict\n',
    });
  });
});

describe("the Decathlon's cases", () => {
  const data = sharedPath(DATA);

  test.skipIf(!data)(
    titleNeeding("the bundled model has the statistics of its 160 training cases, and none of 200 is warned about", data, DATA),
    async () => {
      const { cases } = await openVolumeDataset(data ?? "");
      const { segmentation: recipe } = (await hippocampus()).metadata;
      const training = recipe?.training;
      if (recipe === undefined || training === undefined) throw new Error("the bundled model has statistics");
      const facts = [];
      const warned: string[] = [];
      for (const each of cases) {
        const { channels, labels } = await readCase(each);
        const fact = caseStatistics(each.id, channels, labels);
        facts.push(fact);
        const counts = new Map(fact.voxels);
        const volumes = [1, 2].map((value) => ({ name: String(value), mm3: (counts.get(value) ?? 0) * fact.voxelMm3 }));
        const found = [...checkInput(training, channels, recipe), ...checkLabelVolumes(training, volumes)];
        warned.push(...found.map(({ message }) => `${each.id}: ${message}`));
      }
      expect(cases).toHaveLength(200);
      expect(warned).toEqual([]);
      const { train } = foldSplit(200, 5, 0, 1);
      const chosen = facts.filter((_, index) => train.includes(index));
      expect(trainingStatistics(chosen, recipe)).toEqual(training);
    },
  );
});
