import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUGMENTATIONS } from "../data/augment/augmentation.js";
import type { Batch, BatchSource, BatchStream } from "../data/batch.js";
import { type DatasetSource, imagesDataset } from "../data/dataset-source.js";
import { rgbImage } from "../data/image.js";
import { shapes10 } from "../data/shapes10.js";
import { type Preprocessing, preprocess } from "../data/transforms/preprocess.js";
import { type BatchSourceOptions, openBatchSource } from "./batch-source.js";
import { openDataset } from "./datasets/index.js";
import { decodeImage } from "./decode-image.js";

const root = mkdtempSync(path.join(tmpdir(), "inceptionkit-batches-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

// A worker thread runs compiled JavaScript only; `npm test` builds it first.
const WORKER = new URL("../../dist/node/batch-worker.js", import.meta.url);

const RECIPE: Preprocessing = {
  resize: { kind: "warp", size: 16, filter: "bilinear" },
  crop: null,
  channelOrder: "RGB",
  mean: [127.5, 127.5, 127.5],
  std: [127.5, 127.5, 127.5],
};
const TRAINING: BatchSourceOptions = {
  batchSize: 4,
  seed: 9,
  preprocessing: RECIPE,
  inputSize: 16,
  augmentation: AUGMENTATIONS.inception,
  workers: 0,
};
const EVALUATION: BatchSourceOptions = { batchSize: 4, preprocessing: RECIPE, inputSize: 16, workers: 0 };

const sources: BatchSource[] = [];
afterAll(() => Promise.all(sources.map((source) => source.close())));
function open(dataset: DatasetSource, options: BatchSourceOptions): BatchSource {
  const source = openBatchSource(WORKER, dataset, options);
  sources.push(source);
  return source;
}

async function all(stream: BatchStream): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of stream) batches.push(batch);
  return batches;
}

/** Batches with a hash for their pixels: comparing thousands of numbers one by one takes seconds. */
const hashed = async (stream: BatchStream) =>
  (await all(stream)).map((batch) => ({
    ...batch,
    images: createHash("sha256")
      .update(new Uint8Array(batch.images.buffer, batch.images.byteOffset, batch.images.byteLength))
      .digest("hex"),
  }));

const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => new Error("it resolved"),
    (error: unknown) => error,
  );

/** Fifteen PNG files of one color each, of two classes; 3, 4 and 11 of them damaged in different ways. */
let folder = "";
const DAMAGED = [3, 4, 11];
beforeAll(async () => {
  expect(existsSync(WORKER), "the build of the worker thread: run npm run build first").toBe(true);
  folder = path.join(root, "photos");
  for (let i = 0; i < 15; i++) {
    const file = path.join(folder, i < 8 ? "a" : "b", `${String(i).padStart(2, "0")}.png`);
    mkdirSync(path.dirname(file), { recursive: true });
    const bytes = await sharp({ create: { width: 20, height: 20, channels: 3, background: { r: 10 * i, g: 0, b: 255 } } })
      .png({ compressionLevel: 0 })
      .toBuffer();
    const content = i === 3 ? bytes.subarray(0, 200) : i === 4 ? Buffer.alloc(0) : i === 11 ? Buffer.from("no image") : bytes;
    writeFileSync(file, content);
  }
});
const photos = async () => (await openDataset(folder, { valFraction: 0 })).train;
/** The number of a file, out of the red of its pixels. */
const numberOf = (batch: Batch, row: number) => Math.round((batch.images[row * 3 * 256]! * 127.5 + 127.5) / 10);

