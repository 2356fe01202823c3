import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Image, rgbImage } from "../image.js";
import { PREPROCESSING } from "../preprocessing.js";
import { type Random, randomStream } from "../random.js";
import { renderShapes10 } from "../shapes10.js";
import { preprocess } from "../transforms/preprocess.js";
import { augment, augmentAndNormalize, cropReflected, mirror, normalize, padAndCrop } from "./augment.js";
import { AUGMENTATIONS, type Augmentation } from "./augmentation.js";
import { centeredFallback, erasingWindow, randomAreaWindow } from "./random-area.js";

const stream = (index: number): Random => randomStream({ seed: 1, purpose: "test", index });
const photo = (index: number, side = 64): Image => renderShapes10({ seed: 1, split: "train", index, side });
/** Gray pixels, one number each. */
const grays = (rows: readonly (readonly number[])[]): Image =>
  rgbImage(rows[0]!.length, rows.length, Uint8Array.from(rows.flat().flatMap((value) => [value, value, value])));
const values = (image: Image): number[] => Array.from({ length: image.width * image.height }, (_, i) => image.data[i * 3]!);

/** Comparing 150,000 numbers as bytes takes no time, comparing them as numbers takes seconds. */
const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A stream that gives these numbers: fractions for `uniform`, integers for `below`. */
function scripted(uniforms: readonly number[], integers: readonly number[]): Random {
  const [fractions, whole] = [[...uniforms], [...integers]];
  return {
    ...stream(0),
    uniform: (low = 0, high = 1) => low + (high - low) * fractions.shift()!,
    below: (n) => {
      const next = whole.shift()!;
      expect(next).toBeLessThan(n);
      return next;
    },
  };
}

describe("random area", () => {
  const paper = [
    [0.08, 1],
    [3 / 4, 4 / 3],
  ] as const;

  test("area and ratio give the sides, the place is drawn top first", () => {
    // Half of 100 x 80 is 4000; the middle of log(3/4) .. log(4/3) is ratio 1; sqrt(4000) = 63.2. 18 tops, 38 lefts.
    const random = scripted([(0.5 - 0.08) / 0.92, 0.5], [17, 10]);
    expect(randomAreaWindow({ width: 100, height: 80 }, ...paper, random)).toEqual({ left: 10, top: 17, width: 63, height: 63 });
  });

  test("what does not fit is drawn again; after ten times the center is taken", () => {
    // All of the area at ratio 4/3 of a square is wider than the square.
    const tooWide = [1, 1];
    const random = scripted([...tooWide, ...tooWide, (0.25 - 0.08) / 0.92, 0.5], [0, 25]);
    expect(randomAreaWindow({ width: 60, height: 60 }, ...paper, random)).toEqual({ left: 25, top: 0, width: 30, height: 30 });
    const never = scripted(new Array<number>(20).fill(1), []);
    expect(randomAreaWindow({ width: 60, height: 60 }, ...paper, never)).toEqual({ left: 0, top: 0, width: 60, height: 60 });
  });

  test("the fallback is the largest centered rectangle of an allowed ratio", () => {
    // 100 x 10: 10 * 4/3 = 13.3 wide, (100 - 13) / 2 = 43.5 from the left. 10 x 100: 10 / (3/4) = 13.3 high.
    expect(centeredFallback({ width: 100, height: 10 }, paper[1])).toEqual({ left: 43, top: 0, width: 13, height: 10 });
    expect(centeredFallback({ width: 10, height: 100 }, paper[1])).toEqual({ left: 0, top: 43, width: 10, height: 13 });
    expect(centeredFallback({ width: 11, height: 10 }, paper[1])).toEqual({ left: 0, top: 0, width: 11, height: 10 });
    expect(centeredFallback({ width: 9, height: 1 }, [0.1, 0.4])).toEqual({ left: 4, top: 0, width: 1, height: 1 });
  });

  test("windows lie inside, and their areas are uniform between the limits", () => {
    const size = { width: 400, height: 300 };
    const areas = Array.from({ length: 4000 }, (_, i) => {
      const window = randomAreaWindow(size, [0.2, 0.6], [3 / 4, 4 / 3], stream(i));
      const { left, top, width, height } = window;
      const inside = left >= 0 && top >= 0 && left + width <= 400 && top + height <= 300;
      // One pixel of rounding on sides of 130 and more.
      const fits = width / height > 0.74 && width / height < 1.345;
      if (!inside || !fits) expect(window).toBe("inside and of an allowed ratio");
      return (window.width * window.height) / 120_000;
    });
    const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
    // The largest fraction that fits at every ratio is 300 * 300 * 3/4 of 120,000 = 0.5625, so a few are drawn again.
    expect(mean).toBeGreaterThan(0.38);
    expect(mean).toBeLessThan(0.41);
  });

  test("any image has a window", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), fc.nat(), (width, height, index) => {
        const window = randomAreaWindow({ width, height }, [0.08, 1], [3 / 4, 4 / 3], stream(index));
        expect(Math.min(window.width, window.height)).toBeGreaterThan(0);
        expect(window.left >= 0 && window.top >= 0 && window.left + window.width <= width && window.top + window.height <= height).toBe(
          true,
        );
      }),
    );
  });
});

