import { expect, test } from "vitest";
import { resolvePads } from "./padding.js";

test("paddings become explicit pads, all begins before all ends", () => {
  expect(resolvePads("valid", [3, 3])).toEqual([0, 0, 0, 0]);
  expect(resolvePads("symmetric", [1, 7])).toEqual([0, 3, 0, 3]);
  expect(resolvePads("symmetric", [3, 1, 5])).toEqual([1, 0, 2, 1, 0, 2]);
  expect(resolvePads([3, 2], [7, 7])).toEqual([3, 2, 3, 2]);
});