describe("the same batches", () => {
  const { train } = shapes10({ train: 22, val: 0, size: 20 });

  test.each([1, 2])("from %d workers as from none, epoch by epoch", async (workers) => {
    for (const options of [TRAINING, { ...TRAINING, mixup: 0.4, cutmix: 1 }, { ...EVALUATION, batchSize: 5 }]) {
      const here = open(train, options);
      const there = open(train, { ...options, workers, prefetch: 3 });
      for (const epoch of [0, 1]) expect(await hashed(there.epoch(epoch))).toEqual(await hashed(here.epoch(epoch)));
      await there.close();
    }
  });

  test.each([0, 2])("from the middle of an epoch on as in the whole of it, with %d workers", async (workers) => {
    const source = open(train, { ...TRAINING, workers });
    const whole = await hashed(source.epoch(3));
    expect(whole.length).toBe(5);
    expect(await hashed(source.epoch(3, 2))).toEqual(whole.slice(2));
    expect(await hashed(source.epoch(3, 5))).toEqual([]);
    expect(await hashed(open(train, { ...TRAINING, workers }).epoch(3, 4))).toEqual(whole.slice(4));
  });

  test("with and without a cache, also a small one", async () => {
    const dataset = await photos();
    const [kept, some, none] = [1e9, 3000, 0].map((cacheBytes) => open(dataset, { ...TRAINING, cacheBytes }));
    for (const epoch of [0, 1, 0]) {
      const expected = await hashed(kept!.epoch(epoch));
      expect(await hashed(some!.epoch(epoch))).toEqual(expected);
      expect(await hashed(none!.epoch(epoch))).toEqual(expected);
    }
  });

  test("two streams of one source read at the same time do not disturb each other", async () => {
    const source = open(train, { ...TRAINING, workers: 1 });
    const [first, second] = await Promise.all([hashed(source.epoch(0)), hashed(source.epoch(1))]);
    expect(first).toEqual(await hashed(source.epoch(0)));
    expect(second).toEqual(await hashed(source.epoch(1)));
    expect(first).not.toEqual(second);
  });

  test("another seed, epoch or order gives others", async () => {
    const order = async (options: Partial<BatchSourceOptions>, epoch = 0) =>
      (await all(open(train, { ...TRAINING, ...options }).epoch(epoch))).flatMap((batch) => batch.indices).join();
    expect(await order({})).not.toBe(await order({ seed: 10 }));
    expect(await order({})).not.toBe(await order({}, 1));
    expect(await order({ shuffle: false })).toBe(Array.from({ length: 20 }, (_, i) => i).join());
  });
});

describe("what is in a batch", () => {
  test("evaluation is what inference does, in order, the last batch smaller", async () => {
    const dataset = shapes10({ train: 10, val: 0, size: 20 }).train;
    const files = await Promise.all(
      Array.from({ length: 6 }, async (_, i) => {
        const file = path.join(root, `e${i}.png`);
        const raw = { width: 30, height: 20, channels: 3 } as const;
        await sharp(
          Uint8Array.from({ length: 1800 }, (__, at) => (at * (i + 3)) % 256),
          { raw },
        )
          .png()
          .toFile(file);
        return { image: await decodeImage(file), label: i % 2 };
      }),
    );
    const source = open(imagesDataset("six", ["even", "odd"], files), EVALUATION);
    const batches = await all(source.epoch(0));
    expect([source.batchesPerEpoch, batches.map(({ count }) => count)]).toEqual([2, [4, 2]]);
    const images = batches.flatMap((batch) => [...batch.images]);
    expect(images).toEqual(files.flatMap(({ image }) => [...preprocess(image, RECIPE)]));
    expect(batches.flatMap(({ indices }) => indices)).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...batches[1]!.labels]).toEqual([0, 1]);
    expect([...batches[1]!.targets]).toEqual([1, 0, 0, 1]);
    expect(open(dataset, EVALUATION).batchesPerEpoch).toBe(3);
  });

  test("training batches are full, each sample at most once an epoch, targets one-hot or mixed", async () => {
    const { train } = shapes10({ train: 22, val: 0, size: 20 });
    const plain = await all(open(train, TRAINING).epoch(0));
    expect(plain.map(({ count }) => count)).toEqual([4, 4, 4, 4, 4]);
    expect(new Set(plain.flatMap(({ indices }) => indices)).size).toBe(20);
    const mixed = await all(open(train, { ...TRAINING, mixup: 1 }).epoch(0));
    for (const [i, { targets, labels, indices }] of mixed.entries()) {
      expect(labels).toEqual(plain[i]!.labels);
      expect([...labels]).toEqual(indices.map((index) => index % 10));
      for (let row = 0; row < 4; row++) expect(targets.subarray(row * 10, row * 10 + 10).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    }
    expect(mixed.some(({ targets }) => targets.some((share) => share > 0.01 && share < 0.99))).toBe(true);
  });

  test.each([0, 1])("of images with several classes or none, targets have 1 for each class, with %d workers", async (workers) => {
    const { train } = shapes10({ train: 20, val: 0, size: 20, objects: 3 });
    const [batches] = [await all(open(train, { ...TRAINING, batchSize: 5, workers }).epoch(0))];
    expect(batches.length).toBe(4);
    for (const { indices, targets, labels } of batches) {
      for (const [row, index] of indices.entries()) {
        const { offsets, classes } = train.labelSets!;
        const own = [...classes.slice(offsets[index], offsets[index + 1])];
        expect([...targets.subarray(row * 10, (row + 1) * 10)]).toEqual(
          Array.from({ length: 10 }, (_, label) => Number(own.includes(label))),
        );
        expect(labels[row]).toBe(own[0] ?? -1);
      }
    }
  });

  test("a recipe of one channel makes one plane", async () => {
    const gray: Preprocessing = { ...RECIPE, channelOrder: "L", mean: [0], std: [1] };
    const image = rgbImage(16, 16, new Uint8Array(768).fill(7));
    const dataset = imagesDataset("grays", ["x", "y"], [{ image, label: 1 }]);
    for (const augmentation of [null, AUGMENTATIONS.none, AUGMENTATIONS.light]) {
      const [batch] = await all(open(dataset, { ...EVALUATION, preprocessing: gray, augmentation, dropLast: false }).epoch(0));
      expect([...batch!.images]).toEqual(new Array<number>(256).fill(7));
    }
  });
});

