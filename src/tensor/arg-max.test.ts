import { expect, test } from "vitest";
import { argMax } from "./arg-max.js";

test("the first of the largest", () => {
  expect(argMax(Float32Array.of(1, 3, 3, 2))).toBe(1);
  expect(argMax(Float32Array.of(-2, -1))).toBe(1);
  expect(argMax(Float32Array.of())).toBe(0);
});

test("along a column", () => {
  // Three classes of two voxels.
  const logits = Float32Array.of(0, 9, 5, 1, 2, 3);
  expect([argMax(logits, 0, 2), argMax(logits, 1, 2)]).toEqual([1, 0]);
});
