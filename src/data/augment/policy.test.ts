import { describe, expect, test } from "vitest";
import type { Image } from "../image.js";
import { type Random, randomStream } from "../random.js";
import { renderShapes10 } from "../shapes10.js";
import { IMAGE_OPS } from "./image-ops.js";
import { type AugmentationPolicy, applyPolicy, drawOps } from "./policy.js";

const stream = (index: number): Random => randomStream({ seed: 1, purpose: "test", index });
const TRIVIAL: AugmentationPolicy = { kind: "trivial_augment_wide" };
const SIZE = { width: 224, height: 160 };
const OPS = [
  "identity",
  "shearX",
  "shearY",
  "translateX",
  "translateY",
  "rotate",
  "brightness",
  "color",
  "contrast",
  "sharpness",
  "posterize",
  "solarize",
  "autoContrast",
  "equalize",
];

/** A stream that gives these integers and these yes or no. */
function scripted(integers: readonly number[], coins: readonly boolean[]): Random {
  const [whole, flips] = [[...integers], [...coins]];
  return { ...stream(0), below: () => whole.shift()!, chance: () => flips.shift()! };
}

const drawn = (policy: AugmentationPolicy, op: number, step: number, negated: boolean) =>
  drawOps(policy, SIZE, scripted([op, step], [negated]))[0]!;

describe("magnitudes", () => {
  // torchvision 0.14.1's TrivialAugmentWide(31)._augmentation_space: steps 0, 1, 15 and 30.
  test.each([
    ["shearX", [0, 0.033, 0.495, 0.99]],
    ["translateY", [0, 32 / 30, 16, 32]],
    ["rotate", [0, 4.5, 67.5, 135]],
    ["brightness", [0, 0.033, 0.495, 0.99]],
    ["sharpness", [0, 0.033, 0.495, 0.99]],
    ["posterize", [8, 8, 5, 2]],
    ["solarize", [255, 246.5, 127.5, 0]],
    ["equalize", [0, 0, 0, 0]],
  ] as const)("TrivialAugment, %s", (name, expected) => {
    const op = OPS.indexOf(name);
    for (const [at, step] of [0, 1, 15, 30].entries()) {
      const { name: found, magnitude } = drawn(TRIVIAL, op, step, false);
      expect(found).toBe(name);
      expect(magnitude).toBeCloseTo(expected[at]!, 12);
    }
  });

  // Its RandAugment()._augmentation_space(31, (160, 224)): steps 9 and 30.
  test.each([
    ["shearY", [0.09, 0.3]],
    ["translateX", [30.4532, 101.5106]],
    ["translateY", [21.7523, 72.5076]],
    ["rotate", [9, 30]],
    ["color", [0.27, 0.9]],
    ["posterize", [7, 4]],
    ["solarize", [178.5, 0]],
  ] as const)("RandAugment, %s", (name, expected) => {
    for (const [at, magnitude] of [9, 30].entries()) {
      const [found] = drawOps({ kind: "rand_augment", operations: 1, magnitude }, SIZE, scripted([OPS.indexOf(name)], [false]));
      expect(found!.magnitude).toBeCloseTo(expected[at]!, 4);
    }
  });

  // 8 - round(step / 5), by NumPy: 8 - (np.arange(31) / (30 / 6)).round().astype(int).
  test("bits of posterize at all 31 steps", () => {
    const bits = Array.from({ length: 31 }, (_, step) => drawn(TRIVIAL, 10, step, false).magnitude);
    expect(bits).toEqual([8, 8, 8, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 2, 2, 2]);
  });

  test("only signed ones are negated", () => {
    const signs = OPS.map((_, op) => drawn(TRIVIAL, op, 30, true).magnitude < 0);
    expect(OPS.filter((_, op) => signs[op])).toEqual(OPS.slice(1, 10));
  });
});

test("all operations and steps are equally likely", () => {
  const counts = new Map<string, number>();
  const steps = new Set<number>();
  for (let i = 0; i < 14_000; i++) {
    const [op] = drawOps(TRIVIAL, SIZE, stream(i));
    counts.set(op!.name, (counts.get(op!.name) ?? 0) + 1);
    if (op!.name === "solarize") steps.add(op!.magnitude);
  }
  // 1,000 of each are expected, with a standard deviation of 30.
  expect(OPS.map((name) => Math.abs((counts.get(name) ?? 0) - 1000) < 150)).toEqual(OPS.map(() => true));
  expect(steps.size).toBe(31);
});

test("operations follow each other; none leaves the image", () => {
  const image = renderShapes10({ seed: 1, split: "train", index: 3, side: 48 });
  const policy = { kind: "rand_augment", operations: 2, magnitude: 30 } as const;
  const rotated: Image = IMAGE_OPS.rotate(IMAGE_OPS.posterize(image, 4), -30);
  expect(applyPolicy(image, policy, scripted([10, 5], [true])).data).toEqual(rotated.data);
  expect(applyPolicy(image, { ...policy, operations: 0 }, stream(1))).toBe(image);
});