describe("damaged images", () => {
  const reasons = [
    /^Cannot decode image ".*03\.png": its PNG data is damaged/,
    /^Cannot decode image ".*04\.png": the file is empty$/,
    /^Cannot decode image ".*11\.png": the content matches no supported image format/,
  ];

  test.each([0, 1, 2])("evaluation leaves them out and says so, with %d workers", async (workers) => {
    const stream = open(await photos(), { ...EVALUATION, workers }).epoch(0);
    const batches = await all(stream);
    expect(batches.flatMap(({ indices }) => indices)).toEqual([0, 1, 2, 5, 6, 7, 8, 9, 10, 12, 13, 14]);
    expect(batches.map(({ count }) => count)).toEqual([3, 3, 3, 3]);
    for (const batch of batches) {
      expect(batch.indices.map((_, row) => numberOf(batch, row))).toEqual(batch.indices);
      expect([batch.images.length, batch.labels.length, batch.targets.length]).toEqual([3 * 768, 3, 6]);
    }
    expect(stream.skipped.map(({ index }) => index)).toEqual(DAMAGED);
    expect(stream.skipped.map(({ name }) => name.replaceAll("\\", "/"))).toEqual(["a/03.png", "a/04.png", "b/11.png"]);
    for (const [i, { reason }] of stream.skipped.entries()) expect(reason).toMatch(reasons[i]!);
  });

  test.each([0, 1, 2])("training replaces each by the next sample of the epoch, with %d workers", async (workers) => {
    const dataset = await photos();
    const source = open(dataset, { ...TRAINING, workers, augmentation: AUGMENTATIONS.none, batchSize: 5, shuffle: true });
    // An epoch of damaged files as if they were whole: which index each position has.
    const whole = open(
      imagesDataset(
        "whole",
        dataset.classes,
        Array.from({ length: 15 }, (_, i) => ({ image: rgbImage(1, 1, Uint8Array.of(i, i, i)), label: 0 })),
      ),
      { ...TRAINING, augmentation: AUGMENTATIONS.none, batchSize: 5, shuffle: true },
    );
    const order = (await all(whole.epoch(2))).flatMap(({ indices }) => indices);
    const expected = order.map((_, at) => {
      const turned = [...order.slice(at), ...order.slice(0, at)];
      return turned.find((index) => !DAMAGED.includes(index));
    });
    const stream = source.epoch(2);
    const batches = await all(stream);
    expect(batches.flatMap(({ indices }) => indices)).toEqual(expected);
    for (const batch of batches) expect(batch.indices.map((_, row) => numberOf(batch, row))).toEqual(batch.indices);
    expect(stream.skipped.map(({ index }) => index).sort((a, b) => a - b)).toEqual(DAMAGED);
    expect((await all(source.epoch(2, 1))).flatMap(({ indices }) => indices)).toEqual(expected.slice(5));
  });

  test("a missing file is one too; a batch of nothing else is left out", async () => {
    const list = path.join(folder, "list.csv");
    const gone = ["g1.png", "g2.png", "g3.png", "g4.png"];
    writeFileSync(
      list,
      ["path,label", "a/00.png,a", "a/01.png,a", "b/08.png,b", "b/09.png,b", ...gone.map((name) => `${name},a`), "b/10.png,b"].join("\n"),
    );
    const { train } = await openDataset(list, { valFraction: 0 });
    const stream = open(train, EVALUATION).epoch(0);
    expect((await all(stream)).map(({ indices }) => indices)).toEqual([[0, 1, 2, 3], [8]]);
    expect(stream.skipped.map(({ name }) => name)).toEqual(gone);
    expect(stream.skipped[0]?.reason).toMatch(/^Cannot open ".*g1\.png": no such file or directory$/);
  });

  test.each([0, 1])("nothing but damaged images ends training, with %d workers", async (workers) => {
    const bad = path.join(root, "bad");
    for (const name of ["a/1.jpg", "a/2.jpg", "b/3.jpg"]) {
      mkdirSync(path.dirname(path.join(bad, name)), { recursive: true });
      writeFileSync(path.join(bad, name), "");
    }
    const { train } = await openDataset(bad, { valFraction: 0 });
    const source = open(train, { ...TRAINING, batchSize: 2, shuffle: false, workers });
    const message = `Cannot read batches of "${bad}": 3 samples in a row could not be decoded; the last one: Cannot decode image "${path.join(bad, "b/3.jpg")}": the file is empty`;
    expect(await rejection(all(source.epoch(0)))).toMatchObject({ code: "DATASET_INVALID", message });
    const stream = open(train, { ...EVALUATION, workers }).epoch(0);
    expect([await all(stream), stream.skipped.length]).toEqual([[], 3]);
  });
});

