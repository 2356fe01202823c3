import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PREPROCESSING } from "../data/index.js";
import { InceptionError } from "../errors.js";
import { encodeNpy } from "../formats/npy.js";
import { imageBatch } from "../predict/predict.js";
import { joinInputs } from "../tasks/image-batch.js";
import { float32Tensor } from "../tensor/tensor.js";
import { type Budget, createBudget } from "./budget.js";
import { decodeImage } from "./decode-image.js";
import { type ImageInput, readImageInputs } from "./image-inputs.js";

const preprocessing = { ...PREPROCESSING.facenet, resize: { kind: "warp", size: 8, filter: "bilinear" } } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-inputs-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function picture(name: string, width: number, height: number): Promise<string> {
  const file = path.join(folder, name);
  const [r = 0, g = 0, b = 0] = [...name].map((letter) => letter.charCodeAt(0));
  await writeFile(
    file,
    await sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
      .jpeg()
      .toBuffer(),
  );
  return file;
}

async function collected(inputs: AsyncIterable<readonly ImageInput[]>): Promise<readonly (readonly ImageInput[])[]> {
  const batches = [];
  for await (const batch of inputs) batches.push(batch);
  return batches;
}

describe("images in batches", () => {
  test("come in the order of the files, prepared as each alone would be, a file that cannot be used with its error", async () => {
    const files = [
      await picture("a.jpg", 40, 30),
      await picture("b.jpg", 500, 400),
      path.join(folder, "none.jpg"),
      await picture("c.jpg", 9, 9),
    ];
    const batches = await collected(readImageInputs(files, { preprocessing, batch: 3 }));
    expect(batches.map((batch) => batch.map(({ file, index }) => [file, index]))).toEqual([
      files.slice(0, 3).map((file, index) => [file, index]),
      [[files[3], 3]],
    ]);
    for (const { file, input } of batches.flat()) {
      if (file === files[2])
        expect(input).toMatchObject({ code: "FILE_NOT_FOUND", message: `Cannot open "${file}": no such file or directory` });
      else expect(input).toEqual(imageBatch([await decodeImage(file)], preprocessing));
    }
  });

  test("arrays give an input for each image, and only where they are asked for", async () => {
    const data = Uint8Array.from({ length: 3 * 3 * 4 * 4 }, (_, index) => index);
    const array = path.join(folder, "three.npy");
    await writeFile(array, encodeNpy({ dtype: "uint8", shape: [3, 3, 4, 4], data }));
    const wrong = path.join(folder, "wrong.npy");
    await writeFile(wrong, encodeNpy(float32Tensor([1], Float32Array.of(1))));
    const files = [await picture("d.jpg", 20, 20), array, wrong, await picture("e.jpg", 20, 20)];
    const batches = await collected(readImageInputs(files, { preprocessing, batch: 2, arrays: true }));
    expect(batches.map((batch) => batch.map(({ file }) => path.basename(file)))).toEqual([
      ["d.jpg", "three.npy#0"],
      ["three.npy#1", "three.npy#2"],
      ["wrong.npy", "e.jpg"],
    ]);
    expect(batches.flat().map(({ index }) => index)).toEqual([0, 1, 1, 1, 2, 3]);
    expect(batches[2]?.[0]?.input).toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: `Cannot read images from "${wrong}": it contains float32 [1], expected uint8 [N, 3, H, W]`,
    });
    const [[refused] = []] = await collected(readImageInputs([array], { preprocessing, batch: 1 }));
    expect(refused?.input).toMatchObject({ code: "FILE_UNSUPPORTED" });
  });

  test("never hold more decoded pixels than the budget; a larger image is alone", async () => {
    const sizes = [10, 20, 30, 40, 50, 10, 20, 30, 10, 10, 10, 10];
    const files = await Promise.all(sizes.map((size, index) => picture(`size${index}.jpg`, size, 10)));
    const limit = 40 * 10 * 3;
    const inner = createBudget(limit);
    const inUse: number[] = [];
    const seen: (readonly number[])[] = [];
    const pixels: Budget = {
      spend: (amount, work) =>
        inner.spend(amount, async () => {
          inUse.push(amount);
          seen.push([...inUse]);
          try {
            return await work();
          } finally {
            inUse.splice(inUse.indexOf(amount), 1);
          }
        }),
    };
    const batches = await collected(readImageInputs(files, { preprocessing, batch: 12, pixels }));
    expect(batches.flat().filter(({ input }) => input instanceof InceptionError)).toEqual([]);
    expect(seen.map((amounts) => amounts.at(-1)).sort()).toEqual(sizes.map((size) => size * 10 * 3).sort());
    const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
    expect(seen.filter((amounts) => amounts.length > 1 && sum(amounts) > limit)).toEqual([]);
    expect(seen.some((amounts) => amounts.length > 1)).toBe(true);
    expect(inUse).toEqual([]);
  });

  // A batch that is decoded before it is prepared holds 24 images of 27 MB: 650 MB.
  test("keep the inputs of a batch and not its pixels", async () => {
    const files = await Promise.all(Array.from({ length: 24 }, (_, index) => picture(`big${index}.jpg`, 3000, 3000)));
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
    const batches = await collected(readImageInputs(files, { preprocessing, batch: 24 }));
    clearInterval(watch);
    expect(batches.flat().filter(({ input }) => input instanceof InceptionError)).toEqual([]);
    expect(most - before).toBeLessThan(300e6);
  });
});

test("inputs of two sizes are no batch", () => {
  const inputs = [float32Tensor([1, 1, 2, 2], new Float32Array(4)), float32Tensor([1, 1, 2, 3], new Float32Array(6))];
  const message =
    "Cannot join images to a batch: the preprocessing gives 1×2×3, expected 1×2×2 like the image before it; pass `batchSize` 1";
  const details = { found: "1×2×3", expected: "1×2×2" };
  expect(() => joinInputs(inputs)).toThrow(new InceptionError("OPTION_INVALID", message, details));
});
