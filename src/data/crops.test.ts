import { expect, test } from "vitest";
import { cropsOf, planCrops } from "./crops.js";
import { type Image, rgbImage } from "./image.js";
import { resize } from "./transforms/resize.js";

const box = (left: number, top: number, side: number) => ({ left, top, width: side, height: side });

test("ten crops of a landscape photograph: corners and center of the center square, then mirrored", () => {
  // 500 x 375 becomes floor(256 * 500 / 375) = 341 x 256. The square begins at 42.5, rounded to the even 42; 256 - 224 = 32.
  const expected = [box(42, 0, 224), box(74, 0, 224), box(42, 32, 224), box(74, 32, 224), box(58, 16, 224)];
  const plans = planCrops({ width: 500, height: 375 }, 10, 224);
  expect(plans.map(({ window }) => window)).toEqual([...expected, ...expected]);
  expect(plans.map(({ mirrored }) => mirrored)).toEqual([...new Array<boolean>(5).fill(false), ...new Array<boolean>(5).fill(true)]);
  expect(new Set(plans.map(({ size }) => `${size.width}x${size.height}`))).toEqual(new Set(["341x256"]));
});

test("twelve add the whole square; one is the center crop", () => {
  const twelve = planCrops({ width: 500, height: 375 }, 12, 224);
  expect(twelve.length).toBe(12);
  expect([twelve[5], twelve[11]]).toEqual([
    { size: { width: 341, height: 256 }, window: box(42, 0, 256), mirrored: false },
    { size: { width: 341, height: 256 }, window: box(42, 0, 256), mirrored: true },
  ]);
  expect(planCrops({ width: 500, height: 375 }, 1, 224)).toEqual([
    { size: { width: 341, height: 256 }, window: box(58, 16, 224), mirrored: false },
  ]);
});

test("144 crops of a tall photograph: 4 scales, 3 squares from top to bottom, 6 views, 2 sides", () => {
  const plans = planCrops({ width: 300, height: 450 }, 144, 224);
  expect(plans.length).toBe(144);
  expect([0, 36, 72, 108].map((at) => plans[at]!.size)).toEqual([
    { width: 256, height: 384 },
    { width: 288, height: 432 },
    { width: 320, height: 480 },
    { width: 352, height: 528 },
  ]);
  // At 352 x 528 the squares begin at 0, (528 - 352) / 2 = 88 and 176; in a square the last corner lies at 352 - 224 = 128.
  const last = plans.slice(108);
  expect([5, 17, 29].map((at) => last[at]!.window)).toEqual([box(0, 0, 352), box(0, 88, 352), box(0, 176, 352)]);
  expect(last.slice(12, 17).map(({ window }) => window)).toEqual([
    box(0, 88, 224),
    box(128, 88, 224),
    box(0, 216, 224),
    box(128, 216, 224),
    box(64, 152, 224),
  ]);
  expect(plans.filter(({ mirrored }) => mirrored).length).toBe(72);
});

test("other inputs scale in proportion, and every window lies inside", () => {
  // 256 * 299 / 224 = 341.7 and 352 * 299 / 224 = 469.9.
  const plans = planCrops({ width: 333, height: 1000 }, 144, 299);
  expect([plans[0]!.size.width, plans[143]!.size.width]).toEqual([342, 470]);
  for (const { size, window } of plans) {
    expect(
      window.left >= 0 && window.top >= 0 && window.left + window.width <= size.width && window.top + window.height <= size.height,
    ).toBe(true);
  }
});

test("the crops are the windows' pixels, scaled and mirrored", () => {
  const image: Image = rgbImage(
    30,
    20,
    Uint8Array.from({ length: 1800 }, (_, i) => (i * 89) % 251),
  );
  const crops = cropsOf(image, 12, 14);
  const plans = planCrops(image, 12, 14);
  expect(crops.length).toBe(12);
  for (const [i, { size, window, mirrored }] of plans.entries()) {
    const part = resize(image, { ...size, filter: "bilinear", window });
    const scaled = resize(part, { width: 14, height: 14, filter: "bilinear" });
    const { data, width, height } = crops[i]!;
    expect([width, height]).toEqual([14, 14]);
    const expected = Array.from({ length: 14 * 14 }, (_, at) => {
      const from = (at - (at % 14) + (mirrored ? 13 - (at % 14) : at % 14)) * 3;
      return [...scaled.data.subarray(from, from + 3)];
    });
    expect([...data]).toEqual(expected.flat());
  }
});

test("a count or size that is none is refused", () => {
  // @ts-expect-error the type refuses it too
  expect(() => planCrops({ width: 9, height: 9 }, 5, 224)).toThrowError("Cannot use 5 crops: expected one of 1, 10, 12, 144");
  expect(() => planCrops({ width: 9, height: 9 }, 1, 0)).toThrowError("Cannot use crops of 0 pixels: expected an integer from 1 to 4,096");
});