describe("mirror, pad and crop", () => {
  const image = grays([
    [1, 2, 3],
    [4, 5, 6],
  ]);

  test("mirroring swaps left and right, also in the middle of an odd width", () => {
    const copy = { ...image, data: image.data.slice() };
    mirror(copy);
    expect(values(copy)).toEqual([3, 2, 1, 6, 5, 4]);
    const colors = rgbImage(2, 1, Uint8Array.of(1, 2, 3, 4, 5, 6));
    mirror(colors);
    expect([...colors.data]).toEqual([4, 5, 6, 1, 2, 3]);
  });

  test("a reflected border does not repeat the edge", () => {
    const window = { left: -2, top: -1, width: 6, height: 4 };
    expect(values(cropReflected(image, window))).toEqual(
      [
        [6, 5, 4, 5, 6, 5],
        [3, 2, 1, 2, 3, 2],
        [6, 5, 4, 5, 6, 5],
        [3, 2, 1, 2, 3, 2],
      ].flat(),
    );
    expect(values(cropReflected(grays([[9]]), { left: -3, top: -3, width: 2, height: 1 }))).toEqual([9, 9]);
  });

  test("a zero border is black; each of the places is reached", () => {
    expect(values(padAndCrop(image, 1, "zero", scripted([], [0, 2])))).toEqual([0, 4, 5, 0, 0, 0]);
    const places = new Set(Array.from({ length: 400 }, (_, i) => values(padAndCrop(image, 1, "zero", stream(i))).join()));
    expect(places.size).toBe(9);
  });
});

describe("erasing", () => {
  const base: Augmentation = { ...AUGMENTATIONS.none, erasing: { probability: 1, area: [0.1, 0.3], aspect: [0.5, 2], fill: [1, 2, 3] } };
  const recipe = { ...PREPROCESSING.facenet, resize: { kind: "warp", size: 32, filter: "bilinear" } } as const;
  const white = rgbImage(32, 32, new Uint8Array(3072).fill(255));

  test("a rectangle of the wanted area gets the color, the rest stays", () => {
    for (let i = 0; i < 50; i++) {
      const { data } = augment(white, base, recipe, 32, stream(i));
      const inside = Array.from({ length: 1024 }, (_, pixel) => pixel).filter((pixel) => data[pixel * 3] === 1);
      const xs = inside.map((pixel) => pixel % 32);
      const ys = inside.map((pixel) => Math.floor(pixel / 32));
      const box = (Math.max(...xs) - Math.min(...xs) + 1) * (Math.max(...ys) - Math.min(...ys) + 1);
      expect(inside.length).toBe(box);
      expect(box / 1024).toBeGreaterThan(0.08);
      expect(box / 1024).toBeLessThan(0.33);
      expect(inside.every((pixel) => data[pixel * 3 + 1] === 2 && data[pixel * 3 + 2] === 3)).toBe(true);
      expect(data.filter((value) => value === 255).length).toBe(3072 - 3 * box);
    }
  });

  test("noise has the spread of random bytes; probability 0 changes nothing", () => {
    const noise = { ...base, erasing: { ...base.erasing!, area: [0.9, 0.9], aspect: [1, 1], fill: "noise" } } as const;
    const { data } = augment(white, noise, recipe, 32, stream(1));
    const changed = data.filter((value) => value !== 255);
    // 30 x 30 pixels of three bytes, of which one in 256 happens to be 255.
    expect(changed.length / 2700).toBeCloseTo(255 / 256, 1);
    expect(changed.reduce((sum, value) => sum + value, 0) / changed.length).toBeCloseTo(127, -1);
    expect(augment(white, { ...base, erasing: { ...base.erasing!, probability: 0 } }, recipe, 32, stream(1)).data).toEqual(white.data);
  });

  test("a rectangle as large as the image is none", () => {
    expect(erasingWindow({ width: 8, height: 8 }, [1, 1], [1, 1], stream(1))).toBeNull();
  });
});

