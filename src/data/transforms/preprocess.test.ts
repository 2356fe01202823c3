import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../../test/shared.js";
import { type Image, rgbImage } from "../image.js";
import { PREPROCESSING } from "../preprocessing.js";
import { centerCrop } from "./crop.js";
import { type Preprocessing, preprocess, preprocessedShape } from "./preprocess.js";
import { resize } from "./resize.js";

interface Goldens {
  readonly images: readonly {
    readonly image: string;
    readonly h: number;
    readonly w: number;
    readonly data: readonly number[];
    readonly results: readonly { readonly pipeline: string; readonly shape: readonly number[]; readonly data: readonly number[] }[];
  }[];
}

// Numbers of torchvision 0.14.1 and timm over Pillow 9.4; the file is ours and its shape is stated above.
const goldens = JSON.parse(readFileSync(goldenPath("ops/preprocess.json"), "utf8")) as Goldens;

const PLAIN = { channelOrder: "RGB", mean: [0, 0, 0], std: [1, 1, 1] } as const;
const CROP_21 = { crop: [21, 21], channelOrder: "RGB" } as const;
/** How each pipeline of the golden file is said in our words. */
const RECIPES: Readonly<Record<string, Preprocessing>> = {
  "torchvision.Resize(34,bilinear)": { ...PLAIN, resize: { kind: "shorter_side", size: 34, filter: "bilinear" }, crop: null },
  "timm.eval": {
    ...CROP_21,
    resize: { kind: "shorter_side", size: 24, filter: "bicubic" },
    mean: [127.5, 127.5, 127.5],
    std: [127.5, 127.5, 127.5],
  },
  "torchvision.preset": {
    ...CROP_21,
    resize: { kind: "shorter_side", size: 24, filter: "bilinear" },
    mean: PREPROCESSING.timm_inception_v3_gluon.mean,
    std: PREPROCESSING.timm_inception_v3_gluon.std,
  },
};

// Both tools divide by 255 and normalize in single precision, we normalize 0..255 in double: a few units in the last place of values up to 2.7.
const TOLERANCE = 1e-6;

describe("equal to torchvision and timm", () => {
  const cases = goldens.images.flatMap(({ image, h, w, data, results }) =>
    results.map((result) => [`${result.pipeline} of ${image}`, rgbImage(w, h, Uint8Array.from(data)), result] as const),
  );

  test.each(cases)("%s", (_, image, { pipeline, shape, data }) => {
    const recipe = RECIPES[pipeline];
    if (!recipe) {
      expect(pipeline).toBe("torchvision.CenterCrop(21)");
      expect([...centerCrop(image, 21, 21).data]).toEqual(data);
      return;
    }
    const result = preprocess(image, recipe);
    // Goldens of 8 bit are H W C, those of floats C H W.
    const expected = recipe.crop ? data : planes(data);
    expect(preprocessedShape(recipe, image)).toEqual(recipe.crop ? shape : [3, shape[0], shape[1]]);
    const worst = result.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
    expect(worst).toBeLessThanOrEqual(recipe.crop ? TOLERANCE : 0);
    const levels = [...result].map((value, i) => value * channelOf(recipe.std, i, result) + channelOf(recipe.mean, i, result));
    expect(levels.every((level) => Math.abs(level - Math.round(level)) < 1e-4)).toBe(true);
  });
});

function planes(pixels: readonly number[]): readonly number[] {
  return [0, 1, 2].flatMap((c) => pixels.filter((_, i) => i % 3 === c));
}

function channelOf(values: readonly number[], index: number, result: Float32Array): number {
  return values[Math.floor((index * 3) / result.length)] ?? Number.NaN;
}

function noise(width: number, height: number): Image {
  return rgbImage(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255),
  );
}

