import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../../test/shared.js";
import { roundedCosine, roundedSine } from "../elementary.js";
import { type Image, rgbImage } from "../image.js";
import { IMAGE_OPS, type ImageOpName } from "./image-ops.js";

interface Goldens {
  readonly images: Readonly<Record<string, { readonly width: number; readonly height: number; readonly crc: number }>>;
  readonly columns: readonly string[];
  readonly ops: Readonly<Record<string, readonly (readonly number[])[]>>;
}

// Checksums of Pillow 9.4's results; the file is ours and its shape is stated above.
const goldens = JSON.parse(readFileSync(goldenPath("ops/pil_augment.json"), "utf8")) as Goldens;

/** CRC-32 of ISO 3309, what Python's zlib.crc32 computes. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function pixels(width: number, height: number, value: (x: number, y: number, c: number) => number): Image {
  const at = (i: number) => [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3] as const;
  return rgbImage(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, (_, i) => value(...at(i))),
  );
}

const formula = (x: number, y: number, c: number) => (x * 7 + y * 13 + c * 50 + ((x * y) % 31) * 3) % 256;
const IMAGES: Readonly<Record<string, Image>> = {
  odd: pixels(37, 29, formula),
  square: pixels(32, 32, formula),
  dim: pixels(24, 17, (x, y, c) => Math.floor(formula(x, y, c) / 5) + 60 + 20 * c),
  steps: pixels(23, 23, (x, y, c) => (x === 0 && y < 19 ? 40 : c === 0 ? 200 : 90 + Math.floor(x / 20))),
  flat: pixels(9, 5, () => 77),
  strip: pixels(2, 7, formula),
};

test("the images are those that Pillow worked on", () => {
  const found = Object.entries(IMAGES).map(([name, { width, height, data }]) => [name, { width, height, crc: crc32(data) }]);
  expect(Object.fromEntries(found)).toEqual(goldens.images);
});

describe("equal to Pillow", () => {
  test.each(Object.keys(IMAGE_OPS).filter((name): name is ImageOpName => name !== "identity"))("%s at every magnitude", (name) => {
    const rows = goldens.ops[name]!;
    expect(rows.length).toBeGreaterThan(0);
    for (const [magnitude, ...sums] of rows) {
      const found = goldens.columns.slice(1).map((image) => crc32(IMAGE_OPS[name](IMAGES[image]!, magnitude!).data));
      expect([magnitude, ...found]).toEqual([magnitude, ...sums]);
    }
  });
});

test.each(Object.keys(IMAGE_OPS) as ImageOpName[])("%s leaves its input alone", (name) => {
  const image = pixels(6, 6, formula);
  const before = image.data.slice();
  IMAGE_OPS[name](image, name === "posterize" ? 4 : 0.5);
  expect(image.data).toEqual(before);
});

test("sine and cosine of degrees, also of more than a circle", () => {
  for (let degrees = -800; degrees <= 800; degrees += 0.75) {
    expect(roundedSine(degrees)).toBeCloseTo(Math.sin((degrees * Math.PI) / 180), 12);
    expect(roundedCosine(degrees)).toBeCloseTo(Math.cos((degrees * Math.PI) / 180), 12);
  }
  expect([0, 30, 90, 150, 180, 270, -90].map(roundedSine)).toEqual([0, 0.5, 1, 0.5, 0, -1, -1]);
});
