/** The datasets of the shared test data, opened and read as a training would. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { AUGMENTATIONS } from "../src/data/augment/augmentation.js";
import { PREPROCESSING } from "../src/data/preprocessing.js";
import { openBatchSource } from "../src/node/batch-source.js";
import { openDataset } from "../src/node/datasets/index.js";
import { sharedPath, titleNeeding } from "./shared.js";

const WORKER = new URL("../dist/node/batch-worker.js", import.meta.url);

const flowers = sharedPath("data/flowers5");
describe.skipIf(!flowers)(titleNeeding("flowers5", flowers, "data/flowers5"), () => {
  test("100 photographs for training and 40 for validation of each of five flowers", async () => {
    const { train, val } = await openDataset(flowers!);
    expect(train.classes).toEqual(["daisy", "dandelion", "roses", "sunflowers", "tulips"]);
    expect(val?.classes).toEqual(train.classes);
    const counts = (labels: Int32Array) => train.classes.map((_, label) => labels.filter((each) => each === label).length);
    expect([counts(train.labels), counts(val!.labels)]).toEqual([new Array(5).fill(100), new Array(5).fill(40)]);
  });

  test("a batch is made at 224 pixels, and its values are those of pixels", async () => {
    const { train } = await openDataset(flowers!);
    const preprocessing = PREPROCESSING.bvlc_googlenet;
    const source = openBatchSource(WORKER, train, {
      batchSize: 8,
      inputSize: 224,
      preprocessing,
      augmentation: AUGMENTATIONS.inception,
      workers: 1,
    });
    expect(source.batchesPerEpoch).toBe(62);
    for await (const { images, count } of source.epoch(0, 61)) {
      expect([count, images.length]).toEqual([8, 8 * 3 * 224 * 224]);
      const [low, high] = images.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
      expect(low).toBeGreaterThanOrEqual(-123);
      expect(low).toBeLessThan(-80);
      expect(high).toBeLessThanOrEqual(255 - 104);
      expect(high).toBeGreaterThan(100);
    }
    await source.close();
  });
});

const cifar = sharedPath("data/cifar10");
test.skipIf(!cifar)(titleNeeding("cifar10: 500 and 100 pictures of each of ten classes", cifar, "data/cifar10"), async () => {
  const { train, val } = await openDataset(cifar!);
  expect([train.size, val?.size, train.classes.length]).toEqual([5000, 1000, 10]);
  expect([train.nameOf(0), train.classes[0]]).toEqual([path.join("train", "airplane", "0000.jpg"), "airplane"]);
});

const awkward = sharedPath("data/images_awkward");
describe.skipIf(!awkward)(titleNeeding("images_awkward", awkward, "data/images_awkward"), () => {
  const folder = mkdtempSync(path.join(tmpdir(), "inceptionkit-awkward-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("every file is in a batch or left out with a reason", async () => {
    const files = readdirSync(awkward!, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.(txt|md|tsv)$|LICEN/.test(entry.name))
      .map((entry) => path.join(entry.parentPath, entry.name));
    const list = path.join(folder, "all.jsonl");
    writeFileSync(list, files.map((file, i) => JSON.stringify({ path: file, label: i % 2 })).join("\n"));
    const { train } = await openDataset(list, { valFraction: 0 });
    const preprocessing = { ...PREPROCESSING.facenet, resize: { kind: "warp", size: 32, filter: "bilinear" } } as const;
    const source = openBatchSource(WORKER, train, { batchSize: 16, inputSize: 32, preprocessing, workers: 1 });
    const stream = source.epoch(0);
    const seen: number[] = [];
    for await (const { indices } of stream) seen.push(...indices);
    await source.close();
    const skipped = stream.skipped.map(({ index }) => index);
    expect([...seen, ...skipped].sort((a, b) => a - b)).toEqual(files.map((_, i) => i));
    const left = stream.skipped.map(({ name }) => path.relative(awkward!, name).replaceAll("\\", "/"));
    expect(left).toContain("derived/empty.jpg");
    expect(left).toContain("pillow/hopper.heif");
    expect(left).not.toContain("pillow/hopper.jpg");
    for (const { reason } of stream.skipped) expect(reason).toMatch(/^Cannot decode image "/);
  });
});
