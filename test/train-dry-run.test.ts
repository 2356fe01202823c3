/** `train --dry-run` and `train-seg --dry-run`: what they announce is what a run does, and nothing is written. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trainModel } from "../src/node/training/train-model.js";
import { trainSegmentation } from "../src/node/training/train-segmentation.js";
import type { RunStartEvent } from "../src/tasks/training/run-events.js";
import { json, type Result, refused } from "./program.js";
import { fillScans } from "./sample-workspace.js";

let folder = "";
let data = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-dry-run-"));
  data = path.join(folder, "Task04_Hippocampus");
  return fillScans(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const IMAGES = ["train", "shapes10?train=50&val=10", "--model", "inception_resnet_v1"];
const SMALL = ["--option", "inputSize=75", "--option", "widthMultiplier=0.0625", "--option", "repeats=1,1,1"];
const SETTINGS = ["--batch-size", "16", "--accumulate", "2", "--epochs", "2", "--freeze", "conv2d*"];

function planOf(result: Result): Record<string, unknown> & { settings: { name: string; value: unknown; from: string }[] } {
  return json(result) as ReturnType<typeof planOf>;
}

describe("train --dry-run", () => {
  test("announces what a run does", async () => {
    const plan = planOf(await refused(...IMAGES, ...SMALL, ...SETTINGS, "--dry-run", "--json"));
    const given = { data: "shapes10?train=50&val=10", batchSize: 16, accumulate: 2, epochs: 2, freeze: "conv2d*" };
    const options = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] };
    const beginnings: RunStartEvent[] = [];
    const onEvent = (event: { readonly kind: string }) => void (event.kind === "start" && beginnings.push(event as RunStartEvent));
    const { steps } = await trainModel("inception_resnet_v1", given, { out: path.join(folder, "run"), options, threads: 1, onEvent });
    const [{ trainImages, valImages, stepsPerEpoch } = {} as RunStartEvent] = beginnings;
    expect(plan).toMatchObject({ model: "inception_resnet_v1.public", samples: "images", randomlyInitialized: [], steps });
    expect(plan).toMatchObject({ train: trainImages, validation: valImages, stepsPerEpoch });
    expect(plan.classes).toHaveLength(10);
    expect(Number(plan.trained)).toBeLessThan(Number(plan.parameters));
  });

  test("says where each setting comes from", async () => {
    const { settings } = planOf(await refused(...IMAGES, ...SMALL, "--recipe", "paper", "--seed", "7", "--dry-run", "--json"));
    const of = (wanted: string) => settings.find(({ name }) => name === wanted);
    expect(of("seed")).toEqual({ name: "seed", value: 7, from: "given" });
    expect(of("recipe")).toEqual({ name: "recipe", value: "paper", from: "given" });
    expect(of("emaDecay")).toEqual({ name: "emaDecay", value: 0.999, from: "recipe" });
    expect(of("patience")).toEqual({ name: "patience", value: 0, from: "default" });
    expect(settings.map(({ name }) => name)).toEqual(settings.map(({ name }) => name).toSorted());
  });

  test("rejects fewer images than one batch, as a run does", async () => {
    expect(
      await refused("train", "shapes10?train=10&val=10", "--model", "inception_resnet_v1", ...SMALL, "--batch-size", "16", "--dry-run"),
    ).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot read batches: "shapes10" has 10 samples for training, fewer than one batch of 16\n',
    });
  });

  test("is text for people, and writes nothing", async () => {
    const out = path.join(folder, "never");
    const before = readdirSync(folder);
    const result = await refused(...IMAGES, ...SMALL, ...SETTINGS, "--out", out, "--dry-run");
    expect(result.code).toBe(0);
    expect(result.out).toMatch(
      /^model {4}inception_resnet_v1\.public: [\d,]+ parameters, [\d,]+ trained\ndata {5}50 training and 10 validation images\n/,
    );
    expect(result.out).toMatch(/\nDATA {19,}shapes10\?train=50&val=10 +given\n/);
    expect(result.out).toContain("\nsteps    4, 2 per epoch\n");
    expect(result.out.endsWith("Nothing was written. Run the same command without --dry-run to train.\n")).toBe(true);
    expect(readdirSync(folder)).toEqual(before);
  });

  test("is refused beside --resume", async () => {
    expect((await refused("train", "--resume", "runs/a", "--dry-run")).err).toBe(
      "inception: unexpected --dry-run: a resumed run keeps its settings; --resume can be combined only with --epochs, --device, --threads, --workers and --json; see inception train --help\n",
    );
  });
});

describe("train-seg --dry-run", () => {
  test("announces what a run does, with what is planned from the data", async () => {
    const settings = [
      "--folds",
      "2",
      "--fold",
      "1",
      "--batch-size",
      "3",
      "--patches-per-case",
      "4",
      "--epochs",
      "1",
      "--patch-size",
      "24x24x24",
    ];
    const line = ["train-seg", data, ...settings, "--option", "widthMultiplier=0.05", "--dry-run", "--json"];
    const plan = planOf(await refused(...line));
    const given = { data, folds: 2, fold: 1, batchSize: 3, patchesPerCase: 4, epochs: 1, patchSize: "24x24x24" };
    const { steps } = await trainSegmentation("inception_resnet_3d", given, {
      out: path.join(folder, "seg"),
      options: { widthMultiplier: 0.05 },
      threads: 1,
    });
    expect(plan).toMatchObject({ samples: "cases", train: 2, validation: 2, steps, classes: ["background", "Anterior", "Posterior"] });
    expect(plan.settings.find(({ name }) => name === "spacing")).toEqual({ name: "spacing", value: null, from: "planned" });
    expect(plan.settings.find(({ name }) => name === "patchSize")).toEqual({ name: "patchSize", value: [24, 24, 24], from: "given" });
  });
});
