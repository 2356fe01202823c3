import { expect, test } from "vitest";
import { orient } from "./orient.js";

const stored = { width: 3, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

test.each([
  // EXIF 2.3, tag 274: where the stored row 0 and column 0 belong.
  [1, 3, [1, 2, 3, 4, 5, 6]],
  [2, 3, [3, 2, 1, 6, 5, 4]],
  [3, 3, [6, 5, 4, 3, 2, 1]],
  [4, 3, [4, 5, 6, 1, 2, 3]],
  [5, 2, [1, 4, 2, 5, 3, 6]],
  [6, 2, [4, 1, 5, 2, 6, 3]],
  [7, 2, [6, 3, 5, 2, 4, 1]],
  [8, 2, [3, 6, 2, 5, 1, 4]],
])("orientation %i", (orientation, width, data) => {
  expect(orient(stored, orientation)).toEqual({ width, height: 6 / width, channels: 1, data: Uint8Array.from(data) });
});

test("the channels of a pixel stay together", () => {
  const two = { width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) } as const;
  expect(orient(two, 3).data).toEqual(Uint8Array.of(4, 5, 6, 1, 2, 3));
});

test.each([0, 9, 1.5])("orientation %d is refused", (orientation) => {
  expect(() => orient(stored, orientation)).toThrowError(`Cannot apply EXIF orientation ${orientation}: expected an integer from 1 to 8`);
});