describe("the whole way", () => {
  test.each(["facenet", "bvlc_googlenet", "torchvision_googlenet"] as const)("no augmentation equals evaluation: %s", (id) => {
    const recipe = PREPROCESSING[id];
    const size = recipe.crop?.[0] ?? recipe.resize.size;
    const image = photo(3, 90);
    const found = augmentAndNormalize(image, AUGMENTATIONS.none, recipe, size, stream(1));
    expect(Buffer.compare(bytesOf(found), bytesOf(preprocess(image, recipe)))).toBe(0);
  });

  test("normalizing is channel order, mean and deviation", () => {
    const image = rgbImage(2, 2, Uint8Array.of(10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120));
    const recipe = { ...PREPROCESSING.bvlc_googlenet, std: [2, 2, 2] };
    // BGR less 104, 117, 123, halved.
    const expected = [
      [30, 60, 90, 120].map((blue) => (blue - 104) / 2),
      [20, 50, 80, 110].map((green) => (green - 117) / 2),
      [10, 40, 70, 100].map((red) => (red - 123) / 2),
    ].flat();
    expect([...normalize(image, recipe)]).toEqual(expected);
    const into = { data: new Float32Array(13), offset: 1 };
    normalize(image, recipe, into);
    expect([...into.data]).toEqual([0, ...expected]);
  });

  test.each(Object.keys(AUGMENTATIONS) as (keyof typeof AUGMENTATIONS)[])(
    "%s: the same stream gives the same image, another one another",
    (id) => {
      const image = photo(1);
      const before = image.data.slice();
      const recipe = { ...PREPROCESSING.facenet, resize: { kind: "warp", size: 48, filter: "bilinear" } } as const;
      const make = (index: number) => augment(image, AUGMENTATIONS[id], recipe, 48, stream(index));
      expect([make(1).width, make(1).height, make(1).data.length]).toEqual([48, 48, 48 * 48 * 3]);
      expect(Buffer.compare(make(1).data, make(1).data)).toBe(0);
      const different = [2, 3, 4, 5].some((index) => Buffer.compare(make(index).data, make(1).data) !== 0);
      expect(different).toBe(id !== "none");
      expect(Buffer.compare(image.data, before)).toBe(0);
    },
  );

  test("half of the images are mirrored", () => {
    const image = grays([[0, 255]]);
    const flip: Augmentation = { ...AUGMENTATIONS.none, flip: 0.5 };
    const recipe = { ...PREPROCESSING.facenet, resize: { kind: "warp", size: 2, filter: "bilinear" } } as const;
    const mirrored = Array.from({ length: 1000 }, (_, i) => augment(image, flip, recipe, 2, stream(i)).data[0]).filter(
      (value) => value === 255,
    );
    // 4 standard deviations of 15.8.
    expect(Math.abs(mirrored.length - 500)).toBeLessThan(64);
  });

  test("an image as small as one pixel is augmented", () => {
    expect(augment(grays([[7]]), AUGMENTATIONS.light, PREPROCESSING.facenet, 8, stream(1)).data).toEqual(new Uint8Array(192).fill(7));
  });
});
