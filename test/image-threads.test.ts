/** Large images are decoded and prepared in threads: to the same bits, and with an event loop that goes on. */
import { setTimeout as pause } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PREPROCESSING, type Preprocessing } from "../src/data/index.js";
import { type Classifier, openClassifier } from "../src/index.js";
import { decodeImage } from "../src/node/decode-image.js";
import { imageThreads } from "../src/node/image-threads.js";
import { imageBatch } from "../src/predict/predict.js";
import { failureOf } from "./failures.js";

const MODEL = "examples/digits/digits.onnx";
const RECIPE: Preprocessing = PREPROCESSING.bvlc_googlenet;
const noise = (width: number, height: number) =>
  sharp({ create: { width: 200, height: 200, channels: 3, background: "#808080", noise: { type: "gaussian", mean: 128, sigma: 40 } } })
    .resize(width, height, { fit: "fill", kernel: "nearest" })
    .jpeg({ quality: 70 })
    .toBuffer();

describe("threads for images", () => {
  const threads = imageThreads();
  afterAll(() => threads.close());

  test("prepare a file and pixels to the bits of the calling thread", async () => {
    const file = await noise(1500, 1200);
    const image = await decodeImage(file);
    const expected = imageBatch([image], RECIPE);
    expect(await threads.prepareFile(file, { name: "noise" }, RECIPE, {})).toEqual(expected);
    expect(await threads.preparePixels(image, RECIPE, {})).toEqual(expected);
    // What was handed over stays the caller's.
    expect([file.length, image.data.length]).toEqual([expect.any(Number) as number, 3 * 1500 * 1200]);
    expect(image.data.length).toBeGreaterThan(0);
  });

  test("several images at once come back in their order", async () => {
    const files = await Promise.all([noise(1400, 1000), noise(1000, 1400), noise(1300, 1100), noise(40, 30), noise(1200, 1200)]);
    const prepared = await Promise.all(files.map((file) => threads.prepareFile(file, {}, RECIPE, {})));
    for (const [index, file] of files.entries()) expect(prepared[index]).toEqual(imageBatch([await decodeImage(file)], RECIPE));
  });

  test("a file that is cut off has the message that it has elsewhere", async () => {
    const cut = (await noise(1500, 1200)).subarray(0, 20_000);
    const elsewhere = await failureOf(decodeImage(cut, { name: "cut" }));
    expect(await failureOf(threads.prepareFile(cut, { name: "cut" }, RECIPE, {}))).toMatchObject({
      code: "IMAGE_INVALID",
      message: elsewhere.message,
    });
  });

  test("an abort is obeyed while the thread works", async () => {
    const stop = new AbortController();
    const preparing = threads.prepareFile(await noise(3000, 2000), {}, RECIPE, { signal: stop.signal });
    await pause(20);
    stop.abort(new Error("changed my mind"));
    await expect(preparing).rejects.toThrow("changed my mind");
  });

  test("what is under way when they are closed rejects", async () => {
    const others = imageThreads();
    const preparing = others.preparePixels(await decodeImage(await noise(1500, 1200)), RECIPE, {});
    others.close();
    expect(await failureOf(preparing)).toMatchObject({ code: "SESSION_CLOSED", message: "Cannot prepare images: the worker is closed" });
  });
});

describe("while a large photograph is classified", () => {
  let classifier: Classifier;
  beforeAll(async () => {
    classifier = await openClassifier(MODEL, { device: "cpu", threads: 1 });
  });
  afterAll(() => classifier?.close());

  // Other programs may delay one turn of the loop; a blocked loop is late every time.
  test("the event loop goes on", { retry: 2 }, async () => {
    const file = await noise(6000, 4000);
    const image = await decodeImage(file);
    const started = performance.now();
    imageBatch([image], RECIPE);
    const inPlace = performance.now() - started;
    // The first image also loads the threads' code.
    await classifier.classify(await noise(1500, 1200));
    const longest = await longestDelay(() => classifier.classify(file));
    expect(longest).toBeLessThan(inPlace / 2);
    // Pixels that were handed over are copied on the calling thread, and no more.
    expect(await longestDelay(() => classifier.explain(image))).toBeLessThan(inPlace);
  });
});

/** The longest time in milliseconds between two turns of the event loop meanwhile. */
async function longestDelay(work: () => Promise<unknown>): Promise<number> {
  let [last, longest] = [performance.now(), 0];
  const turn = setInterval(() => {
    const now = performance.now();
    [last, longest] = [now, Math.max(longest, now - last)];
  }, 1);
  await work();
  clearInterval(turn);
  return Math.max(longest, performance.now() - last);
}
