import { describe, expect, test } from "vitest";
import { type Image, rgbImage } from "../data/image.js";
import { randomStream } from "../data/random.js";
import { crop } from "../data/transforms/crop.js";
import { resize } from "../data/transforms/resize.js";
import { type ComparedImage, findDuplicates } from "./duplicates.js";
import { fingerprint } from "./fingerprint.js";

/** A scene of rectangles that no other seed has. */
function scene(seed: number): Image {
  const random = randomStream({ seed, purpose: "scene" });
  const data = new Uint8Array(120 * 90 * 3).fill(random.below(256));
  for (let i = 0; i < 14; i++) {
    const [left, top, width, height, value] = [
      random.below(100),
      random.below(70),
      15 + random.below(40),
      15 + random.below(30),
      random.below(256),
    ];
    for (let y = top; y < Math.min(90, top + height); y++)
      data.fill(value, (y * 120 + left) * 3, (y * 120 + Math.min(120, left + width)) * 3);
  }
  return rgbImage(120, 90, data);
}

function mirrored({ width, height, data }: Image): Image {
  const flipped = new Uint8Array(data.length);
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    flipped.set(data.subarray(3 * at, 3 * at + 3), 3 * (y * width + width - 1 - x));
  }
  return rgbImage(width, height, flipped);
}

const noisy = (image: Image, seed: number): Image => {
  const random = randomStream({ seed, purpose: "noise" });
  return { ...image, data: image.data.map((value) => Math.min(255, Math.max(0, value + random.below(17) - 8))) };
};

let hashes = 0;
const compared = (image: Image | null, given: Partial<ComparedImage> = {}): ComparedImage => ({
  bytes: `bytes ${hashes++}`,
  pixels: `pixels ${hashes}`,
  print: image === null ? null : fingerprint(image),
  label: 0,
  part: "train",
  ...given,
});

const others = Array.from({ length: 40 }, (_, i) => scene(100 + i));

describe("near duplicates", () => {
  const original = scene(1);
  test.each<[string, Image]>([
    ["noise", noisy(original, 3)],
    ["resized", resize(original, { width: 61, height: 44, filter: "bicubic" })],
    ["mirrored", mirrored(original)],
    ["cropped to 90 %", crop(original, { left: 9, top: 2, width: 108, height: 81 })],
    [
      "cropped, mirrored and resized",
      resize(mirrored(crop(original, { left: 1, top: 8, width: 108, height: 81 })), { width: 200, height: 150, filter: "bilinear" }),
    ],
  ])("%s", async (name, changed) => {
    const images = [original, ...others, changed].map((image) => compared(image));
    const { groups, incomplete } = await findDuplicates(images);
    expect(incomplete).toBe(0);
    expect(groups.map((group) => group.images)).toEqual([[0, 41]]);
    const relations = groups[0]!.links.map(({ relation }) => relation);
    expect(relations.every((relation) => relation.kind === "near" && relation.mirrored === name.includes("mirrored"))).toBe(true);
  });

  test("images of fewer than 16 pixels on a side have too little detail", async () => {
    const small = resize(original, { width: 20, height: 15, filter: "box" });
    const copies = [small, noisy(small, 1)].map((image) => compared(image));
    expect((await findDuplicates(copies)).groups).toEqual([]);
  });

  test("different images, and images of one color, are no duplicates", async () => {
    const flat = [0, 1, 128].map((value) => rgbImage(50, 50, new Uint8Array(7500).fill(value)));
    expect((await findDuplicates([...others, ...flat].map((image) => compared(image)))).groups).toEqual([]);
  });
});

test("the same shape in another color is another image", async () => {
  const gray = scene(1);
  const tinted = { ...gray, data: gray.data.map((value, at) => (at % 3 === 0 ? value : value >> 1)) };
  expect((await findDuplicates([gray, tinted].map((image) => compared(image)))).groups).toEqual([]);
});

test("equal bytes and equal pixels are grouped, with what is wrong about them", async () => {
  const images = [
    compared(null, { bytes: "x" }),
    compared(null, { bytes: "x", part: "val" }),
    compared(null, { pixels: "p", bytes: null }),
    compared(null, { pixels: "p", label: 1 }),
    compared(null, { bytes: null, pixels: null }),
    compared(null, { bytes: null, pixels: null }),
    compared(null, { bytes: "x" }),
  ];
  const { groups } = await findDuplicates(images);
  expect(groups.map(({ images: members, leak, acrossClasses }) => ({ members, leak, acrossClasses }))).toEqual([
    { members: [0, 1, 6], leak: true, acrossClasses: false },
    { members: [2, 3], leak: false, acrossClasses: true },
  ]);
  expect(groups[0]?.links).toEqual([
    { a: 0, b: 1, relation: { kind: "bytes" } },
    { a: 0, b: 6, relation: { kind: "bytes" } },
  ]);
});

test("a thousand copies are one group with as many links, not as many as there are pairs", async () => {
  const image = compared(scene(7));
  const copies = Array.from({ length: 1000 }, (_, i) => ({ ...image, bytes: `file ${i}` }));
  const { groups } = await findDuplicates(copies);
  expect([groups.length, groups[0]?.images.length, groups[0]?.links.length]).toEqual([1, 1000, 999]);
});

test("pairs are all found in a larger set, and nothing else", async () => {
  const images = Array.from({ length: 300 }, (_, i) => compared(i % 3 === 2 ? noisy(scene(i - 1), i) : scene(i)));
  const { groups } = await findDuplicates(images);
  expect(groups.map((group) => group.images)).toEqual(Array.from({ length: 100 }, (_, i) => [3 * i + 1, 3 * i + 2]));
});
