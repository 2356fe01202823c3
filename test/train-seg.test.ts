/**
 * `train-seg` as a user does it: the built program on drawn volumes, a network of thirty thousand parameters. What it learns
 * on real ones is in docs/results.md.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume, randomStream, type Triple } from "../src/data/index.js";
import { openRun } from "../src/node/open-run.js";
import { prepareRun } from "../src/node/training/run-weights.js";
import { planOf } from "../src/node/training/segmentation-plan.js";
import { validateSegmentation } from "../src/node/training/validate-segmentation.js";
import { writeVolume } from "../src/node/volumes.js";
import { begin, ended, inception, json, refused } from "./program.js";
import { lastCheckpoint, loggedSteps, reportOf, reportTimes, withoutTimes } from "./run-files.js";

const CASES = 6;
const STEPS = 4;
let folder = "";
let data = "";
let run = "";
let trained: Record<string, unknown> = {};
let progress = "";

/** A bright ball in noise: its left half is label 1, its right half label 7. Axes lead to the left, the back and the top. */
async function drawCase(id: string, index: number): Promise<void> {
  const random = randomStream({ seed: 5, purpose: "train-seg test", index });
  const shape: Triple = [18 + (index % 3), 20, 17];
  const center = [8 + random.below(3), 9 + random.below(3), 8];
  const labels = new Uint8Array(shape[0] * shape[1] * shape[2]);
  const image = new Int16Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const place = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / (shape[0] * shape[1]))];
    const inside = Math.hypot(...place.map((at, axis) => at - (center[axis] ?? 0))) < 6;
    labels[i] = inside ? ((place[0] ?? 0) < (center[0] ?? 0) ? 7 : 1) : 0;
    image[i] = Math.round(400 + (inside ? 200 : 0) + random.normal(0, 40));
  }
  const affine = [-1, 0, 0, 9, 0, -1, 0, 12, 0, 0, 1, -8, 0, 0, 0, 1];
  await writeVolume(path.join(data, "imagesTr", `${id}.nii.gz`), createVolume(shape, image, affine));
  await writeVolume(path.join(data, "labelsTr", `${id}.nii.gz`), createVolume(shape, labels, affine));
}

