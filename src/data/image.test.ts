import { expect, test } from "vitest";
import { rgbImage, toGray } from "./image.js";

test("gray is Pillow's fixed-point luma", () => {
  // Pillow 12.3: Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0))
  const pillow: readonly (readonly [number, number, number, number])[] = [
    [255, 0, 0, 76],
    [0, 255, 0, 150],
    [0, 0, 255, 29],
    [255, 255, 255, 255],
    [1, 1, 1, 1],
    [12, 200, 77, 130],
    [254, 3, 129, 92],
    [100, 101, 102, 101],
  ];
  const image = rgbImage(pillow.length, 1, Uint8Array.from(pillow.flatMap((row) => row.slice(0, 3))));
  expect([...toGray(image).data]).toEqual(pillow.map((row) => row[3]));
});

test("an image whose bytes are not width * height * 3 is refused", () => {
  expect(() => rgbImage(2, 2, new Uint8Array(11))).toThrowError(
    "Cannot use an image of 2 x 2 pixels and 3 channels over 11 values: expected positive sides and width * height * channels values",
  );
  expect(() => rgbImage(0, 2, new Uint8Array(0))).toThrowError(
    "Cannot use an image of 0 x 2 pixels and 3 channels over 0 values: expected positive sides and width * height * channels values",
  );
});