describe("closing and reading ahead", () => {
  const { train } = shapes10({ train: 200, val: 0, size: 20 });

  test.each([0, 1])("closing in the middle ends the stream by name, with %d workers", async (workers) => {
    const source = open(train, { ...TRAINING, workers });
    const reader = source.epoch(0)[Symbol.asyncIterator]();
    await reader.next();
    const readOn = async () => {
      while (!(await reader.next()).done);
    };
    const waiting = rejection(readOn());
    await source.close();
    const expected = { code: "SESSION_CLOSED", message: 'Cannot read batches of "shapes10": the source is closed' };
    expect(await waiting).toMatchObject(expected);
    expect(await rejection(all(source.epoch(0)))).toMatchObject(expected);
    await source.close();
  });

  test("leaving a stream early leaves the source usable", async () => {
    const source = open(train, { ...TRAINING, workers: 1, prefetch: 2 });
    const expected = (await all(open(train, TRAINING).epoch(0))).slice(0, 2);
    const read: Batch[] = [];
    for await (const batch of source.epoch(0)) {
      read.push(batch);
      if (read.length === 2) break;
    }
    expect(read).toEqual(expected);
    expect((await all(source.epoch(1))).length).toBe(50);
  });

  test("no more than `prefetch` batches are made ahead of the one that is read", async () => {
    const log = path.join(root, "requests");
    const file = path.join(root, "counts.mjs");
    writeFileSync(
      file,
      `import { appendFileSync } from "node:fs"; import { parentPort } from "node:worker_threads";
      parentPort.on("message", ({ kind, id }) => {
        if (kind === "close") return parentPort.close();
        appendFileSync(${JSON.stringify(log)}, "x");
        const none = new Float32Array(0);
        const batch = { images: none, labels: new Int32Array(0), targets: none, indices: [], count: 1 };
        parentPort.postMessage({ kind: "made", id, made: { batch, skipped: [] } });
      });`,
    );
    const source = openBatchSource(pathToFileURL(file), train, { ...TRAINING, workers: 1, prefetch: 3 });
    sources.push(source);
    const reader = source.epoch(0)[Symbol.asyncIterator]();
    for (const read of [1, 2, 3]) {
      await reader.next();
      // Long enough for a worker that does nothing to answer whatever it was sent.
      await setTimeout(200);
      expect(readFileSync(log).length).toBe(read + 3);
    }
  });

  test.each([
    ["ends by itself when nobody waits for a batch", "", 0],
    ["can be ended while batches are made", "process.exit(7);", 7],
  ])("a program that never closes its source %s", (_, end, code) => {
    const build = (file: string) => JSON.stringify(new URL(`../../dist/${file}`, import.meta.url).href);
    const program = `
      const { createBatchSource } = await import(${build("node/batch-source.js")});
      const { openDataset } = await import(${build("node/datasets/index.js")});
      const { train } = await openDataset(${JSON.stringify(folder)}, { valFraction: 0 });
      const source = await createBatchSource(train, ${JSON.stringify({ ...TRAINING, workers: 2, prefetch: 8, batchSize: 1 })});
      for await (const batch of source.epoch(0)) { ${end} break; }`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", timeout: 60_000 });
    expect([status, stderr]).toEqual([code, ""]);
  });

  test("a worker that dies ends the stream with its cause", async () => {
    const file = path.join(root, "dies.mjs");
    writeFileSync(file, "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3));");
    const source = openBatchSource(pathToFileURL(file), train, { ...TRAINING, workers: 1 });
    const expected = { code: "SESSION_FAILED", message: 'Cannot read batches of "shapes10": a worker thread ended with exit code 3' };
    expect(await rejection(all(source.epoch(0)))).toMatchObject(expected);
    expect(await rejection(all(source.epoch(1)))).toMatchObject(expected);
    await source.close();
  });
});