const idOf = (index: number) => `ball_${index}`;
const settings = ["--epochs", "2", "--folds", "3", "--fold", "1", "--batch-size", "2", "--patch-size", "24,24,24", "--threads", "1"];
const NETWORK = ["--option", "widthMultiplier=0.05", "--checkpoint-every", "1"];
const TRAIN = () => ["train-seg", data, ...settings, ...NETWORK];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-train-seg-"));
  data = path.join(folder, "balls");
  for (const name of ["imagesTr", "labelsTr"]) mkdirSync(path.join(data, name), { recursive: true });
  const ids = Array.from({ length: CASES }, (_, index) => idOf(index));
  for (const [index, id] of ids.entries()) await drawCase(id, index);
  const training = ids.map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` }));
  const labels = { "0": "background", "1": "right", "7": "left" };
  writeFileSync(path.join(data, "dataset.json"), JSON.stringify({ name: "Balls", modality: { "0": "MRI" }, labels, training }));
  run = path.join(folder, "run");
  const result = await inception(...TRAIN(), "--out", run, "--json");
  trained = json(result);
  progress = result.err;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("train-seg", () => {
  test("tells its plan, and what came out", () => {
    const scores = {
      dice: expect.any(Number) as number,
      classes: [expect.any(Number), expect.any(Number)] as unknown,
      loss: expect.any(Number) as number,
    };
    expect(trained).toEqual({
      run,
      epochs: 2,
      best: scores,
      final: scores,
      steps: STEPS,
      secondsPerStep: expect.any(Number) as number,
      validation: expect.anything() as unknown,
    });
    expect(progress.split("\n").slice(0, 5)).toEqual([
      "dataset: 6 cases, 18x20x17 to 20x20x17 voxels (median 19x20x17), median spacing 1x1x1 mm",
      expect.stringMatching(/^label frequency: 1: \d\.\d+%, 7: \d\.\d+% of voxels$/),
      "plan: spacing unchanged, patch size 24x24x24, batch size 2, intensity normalization z_score",
      "network: inception_resnet_3d.table, widthMultiplier 0.05",
      expect.stringMatching(
        /^inception_resnet_3d\.table: [\d,]+ parameters \| 4 training and 2 validation volumes, 3 classes \| 2 steps per epoch$/,
      ),
    ]);
    expect(progress).toMatch(/\nepoch 2\/2 {2}train: loss .* Dice \d\.\d{4} \(\d\.\d{4}, \d\.\d{4}\) /);
  });

  test("writes a run folder that knows its recipe and its cases", async () => {
    expect(readdirSync(run).filter((name) => !name.startsWith("."))).toEqual([
      "best.safetensors",
      "checkpoints",
      "config.json",
      "events",
      "labels.json",
      "metrics.jsonl",
      "plan.json",
      "report.html",
      "validation",
      "validation.json",
    ]);
    const opened = await openRun(run);
    expect(opened.labels).toEqual(["background", "right", "left"]);
    expect(opened.segmentation).toEqual({
      spacing: null,
      normalization: [{ name: "z_score", region: "all" }],
      patchSize: [24, 24, 24],
      labelValues: [0, 1, 7],
      // The standard augmentation mirrors along x.
      mirrorAxes: [0],
      training: expect.objectContaining({ cases: 4 }) as unknown,
    });
    const { train, validation } = planOf(opened);
    expect([...train, ...validation].toSorted()).toEqual(Array.from({ length: CASES }, (_, index) => idOf(index)));
    expect(loggedSteps(run)).toBe(STEPS);
    const { metadata, graph } = await prepareRun(run);
    expect(metadata).toMatchObject({ model: "inception_resnet_3d.table", labels: opened.labels, segmentation: opened.segmentation });
    expect(graph.inputs[0]?.type.shape).toEqual(["N", 1, 24, 24, 24]);
  });

  test("a run of an earlier version, whose plan has no axes, has those of its settings", async () => {
    const older = path.join(folder, "older");
    mkdirSync(older);
    const read = (name: string) => JSON.parse(readFileSync(path.join(run, name), "utf8")) as Record<string, Record<string, unknown>>;
    const [config, plan] = [read("config.json"), read("plan.json")];
    const { mirrorAxes, training, ...recipe } = plan.recipe ?? {};
    writeFileSync(path.join(older, "labels.json"), readFileSync(path.join(run, "labels.json")));
    writeFileSync(path.join(older, "plan.json"), JSON.stringify({ ...plan, recipe }));
    for (const [augmentation, axes] of [
      ["usual", [0]],
      ["none", []],
      [{ mirrorAxes: [1, 2] }, [1, 2]],
    ] as const) {
      writeFileSync(path.join(older, "config.json"), JSON.stringify({ ...config, settings: { ...config.settings, augmentation } }));
      expect((await openRun(older)).segmentation).toEqual({ ...recipe, mirrorAxes: axes });
    }
  });

  test("scores the cases that were set aside as eval-seg scores the files that it wrote", async () => {
    const { validation } = planOf(await openRun(run));
    const result = await refused("eval-seg", path.join(run, "validation"), path.join(data, "labelsTr"), "--labels", "1,7", "--json");
    const { cases, mean } = json(result) as unknown as {
      readonly cases: readonly { readonly id: string }[];
      readonly mean: readonly { readonly dice: number }[];
    };
    expect(cases.map(({ id }) => id)).toEqual(validation);
    const meanDice = mean.reduce((sum, { dice }) => sum + dice, 0) / mean.length;
    expect(trained.validation).toEqual({ cases, mean, meanDice });
    const written = JSON.parse(readFileSync(path.join(run, "validation.json"), "utf8")) as unknown;
    expect(written).toMatchObject({ meanDice, cases, mean, failed: [] });
  });

  test("an axis that training did not mirror along is rejected at once, not for each case", async () => {
    await expect(validateSegmentation(run, { mirrorAxes: [1] })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message:
        'Cannot mirror "inception_resnet_3d.table" along y: its training mirrored along x only, so it mislabels volumes mirrored along other axes; mirror along x or none',
    });
  });

  test("a cross-validation measures each case once, and goes on where it was stopped", async () => {
    const out = path.join(folder, "all");
    const all = [...TRAIN(), "--fold", "all", "--epochs", "1", "--out", out];
    const child = begin(...all);
    while (!existsSync(path.join(out, "fold-1", "metrics.jsonl"))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGKILL");
    await ended(child);
    const result = await inception(...all);
    expect(result).toMatchObject({ code: 0 });
    expect(result.out).toMatch(/^fold {2}cases {2}epochs {2}steps {2}mean Dice\n/);
    const written = JSON.parse(readFileSync(path.join(out, "cross-validation.json"), "utf8")) as {
      cases: { id: string }[];
      folds: unknown[];
    };
    expect(written.cases.map(({ id }) => id)).toEqual(Array.from({ length: CASES }, (_, index) => idOf(index)));
    expect(written.folds).toHaveLength(3);
  });

  test("a run that was killed and resumed ends with the bytes of one that was not", async () => {
    const killed = path.join(folder, "killed");
    const child = begin(...TRAIN(), "--out", killed, "--workers", "2");
    while (loggedSteps(killed) < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    await ended(child);
    expect((await inception("train-seg", "--resume", killed, "--threads", "1")).code).toBe(0);
    expect(lastCheckpoint(killed).equals(lastCheckpoint(run))).toBe(true);
    expect(withoutTimes(reportOf(killed))).toBe(withoutTimes(reportOf(run)));
    expect(reportTimes(killed)).toEqual(["time per step", "training time"]);
  });

  test("learns: the loss of ten epochs falls by half", async () => {
    const out = path.join(folder, "learns");
    const result = await inception(...TRAIN(), "--fold", "none", "--epochs", "10", "--learning-rate", "0.01", "--out", out);
    expect(result.out).toContain("(no validation set)");
    const losses = [...result.err.matchAll(/train: loss (-?\d+\.\d+)/g)].map(([, loss]) => Number(loss) + 1);
    expect(losses).toHaveLength(10);
    // Of Dice and cross-entropy, whose least is 0 when 1 is added.
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
  });

  test("a case that cannot be read is named and left out", async () => {
    const broken = path.join(folder, "broken");
    for (const name of ["images", "labels"]) mkdirSync(path.join(broken, name), { recursive: true });
    for (let index = 0; index < 4; index++) {
      for (const [from, to] of [
        ["imagesTr", "images"],
        ["labelsTr", "labels"],
      ] as const) {
        writeFileSync(path.join(broken, to, `${idOf(index)}.nii.gz`), readFileSync(path.join(data, from, `${idOf(index)}.nii.gz`)));
      }
    }
    truncateSync(path.join(broken, "images", `${idOf(2)}.nii.gz`), 500);
    const out = path.join(folder, "without");
    const result = await inception("train-seg", broken, ...settings, ...NETWORK, "--epochs", "1", "--out", out);
    expect(result).toMatchObject({ code: 1 });
    expect(result.err).toContain(
      `skipped: Cannot read NIfTI file "${path.join(broken, "images", `${idOf(2)}.nii.gz`)}": its gzip stream ends before its end`,
    );
    expect(result.err).toContain("warning: skipped 1 unreadable case\n");
    const { train, validation } = planOf(await openRun(out));
    expect([...train, ...validation].toSorted()).toEqual([0, 1, 3].map(idOf));
    expect((await openRun(out)).labels).toEqual(["background", "label 1", "label 7"]);
  });
});

describe("what train-seg is asked wrongly is one line", () => {
  const place = () => path.join(folder, "never");

  test.each([
    [
      [],
      "missing data: pass a directory of labeled volumes, as in inception train-seg Task04_Hippocampus --out run; see inception train-seg --help",
    ],
    [
      ["--resume", "x", "--seed", "3"],
      "unexpected --seed: a resumed run keeps its settings; --resume can be combined only with --epochs, --device, --threads, --workers and --json; see inception train-seg --help",
    ],
    [["{data}", "--out", "{place}", "--fold", "9"], "Cannot set option fold of a run to 9: expected an integer from 0 to 4, or none"],
    [
      ["{data}", "--out", "{place}", "--model", "googlenet"],
      'Cannot train "googlenet.public" on volumes: it is a network for images, expected one for volumes such as inception_resnet_3d',
    ],
    [
      ["{folder}", "--out", "{place}"],
      'Cannot use "{folder}" as labeled volumes: it has no dataset.json, and no directories images and labels (or imagesTr and labelsTr)',
    ],
  ])("%j", async (args, message) => {
    const filled = (text: string) => text.replace("{data}", data).replace("{place}", place()).replace("{folder}", folder);
    const { code, err } = await refused("train-seg", ...args.map(filled));
    expect([code, err]).toEqual([2, `inception: ${filled(message)}\n`]);
    expect(existsSync(place())).toBe(false);
  });

  test.each([
    ["[1, 2]", "it is not a JSON object"],
    ["{}", 'it has no list "training" of images and labels'],
    ['{"training": [{"image": "a.nii"}]}', 'entry 0 of "training" is not an object with "image" and "label"'],
    ['{"training": [{"image": "../a.nii", "label": "b.nii"}]}', 'it lists "../a.nii", expected a path inside its directory'],
    ['{"training": [{"image": "a.nii", "label": "/b.nii"}]}', 'it lists "/b.nii", expected a path inside its directory'],
    ['{"training": []}', "it lists no labeled volumes"],
    [
      '{"training": [{"image": "a.nii", "label": "x/b.nii"}, {"image": "a.nii", "label": "y/b.nii"}]}',
      'two cases are named "b", expected unique names',
    ],
  ])("a description %s", async (text, fact) => {
    const file = path.join(folder, "dataset-other.json");
    writeFileSync(file, text);
    const { code, err } = await refused("train-seg", file, "--out", place());
    expect([code, err]).toEqual([2, `inception: Cannot use "${file}" as labeled volumes: ${fact}\n`]);
  });
});
