import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../random.js";
import { AUGMENTATIONS } from "./augmentation.js";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation, jitterColors } from "./color.js";

const changed = (rgb: readonly number[], change: (values: Float32Array) => void): number[] => {
  const values = Float32Array.from(rgb);
  change(values);
  return [...values];
};
const near = (found: readonly number[], expected: readonly number[]) => {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 2);
};

// Computed with Python's colorsys.
const COLORSYS = [
  { rgb: [121, 66, 189], turn: 0.416, turned: [189.0, 182.008, 66.0], factor: 1.29, saturated: [101.28, 30.33, 189.0] },
  { rgb: [33, 6, 240], turn: -0.241, turned: [6.0, 240.0, 162.636], factor: 0.74, saturated: [86.82, 66.84, 240.0] },
  { rgb: [240, 243, 203], turn: 0.139, turned: [206.64, 243.0, 203.0], factor: 0.55, saturated: [241.35, 243.0, 221.0] },
  { rgb: [77, 199, 7], turn: 0.171, turned: [7.0, 199.0, 133.992], factor: 0.35, saturated: [156.3, 199.0, 131.8] },
  { rgb: [21, 154, 15], turn: 0.324, turned: [15.0, 28.784, 154.0], factor: 0.82, saturated: [44.94, 154.0, 40.02] },
];

test.each(COLORSYS)("hue and saturation of $rgb", ({ rgb, turn, turned, factor, saturated }) => {
  near(
    changed(rgb, (values) => adjustHue(values, turn)),
    turned,
  );
  near(
    changed(rgb, (values) => adjustSaturation(values, factor)),
    saturated,
  );
});

test("a third of the circle from red is green; gray has no hue", () => {
  near(
    changed([255, 0, 0, 90, 90, 90], (values) => adjustHue(values, 1 / 3)),
    [0, 255, 0, 90, 90, 90],
  );
  near(
    changed([255, 0, 0], (values) => adjustHue(values, -1 / 6)),
    [255, 0, 255],
  );
});

test("saturation 0 leaves the value; black stays black", () => {
  near(
    changed([200, 100, 50, 0, 0, 0], (values) => adjustSaturation(values, 0)),
    [200, 200, 200, 0, 0, 0],
  );
});

test("brightness adds, contrast scales the distance from each channel's mean", () => {
  expect(changed([1, 2, 250], (values) => adjustBrightness(values, 10))).toEqual([11, 12, 260]);
  // Means 20, 30, 40.
  expect(changed([10, 20, 30, 30, 40, 50], (values) => adjustContrast(values, 0.5))).toEqual([15, 25, 35, 25, 35, 45]);
  expect(changed([10, 20, 30, 30, 40, 50], (values) => adjustContrast(values, 0))).toEqual([20, 30, 40, 20, 30, 40]);
});

test("a jitter that may change nothing changes nothing", () => {
  const pixels = Uint8Array.from({ length: 300 }, (_, i) => (i * 37) % 256);
  const before = pixels.slice();
  jitterColors(pixels, { brightness: 0, contrast: [1, 1], saturation: [1, 1], hue: 0 }, randomStream({ seed: 1, purpose: "test" }));
  expect(pixels).toEqual(before);
});

test("brightness alone moves by at most its range, both ways", () => {
  const shifts = Array.from({ length: 200 }, (_, index) => {
    const pixels = new Uint8Array(3).fill(128);
    jitterColors(
      pixels,
      { brightness: 32 / 255, contrast: [1, 1], saturation: [1, 1], hue: 0 },
      randomStream({ seed: 1, purpose: "test", index }),
    );
    return pixels[0]! - 128;
  });
  expect(Math.max(...shifts)).toBeGreaterThan(27);
  expect(Math.min(...shifts)).toBeLessThan(-27);
  expect(shifts.every((shift) => Math.abs(shift) <= 32)).toBe(true);
});

test("any pixels stay bytes, and the same stream changes them in the same way", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 3, maxLength: 60 }), fc.nat(), (bytes, index) => {
      const pixels = bytes.slice(0, bytes.length - (bytes.length % 3));
      const again = pixels.slice();
      const key = { seed: 2, purpose: "test", index };
      jitterColors(pixels, AUGMENTATIONS.inception.color, randomStream(key));
      jitterColors(again, AUGMENTATIONS.inception.color, randomStream(key));
      expect(pixels).toEqual(again);
    }),
  );
});
