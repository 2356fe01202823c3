import { describe, expect, test } from "vitest";
import { centerCrop, centerCropStart, centralFractionWindow, crop, roundHalfToEven, visiblePart } from "./crop.js";

const grid = { width: 3, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

test("halves go to the even neighbor", () => {
  // Python 3.11: [round(x) for x in (0.5, 1.5, 2.5, 0.49, 0.51, -0.5, -1.5, 3.0)]
  expect([0.5, 1.5, 2.5, 0.49, 0.51, -0.5, -1.5, 3].map(roundHalfToEven)).toEqual([0, 2, 2, 0, 1, 0, -2, 3]);
});

test("the start of a center crop is torchvision's", () => {
  // torchvision.transforms.functional.center_crop: int(round((length - size) / 2.0)); padding in front is (size - length) // 2.
  expect(
    [
      [40, 21],
      [53, 21],
      [26, 21],
      [24, 21],
      [21, 21],
    ].map(([length = 0, size = 0]) => centerCropStart(length, size)),
  ).toEqual([10, 16, 2, 2, 0]);
  expect(
    [
      [20, 21],
      [19, 21],
      [18, 21],
    ].map(([length = 0, size = 0]) => centerCropStart(length, size)),
  ).toEqual([0, -1, -1]);
});

test("the central part of slim keeps 87.5 % less what rounding leaves", () => {
  expect(centralFractionWindow({ width: 500, height: 375 }, 0.875)).toEqual({ left: 31, top: 23, width: 438, height: 329 });
  expect(centralFractionWindow({ width: 15, height: 16 }, 0.875)).toEqual({ left: 0, top: 1, width: 15, height: 14 });
});

describe("crop", () => {
  test("inside", () => {
    expect(crop(grid, { left: 1, top: 0, width: 2, height: 2 }).data).toEqual(Uint8Array.of(2, 3, 5, 6));
  });

  test("what lies outside is 0, and the odd pixel of padding is behind", () => {
    expect(centerCrop(grid, 4, 4)).toEqual({
      width: 4,
      height: 4,
      channels: 1,
      data: Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0, 0),
    });
    expect(crop(grid, { left: 9, top: 9, width: 1, height: 1 }).data).toEqual(Uint8Array.of(0));
    expect(visiblePart({ left: -9, top: 0, width: 2, height: 2 }, grid)).toEqual({ left: 0, top: 0, width: 0, height: 2 });
  });

  test("windows that are none are refused", () => {
    expect(() => crop(grid, { left: 0, top: 0.5, width: 1, height: 1 })).toThrowError(
      "Cannot crop 1 x 1 pixels at 0, 0.5: expected integers and sides of at least 1",
    );
    expect(() => crop(grid, { left: 0, top: 0, width: 1e5, height: 1e4 })).toThrowError(
      "Cannot crop 100000 x 10000 pixels: the limit is 100,000,000 pixels",
    );
  });
});
