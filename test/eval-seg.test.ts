/** `inception eval-seg` on files: real labels against themselves and shifted copies, folders, and files that do not belong together. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume, type Volume } from "../src/data/volumes/volume.js";
import { readVolume, writeVolume } from "../src/node/volumes.js";
import { elements } from "./html-elements.js";
import { refused } from "./program.js";
import { goldenPath, sharedPath, titleNeeding } from "./shared.js";

const LABELS = sharedPath("data/msd_hippocampus/labelsTr");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-eval-seg-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Score {
  readonly label: number;
  readonly dice: number | null;
  readonly iou: number | null;
  readonly surfaceDice: number | null;
  readonly hd95: number | null;
  readonly assd: number | null;
  readonly volumeErrorMm3: number;
}

interface Report {
  readonly cases: readonly { readonly id: string; readonly classes: readonly Score[] }[];
  readonly mean: readonly Score[];
}

const evalSeg = (...args: readonly string[]) => refused("eval-seg", ...args);

async function report(...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await evalSeg(...args, "--json");
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out) as Report;
}

function newFolder(name: string): string {
  const full = path.join(folder, name);
  mkdirSync(full);
  return full;
}

/** A row of four voxels, 2 mm apart. */
async function row(file: string, labels: readonly number[], origin = 0): Promise<void> {
  await writeVolume(
    file,
    createVolume([labels.length, 1, 1], Uint8Array.from(labels), [2, 0, 0, origin, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
  );
}

describe.skipIf(LABELS === null)(titleNeeding("real labels", LABELS, "data/msd_hippocampus/labelsTr"), () => {
  const goldens = JSON.parse(readFileSync(goldenPath("segment/hippocampus_shift.json"), "utf8")) as {
    readonly cases: Readonly<Record<string, readonly Score[]>>;
  };
  const names = Object.keys(goldens.cases);

  test("against themselves are perfect", async () => {
    const { cases, mean } = await report(path.join(LABELS ?? "", `${names[0]}.nii.gz`), path.join(LABELS ?? "", `${names[0]}.nii.gz`));
    const perfect = { dice: 1, iou: 1, surfaceDice: 1, hd95: 0, assd: 0, volumeErrorMm3: 0 };
    const classes = [1, 2].map((label) => ({ label, ...perfect }));
    expect({ cases, mean }).toEqual({ cases: [{ id: names[0], classes }], mean: classes });
  });

  test("shifted copies have SciPy's scores", async () => {
    const predictions = newFolder("shifted");
    for (const name of names) {
      const { volume, header } = await readVolume(path.join(LABELS ?? "", `${name}.nii.gz`));
      await writeVolume(path.join(predictions, `${name}.nii.gz`), shifted(volume), header);
    }
    const { code, out, err } = await evalSeg(predictions, LABELS ?? "", "--json");
    expect(code).toBe(0);
    expect(err).toMatch(/^warning: skipped \d+ ground-truth files without a prediction\n$/);
    const { cases, mean } = JSON.parse(out) as Report;
    expect(cases.map(({ id }) => id)).toEqual(names);
    for (const { id, classes } of cases) {
      expect(classes.length).toBe(2);
      for (const [i, score] of classes.entries()) expectClose(score, goldens.cases[id]?.[i]);
    }
    const dice = names.map((name) => goldens.cases[name]?.[1]?.dice ?? Number.NaN);
    expect(mean[1]?.dice).toBeCloseTo(dice.reduce((sum, value) => sum + value, 0) / names.length, 11);
  });
});

/** By one voxel along x and two along z. */
function shifted({ shape, data, affine }: Volume): Volume {
  const [width, height, depth] = shape;
  const moved = new Uint8Array(data.length);
  for (let z = 2; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 1; x < width; x++) moved[(z * height + y) * width + x] = data[((z - 2) * height + y) * width + x - 1] ?? 0;
  return createVolume(shape, moved, affine);
}

function expectClose(score: Score, golden: Score | undefined): void {
  expect(Object.keys(score)).toEqual(["label", "dice", "iou", "surfaceDice", "hd95", "assd", "volumeErrorMm3"]);
  for (const key of ["label", "dice", "iou", "surfaceDice", "hd95", "assd", "volumeErrorMm3"] as const) {
    expect(score[key]).toBeCloseTo(golden?.[key] ?? Number.NaN, 9);
  }
}

describe("hand-made files", () => {
  test("two rows of voxels: every score by hand", async () => {
    const [predicted, truth] = [path.join(folder, "p.nii"), path.join(folder, "t.nii.gz")];
    await row(predicted, [1, 1, 0, 0]);
    await row(truth, [0, 1, 0, 2]);
    // Label 1: one voxel of two and one is common. Distances there: 2 and 0, back: 0. Place 0.95 of [0, 2] is 1.9.
    // Label 2 is missed: the diagonal of 4 × 1 × 1 voxels of 2 × 1 × 1 mm is √(8² + 1 + 1).
    const one = { label: 1, dice: 2 / 3, iou: 0.5, surfaceDice: 2 / 3, hd95: 1.9, assd: 2 / 3, volumeErrorMm3: 2 };
    const two = { label: 2, dice: 0, iou: 0, surfaceDice: 0, hd95: Math.sqrt(66), assd: Math.sqrt(66), volumeErrorMm3: -2 };
    const { cases, mean } = await report(predicted, truth);
    expect(cases).toEqual([{ id: "t", classes: [{ ...one, hd95: expect.closeTo(1.9, 12) as number }, two] }]);
    expect(mean).toEqual(cases[0]?.classes);
    expect(
      (await report(predicted, truth, "--labels", "1", "--tolerance", "2")).cases[0]?.classes.map((score) => score.surfaceDice),
    ).toEqual([1]);
  });

  test("a folder in which some cases fail: the rest is scored, each failure named, and the exit code says so", async () => {
    const [predictions, truths] = [newFolder("predictions"), newFolder("truths")];
    for (const [id, labels, origin] of [
      ["apart", [0, 1, 1, 0], 0.5],
      ["good", [0, 1, 1, 0], 0.0005],
      ["longer", [0, 1, 1, 0, 0], 0],
      ["orphan", [1], 0],
    ] as const) {
      await row(path.join(predictions, `${id}.nii.gz`), labels, origin);
    }
    for (const id of ["apart", "good", "longer", "unasked", "broken"]) await row(path.join(truths, `${id}.nii`), [0, 1, 1, 0]);
    writeFileSync(path.join(predictions, "broken.nii"), "no volume");
    writeFileSync(path.join(predictions, "._good.nii.gz"), "what an archive of a Macintosh has beside each file");
    const { code, out, err } = await evalSeg(predictions, truths, "--json");
    expect(code).toBe(1);
    expect((JSON.parse(out) as Report).cases.map(({ id, classes }) => [id, classes[0]?.dice])).toEqual([["good", 1]]);
    const lines = err.trim().split("\n");
    expect(lines[0]).toBe(
      `inception: case "orphan": Cannot compare label files: "${truths}" has no file for "${path.join(predictions, "orphan.nii.gz")}"`,
    );
    expect(lines[1]).toBe(
      'inception: case "apart": Cannot score a segmentation: the prediction has 0.5 in row 1, column 4 of the affine, the ground truth 0, expected a difference of at most 0.001',
    );
    const broken = path.join(predictions, "broken.nii");
    expect(lines[2]).toBe(`inception: case "broken": Cannot read NIfTI file "${broken}": it has 9 bytes, a header takes 348`);
    expect(lines[3]).toBe(
      'inception: case "longer": Cannot score a segmentation: the prediction has shape [5, 1, 1], the ground truth [4, 1, 1]',
    );
    expect(lines.slice(4)).toEqual(["warning: skipped 1 ground-truth file without a prediction"]);
  });

  test("without --json there are the means, the cases with the lowest Dice, and the mean over labels", async () => {
    const [predictions, truths] = [newFolder("p2"), newFolder("t2")];
    await row(path.join(predictions, "a.nii"), [0, 1, 1, 0]);
    await row(path.join(truths, "a.nii"), [0, 1, 1, 0]);
    await row(path.join(predictions, "b.nii"), [0, 0, 1, 1]);
    await row(path.join(truths, "b.nii"), [0, 1, 1, 0]);
    const { code, out } = await evalSeg(predictions, truths);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "label  cases    Dice     IoU  surface Dice  HD95 mm  ASSD mm  volume error mm³",
        "─────  ─────  ──────  ──────  ────────────  ───────  ───────  ────────────────",
        "1          2  0.7500  0.6667        0.7500     0.95     0.50              0.00",
        "",
        "2 cases, mean Dice over labels 0.7500",
        "",
        "lowest Dice  label    Dice     IoU  surface Dice  HD95 mm  ASSD mm  volume error mm³",
        "───────────  ─────  ──────  ──────  ────────────  ───────  ───────  ────────────────",
        "b                1  0.5000  0.3333        0.5000     1.90     1.00              0.00",
        "a                1  1.0000  1.0000        1.0000     0.00     0.00              0.00",
        "",
      ].join("\n"),
    );
  });

  test("two files that cannot be compared are the user's error", async () => {
    const [predicted, truth] = [path.join(folder, "long.nii"), path.join(folder, "short.nii")];
    await row(predicted, [0, 1, 1]);
    await row(truth, [0, 1]);
    const message = "Cannot score a segmentation: the prediction has shape [3, 1, 1], the ground truth [2, 1, 1]";
    expect(await evalSeg(predicted, truth)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
  });

  test("two files of one name are no case", async () => {
    const [predictions, truths] = [newFolder("p3"), newFolder("t3")];
    await row(path.join(predictions, "a.nii"), [1, 0]);
    copyFileSync(path.join(predictions, "a.nii"), path.join(truths, "a.nii"));
    await row(path.join(truths, "a.nii.gz"), [1, 0]);
    const { code, err } = await evalSeg(predictions, truths);
    const [one, other] = ["a.nii", "a.nii.gz"].map((name) => path.join(truths, name));
    expect([code, err]).toEqual([
      2,
      `inception: case "a": Cannot compare label files: "${one}" and "${other}" have the same name, expected unique names\n`,
    ]);
  });
});

test("--report writes a page that names files and directories without their paths", async () => {
  const [predictions, truths] = [newFolder("p4"), newFolder("t4")];
  for (const id of ["a", "b"]) {
    await row(path.join(predictions, `${id}.nii`), [1, 0]);
    await row(path.join(truths, `${id}.nii`), [1, Number(id === "b")]);
  }
  await row(path.join(predictions, "c.nii"), [1, 0]);
  const page = path.join(folder, "scores.html");
  const { code } = await evalSeg(predictions, truths, "--report", page);
  expect(code).toBe(1);
  const html = readFileSync(page, "utf8");
  elements(html);
  expect(html).toContain("<h1>Segmentation scores: p4</h1>");
  // Dice of 1, and of 2 · 1 / (1 + 2).
  expect(html).toContain("<b>0.8333</b>");
  expect(html).toContain("1 case failed");
  expect(html).toContain("DATASET_INVALID");
  expect(html.split(folder)).toHaveLength(1);
});

describe("user errors", () => {
  test("say what is wrong, on one line", async () => {
    const [empty, file] = [newFolder("empty"), path.join(folder, "file.nii")];
    await row(file, [0, 1]);
    symlinkSync(path.join(folder, "nowhere"), path.join(folder, "dangling.nii"));
    for (const [args, message] of [
      [[file, empty], `Cannot compare label files: "${file}" is a file and "${empty}" a directory, expected two files or two directories`],
      [[empty, empty], `Cannot compare label files: "${empty}" contains no .nii or .nii.gz file`],
      [[`${file}x`, file], `Cannot compare label files of "${file}x": no such file or directory`],
      [
        [file, path.join(folder, "dangling.nii")],
        `Cannot compare label files of "${path.join(folder, "dangling.nii")}": no such file or directory`,
      ],
      [[file, file, "--tolerance", "-1"], "invalid --tolerance -1: expected millimeters of at least 0, as in 1.5"],
      [[file, file, "--labels", "1,x"], "invalid --labels 1,x: expected distinct integers of at least 0, as in 1,2"],
      [[file, file, "--labels", "1,01"], "invalid --labels 1,01: expected distinct integers of at least 0, as in 1,2"],
    ] as const) {
      expect(await evalSeg(...args)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
    }
  });
});
