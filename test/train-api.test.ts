/** `train` and `fineTune` of the task layer in Node; test/web/tasks.test.ts compares them with a page's. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as api from "../src/index.js";
import { globalPool, linear } from "../src/layers/head.js";
import { inception, ROOT } from "./program.js";

const at = (file: string): string => path.join(ROOT, file);
const DIGITS = Array.from({ length: 20 }, (_, index) => `${Math.floor(index / 2)}-${index % 2 === 0 ? "a" : "b"}`);
const image = (name: string): string => at(`examples/digits/images/${name}.png`);
const SMALL = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] } as const;
const COMMON = { device: "cpu", threads: 1, seed: 2 } as const;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-train-api-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const parity = () =>
  api.labeledImages(
    DIGITS.map((name) => ({ image: image(name), label: Number(name[0]) % 2 })),
    { classNames: ["even", "odd"] },
  );

describe("fineTune", () => {
  test("learns other classes from an opened classifier, and its export reopens", async () => {
    const source = await api.openClassifier(at("examples/digits/digits.onnx"), { device: "cpu" });
    const steps: number[] = [];
    const onEvent = (event: api.RunEvent): void => {
      if (event.kind === "step") steps.push(event.loss);
    };
    const { model, history, epoch, end } = await api.fineTune(source, parity(), {
      ...COMMON,
      recipe: "head",
      epochs: 30,
      batchSize: 8,
      onEvent,
    });
    const last = history.at(-1);
    expect(history).toHaveLength(30);
    expect(steps).toHaveLength(60);
    expect(last?.trainLoss).toBeLessThan(0.8 * Number(history[0]?.trainLoss));
    expect(history.map(({ top1 }) => top1)).toContain(Math.max(...history.map(({ top1 }) => Number(top1))));
    expect(history[epoch - 1]?.top1).toBe(Math.max(...history.map(({ top1 }) => Number(top1))));
    expect(end).toBe("finished");
    expect(model.classNames).toEqual(["even", "odd"]);
    const reopened = await api.openClassifier(await api.toOnnx(model), { device: "cpu" });
    expect(reopened.classNames).toEqual(["even", "odd"]);
    expect(await reopened.classify(image("7-a"))).toEqual(await model.classify(image("7-a")));
    // The opened classifier is as it was.
    expect((await source.classify(image("7-a")))[0]?.className).toBe("seven");
    await Promise.all([source.close(), model.close(), reopened.close()]);
  });

  test("keeps the classifier of the same classes", async () => {
    const names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const items = DIGITS.map((name) => [image(name), names[Number(name[0])] ?? ""] as const);
    const data = api.labeledImages(items, { classNames: names });
    const settings = {
      ...COMMON,
      epochs: 1,
      batchSize: 20,
      valFraction: 0,
      augmentation: "none",
      learningRate: 1e-6,
      labelSmoothing: 0,
    } as const;
    const { model, history } = await api.fineTune(at("examples/digits/digits.onnx"), data, settings);
    expect(history[0]?.trainTop1).toBe(1);
    await model.close();
  });
});

describe("train", () => {
  const network = api.describe("inception_resnet_v1", SMALL);
  const data = api.imageFolder("shapes10?train=64&val=20");
  const settings = { ...COMMON, epochs: 2, batchSize: 16, augmentation: "light" } as const;

  test("with a directory writes the run of the command line, and in memory it learns the same", async () => {
    const byCode = path.join(folder, "by-code");
    const byProgram = path.join(folder, "by-program");
    const written = await api.train(network, data, { ...settings, out: byCode });
    const options = ["inputSize=75", "widthMultiplier=0.0625", "repeats=1,1,1"].flatMap((pair) => ["--option", pair]);
    const flags = ["--epochs", "2", "--batch-size", "16", "--augmentation", "light", "--seed", "2", "--device", "cpu", "--threads", "1"];
    const written0 = await inception(
      "train",
      "shapes10?train=64&val=20",
      "--model",
      "inception_resnet_v1",
      ...options,
      ...flags,
      "--out",
      byProgram,
    );
    expect(written0).toMatchObject({ code: 0 });
    const metrics = async (run: string): Promise<unknown> => {
      const lines = (await readFile(path.join(run, "metrics.jsonl"), "utf8")).trim().split("\n");
      return lines.map((line) => ({ ...(JSON.parse(line) as object), time: 0, secondsPerStep: 0 }));
    };
    expect(await metrics(byCode)).toEqual(await metrics(byProgram));
    const inMemory = await api.train(network, data, settings);
    expect(inMemory.history).toEqual(written.history);
    expect([written.run, inMemory.run, inMemory.report]).toEqual([byCode, null, null]);
    const picture = at("examples/digits/images/3-a.png");
    expect(await inMemory.model.classify(picture)).toEqual(await written.model.classify(picture));
    await Promise.all([written.model.close(), inMemory.model.close()]);
    const resumed = await api.train(network, data, { ...COMMON, out: byCode, resume: true, epochs: 3 });
    expect(resumed.history.slice(0, 2)).toEqual(written.history);
    expect(resumed.history).toHaveLength(3);
    await resumed.model.close();
  });

  test.each([
    ["preparing", (event: api.RunEvent) => event.kind === "preparing"],
    ["a step", (event: api.RunEvent) => event.kind === "step"],
    ["evaluating", (event: api.RunEvent) => event.kind === "evaluating"],
  ] as const)("is aborted in %s with the reason of the signal", async (_, when) => {
    const controller = new AbortController();
    const events: string[] = [];
    const onEvent = (event: api.RunEvent): void => {
      events.push(event.kind);
      if (when(event)) controller.abort(new Error("no more"));
    };
    await expect(api.train(network, data, { ...settings, signal: controller.signal, onEvent })).rejects.toThrow("no more");
    expect(events.filter((kind) => kind === "epoch")).toEqual([]);
  });

  test("is aborted while frozen features are computed, and before anything", async () => {
    const controller = new AbortController();
    const onEvent = (event: api.RunEvent): void => {
      if (event.kind === "features") controller.abort(new Error("no more features"));
    };
    const head = { ...COMMON, recipe: "head", epochs: 1, batchSize: 4 } as const;
    const model = at("examples/digits/digits.onnx");
    await expect(api.fineTune(model, parity(), { ...head, signal: controller.signal, onEvent })).rejects.toThrow("no more features");
    await expect(api.fineTune(model, parity(), { ...head, signal: AbortSignal.abort(new Error("at once")) })).rejects.toThrow("at once");
  });

  test("rejects options of a run directory without one", async () => {
    await expect(api.train(network, data, { ...settings, keepCheckpoints: 2 })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: "Cannot use keepCheckpoints for a run in memory: expected them with a directory, `out`, in Node",
    });
  });

  test("rejects a custom network with other classes than the data", async () => {
    const custom = api.describe("tiny", (b) => {
      const features = globalPool(b, "pool", b.input("input", ["N", 3, 8, 8]), "vector");
      b.output("logits", linear(b, "fc", features, 3));
    });
    await expect(api.train(custom, data, settings)).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining('Cannot use custom network "tiny" for 10 classes: its logits have 3 classes') as unknown,
    });
  });
});

describe("labeledImages", () => {
  const a = { image: "a.png", label: "cat" };
  test.each([
    ["no images", [], undefined, "it has no samples, expected an image and a label"],
    ["one class", [a, a], undefined, 'it has only one class ("cat"), expected at least two'],
    [
      "a name that is no class",
      [a, { image: "b.png", label: "dog" }],
      ["cat", "cow"],
      'unknown class "dog" ("b.png"); expected one of the 2 class names given or an index below 2',
    ],
    [
      "an index beyond the classes",
      [a, { image: "b.png", label: 2 }],
      ["cat", "cow"],
      "item 1 has the label 2, expected the name of one of 2 classes or its index",
    ],
    [
      "an index that is none",
      [a, { image: "b.png", label: -1 }],
      undefined,
      "item 1 has the label -1, expected the name of a class or its index",
    ],
  ] as const)("rejects %s at once", (_, items, classNames, fact) => {
    const options = classNames === undefined ? {} : { classNames };
    expect(() => api.labeledImages(items, options)).toThrow(
      expect.objectContaining({ code: "DATASET_INVALID", message: `Cannot open the dataset "labeled images": ${fact}` }),
    );
  });
});

describe("imageFolder of chosen files", () => {
  const file = (place: string) => Object.assign(new Blob([]), { name: path.basename(place), webkitRelativePath: place });

  test("takes directories as classes, in the order in which Node lists a directory", async () => {
    const places = ["pets/dog/b.jpg", "pets/cat/z.png", "pets/cat/a/1.webp", "pets/cat/notes.txt", "pets/.hidden/x.jpg", "pets/readme.md"];
    const { train, val } = await api.imageFolder(places.map(file)).open({ valFraction: 0, seed: 0 });
    expect([train.name, train.classes, val]).toEqual(["pets", ["cat", "dog"], null]);
    expect(Array.from({ length: train.size }, (_, index) => train.nameOf(index))).toEqual(["cat/a/1.webp", "cat/z.png", "dog/b.jpg"]);
  });

  test("knows train and val", async () => {
    const places = ["p/train/cat/1.jpg", "p/train/dog/2.jpg", "p/val/dog/3.jpg", "p/test/dog/4.jpg"];
    const { train, val } = await api.imageFolder(places.map(file)).open({ valFraction: 0.5, seed: 0 });
    expect([train.size, val?.size, val?.nameOf(0)]).toEqual([2, 1, "val/dog/3.jpg"]);
  });

  test("rejects files without directories", () => {
    expect(() => api.imageFolder([file("1.jpg")])).toThrow(
      'Cannot open the dataset "files": it has 1 files, but no images in directories; expected a directory for each class (CLASS/*.jpg), or train/CLASS/*.jpg and val/CLASS/*.jpg',
    );
  });
});

describe("labeled images at https: URLs", () => {
  const url = "https://127.0.0.1:1/7.png?key=secret";
  const items = [url, image("7-b"), image("3-a")].map((each, index) => ({ image: each, label: index < 2 ? "seven" : "three" }));

  // The address is private, so that no request is made: which of the two rejections comes shows whether the thread may download.
  test.each([
    [false, 'Cannot use "https://127.0.0.1:1/7.png" as an image: downloads are not allowed; pass `allowHttps`'],
    [
      true,
      "Cannot download https://127.0.0.1:1/7.png: 127.0.0.1 is not a public address; requests to private and local servers are not allowed",
    ],
  ])("are downloaded by the threads that decode: allowHttps %s", async (allowHttps, reason) => {
    const options = { ...COMMON, allowHttps };
    const { skipped, evaluation } = await api.evaluate(at("examples/digits/digits.onnx"), api.labeledImages(items), {
      allowHttps,
      device: "cpu",
    });
    expect(skipped.map(({ reason: found }) => found)).toEqual([reason]);
    expect(evaluation.images).toBe(2);
    const seen: string[] = [];
    const onEvent = (event: api.RunEvent): void => {
      if (event.kind === "skipped") seen.push(event.sample.reason);
    };
    const settings = { ...options, recipe: "head", epochs: 1, batchSize: 2, valFraction: 0, augmentation: "light", onEvent } as const;
    const { model } = await api.fineTune(at("examples/digits/digits.onnx"), api.labeledImages(items), settings);
    await model.close();
    expect([...new Set(seen)]).toEqual([reason]);
  });
});
