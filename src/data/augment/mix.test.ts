import { expect, test } from "vitest";
import { randomStream } from "../random.js";
import { cutWindow, type MixableBatch, mixBatch } from "./mix.js";

const SIDE = 8;

/** Each image is filled with its own number, each target is one-hot in a class of its own. */
function batch(count: number): MixableBatch {
  const images = Float32Array.from({ length: count * 3 * SIDE * SIDE }, (_, i) => Math.floor(i / (3 * SIDE * SIDE)));
  const targets = Float32Array.from({ length: count * count }, (_, i) => (i % count === Math.floor(i / count) ? 1 : 0));
  return { images, targets, count, height: SIDE, width: SIDE };
}
const image = ({ images }: MixableBatch, row: number) => [...images.subarray(row * 3 * SIDE * SIDE, (row + 1) * 3 * SIDE * SIDE)];
const target = ({ targets, count }: MixableBatch, row: number) => [...targets.subarray(row * count, (row + 1) * count)];
const stream = (index: number) => randomStream({ seed: 1, purpose: "test", index });

test("mixup: the pixels are mixed in the same share as the targets", () => {
  for (let i = 0; i < 30; i++) {
    const mixed = batch(5);
    mixBatch(mixed, { mixup: 1 }, stream(i));
    for (let row = 0; row < 5; row++) {
      const shares = target(mixed, row);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
      const expected = shares.reduce((sum, share, other) => sum + share * other, 0);
      expect(Math.max(...image(mixed, row).map((value) => Math.abs(value - expected)))).toBeLessThan(1e-5);
    }
  }
});

test("cutmix: the target says how many pixels are the partner's, and they are one rectangle in all channels", () => {
  const shares = new Set<number>();
  for (let i = 0; i < 30; i++) {
    const mixed = batch(4);
    mixBatch(mixed, { cutmix: 1 }, stream(i));
    for (let row = 0; row < 4; row++) {
      const pixels = image(mixed, row);
      const others = [...new Set(pixels)].filter((value) => value !== row);
      expect(others.length).toBeLessThanOrEqual(1);
      const partner = others[0] ?? row;
      const foreign = pixels.map((value, at) => (value === row ? -1 : at)).filter((at) => at >= 0);
      expect(target(mixed, row)[partner]).toBeCloseTo(partner === row ? 1 : foreign.length / pixels.length, 6);
      shares.add(foreign.length / pixels.length);
      const inFirst = foreign.filter((at) => at < SIDE * SIDE);
      expect(foreign).toEqual([0, 1, 2].flatMap((channel) => inFirst.map((at) => at + channel * SIDE * SIDE)));
      const [xs, ys] = [inFirst.map((at) => at % SIDE), inFirst.map((at) => Math.floor(at / SIDE))];
      const box = inFirst.length === 0 ? 0 : (Math.max(...xs) - Math.min(...xs) + 1) * (Math.max(...ys) - Math.min(...ys) + 1);
      expect(inFirst.length).toBe(box);
    }
  }
  expect(shares.size).toBeGreaterThan(5);
});

test("the rectangle has sides of sqrt(1 - share), cut off at the edges", () => {
  const at = (x: number, y: number) => {
    const integers = [x, y];
    return { ...stream(0), below: () => integers.shift()! };
  };
  // sqrt(0.25) = 0.5: 50 x 40 of 100 x 80.
  expect(cutWindow({ width: 100, height: 80 }, 0.75, at(50, 40))).toEqual({ left: 25, top: 20, width: 50, height: 40 });
  expect(cutWindow({ width: 100, height: 80 }, 0.75, at(0, 79))).toEqual({ left: 0, top: 59, width: 25, height: 21 });
  expect(cutWindow({ width: 100, height: 80 }, 1, at(3, 3))).toEqual({ left: 3, top: 3, width: 0, height: 0 });
});

test("with both, some batches get the one and some the other; with neither, nothing happens", () => {
  const kinds = Array.from({ length: 40 }, (_, i) => {
    const mixed = batch(3);
    mixBatch(mixed, { mixup: 1, cutmix: 1 }, stream(i));
    return mixed.images.every((value) => Number.isInteger(value));
  });
  expect(new Set(kinds).size).toBe(2);
  const same = batch(3);
  mixBatch(same, {}, stream(0));
  expect(same).toEqual(batch(3));
});

test("a parameter out of range is refused", () => {
  expect(() => mixBatch(batch(2), { mixup: -1 }, stream(0))).toThrowError(
    "Cannot mix batches with mixup -1: expected a number from 0 to 1,000",
  );
  expect(() => mixBatch(batch(2), { cutmix: Number.NaN }, stream(0))).toThrowError(
    "Cannot mix batches with cutmix NaN: expected a number from 0 to 1,000",
  );
});