test.each<[Partial<BatchSourceOptions>, string]>([
  [{ batchSize: 0 }, "Cannot read batches with batchSize 0: expected an integer from 1 to 65,536"],
  [{ batchSize: 11 }, 'Cannot read batches: "shapes10" has 10 samples for training, fewer than one batch of 11'],
  [{ seed: -1 }, "Cannot read batches with seed -1: expected an integer from 0 to 9,007,199,254,740,991"],
  [{ workers: 65 }, "Cannot read batches with workers 65: expected an integer from 0 to 64"],
  [{ prefetch: 0.5 }, "Cannot read batches with prefetch 0.5: expected an integer from 0 to 256"],
  [{ mixup: -1 }, "Cannot mix batches with mixup -1: expected a number from 0 to 1,000"],
  [{ augmentation: null, inputSize: 20 }, "Cannot read batches: the preprocessing gives 16 x 16 pixels, the network expects 20 x 20"],
  [
    { augmentation: null, preprocessing: { ...RECIPE, resize: { kind: "shorter_side", size: 16, filter: "bilinear" } } },
    "Cannot read batches: the preprocessing gives images of various sizes, the network expects 16 x 16",
  ],
  [
    { preprocessing: { ...RECIPE, std: [0, 1, 1] } },
    "Cannot read batches: the preprocessing is invalid: std is [0, 1, 1], expected finite numbers other than 0",
  ],
  [
    { batchSize: 65_536, inputSize: 4096, dropLast: false },
    "Cannot read batches: a batch would have 3,298,534,883,328 values, the limit is 536,870,912",
  ],
])("%j is refused", (change, message) => {
  const { train } = shapes10({ train: 10, val: 0 });
  expect(() => openBatchSource(WORKER, train, { ...TRAINING, ...change })).toThrowError(
    expect.objectContaining({ code: "OPTION_INVALID", message }),
  );
});

test("an epoch or start that is none is refused", () => {
  const source = open(shapes10({ train: 10, val: 0 }).train, TRAINING);
  expect(() => source.epoch(-1)).toThrowError("Cannot read batches with epoch -1: expected an integer from 0 to 4,294,967,295");
  expect(() => source.epoch(0, 3)).toThrowError("Cannot read batches with start 3: expected an integer from 0 to 2");
});
