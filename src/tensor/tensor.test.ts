import { expect, test } from "vitest";
import { stackRows } from "./tensor.js";

test("rows of one shape become one tensor, in order", () => {
  expect(stackRows([2, 1], [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)])).toEqual({
    dtype: "float32",
    shape: [3, 2, 1],
    data: Float32Array.of(1, 2, 3, 4, 5, 6),
  });
  expect(stackRows([2], []).shape).toEqual([0, 2]);
});

test("a row of another length is a mistake of the program", () => {
  expect(() => stackRows([2], [Float32Array.of(1, 2), Float32Array.of(3)])).toThrow(
    new RangeError("Cannot stack rows of shape [2]: row 1 has 1 values"),
  );
});