describe("each part of a recipe", () => {
  const asIs = { resize: { kind: "warp", size: 2, filter: "bilinear" }, crop: null } as const;
  const image = rgbImage(2, 2, Uint8Array.of(10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120));

  test("channel order, mean and deviation are those of the output", () => {
    const recipe: Preprocessing = { ...asIs, channelOrder: "BGR", mean: [1, 2, 3], std: [1, 2, 4] };
    expect([...preprocess(image, recipe)]).toEqual([29, 59, 89, 119, 9, 24, 39, 54, 1.75, 9.25, 16.75, 24.25]);
  });

  test("one channel is luma", () => {
    const recipe: Preprocessing = { ...asIs, channelOrder: "L", mean: [0], std: [1] };
    expect(preprocessedShape(recipe, image)).toEqual([1, 2, 2]);
    expect([...preprocess(image, recipe)]).toEqual([18, 48, 78, 108]);
  });

  test("an image smaller than the crop is padded with pixels of 0", () => {
    const recipe: Preprocessing = { ...asIs, crop: [3, 4], channelOrder: "L", mean: [8], std: [2] };
    expect([...preprocess(image, recipe)]).toEqual([-4, 5, 20, -4, -4, 35, 50, -4, -4, -4, -4, -4]);
    const floats: Preprocessing = { ...recipe, resize: { ...asIs.resize, filter: "tf1_bilinear" } };
    expect(preprocess(image, floats)).toEqual(preprocess(image, recipe));
  });

  test("a central crop comes before its resize", () => {
    const photo = noise(40, 31);
    const recipe: Preprocessing = {
      ...PLAIN,
      resize: { kind: "central_crop_warp", size: 9, cropFraction: 0.875, filter: "bicubic" },
      crop: null,
    };
    // Margins floor(40 / 16) = 2 and floor(31 / 16) = 1.
    const expected = resize(centerCrop(photo, 29, 36), { width: 9, height: 9, filter: "bicubic" });
    expect([...preprocess(photo, recipe)]).toEqual([...planes([...expected.data])]);
  });

  test("whitening is facenet's: by the deviation of the image, at least 1 / sqrt(values)", () => {
    const recipe: Preprocessing = { ...asIs, ...PLAIN, perImageWhitening: true };
    // numpy: (x - x.mean()) / max(x.std(), 1 / sqrt(x.size)) of 10, 20, ..., 120.
    const step = 10 / 34.52052529534663;
    const expected = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11].map((rank) => (rank - 5.5) * step);
    const result = preprocess(image, recipe);
    for (const [i, value] of expected.entries()) expect(result[i]).toBeCloseTo(value, 6);
    const flat = rgbImage(2, 2, new Uint8Array(12).fill(9));
    expect([...preprocess(flat, recipe)]).toEqual(new Array(12).fill(0));
  });

  test("a batch is written side by side", () => {
    const recipe: Preprocessing = { ...asIs, ...PLAIN };
    const batch = new Float32Array(30).fill(-1);
    const part = preprocess(image, recipe, { data: batch, offset: 15 });
    expect(part.buffer).toBe(batch.buffer);
    expect([...batch]).toEqual([...new Array<number>(15).fill(-1), 10, 40, 70, 100, 20, 50, 80, 110, 30, 60, 90, 120, -1, -1, -1]);
    expect(() => preprocess(image, recipe, { data: batch, offset: 19 })).toThrowError(
      "Cannot write 12 values at 19 of an array of 30: they do not fit",
    );
  });

  test("only what the crop keeps is computed, so a strip does not explode", () => {
    const strip = rgbImage(1, 60_000, new Uint8Array(180_000).fill(255));
    const result = preprocess(strip, PREPROCESSING.timm_inception_v3);
    expect(result.length).toBe(3 * 299 * 299);
    expect(result.every((value) => value === 1)).toBe(true);
  });
});

test.each(Object.entries(PREPROCESSING))("%s gives one size for every image, small ones too", (_, recipe) => {
  const shapes = [noise(1, 1), noise(5, 90), noise(333, 250)].map((image) => {
    const shape = preprocessedShape(recipe, image);
    const result = preprocess(image, recipe);
    expect(result.length).toBe(shape[0] * shape[1] * shape[2]);
    expect(result.every((value) => Number.isFinite(value))).toBe(true);
    return shape;
  });
  expect(new Set(shapes.map(String)).size).toBe(1);
});

describe("recipes that contradict themselves are refused", () => {
  const good: Preprocessing = { ...PLAIN, resize: { kind: "warp", size: 4, filter: "box" }, crop: [2, 2] };
  test.each<readonly [string, Preprocessing]>([
    ["resize.size is 0, expected an integer from 1 to 9,999", { ...good, resize: { ...good.resize, size: 0 } }],
    ["crop is [2, 1.5], expected integers from 1 to 9,999", { ...good, crop: [2, 1.5] }],
    ["resize.cropFraction is 2, expected a number in (0, 1]", { ...good, resize: { ...good.resize, cropFraction: 2 } }],
    ["mean has 1 and std 3 values, channel order RGB needs 3 of each", { ...good, mean: [0] }],
    ["mean is [0, NaN, 0], expected finite numbers", { ...good, mean: [0, Number.NaN, 0] }],
    ["std is [1, 0, 1], expected finite numbers other than 0", { ...good, std: [1, 0, 1] }],
  ])("%s", (fault, recipe) => {
    expect(() => preprocess(noise(3, 3), recipe)).toThrowError(`Cannot preprocess an image: ${fault}`);
  });
});
