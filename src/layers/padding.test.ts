import { expect, test } from "vitest";
import { type PaddedWindow, type Padding, padsFollowSize, resolvePads } from "./padding.js";

function pads(padding: Padding, kernelShape: readonly number[], given: Partial<PaddedWindow> = {}): readonly number[] {
  const ones = kernelShape.map(() => 1);
  return resolvePads(padding, { kernelShape, strides: ones, dilations: ones, sizes: kernelShape.map(() => 9), ...given });
}

test("paddings become explicit pads, all begins before all ends", () => {
  expect(pads("valid", [3, 3])).toEqual([0, 0, 0, 0]);
  expect(pads("symmetric", [1, 7])).toEqual([0, 3, 0, 3]);
  expect(pads("symmetric", [3, 1, 5])).toEqual([1, 0, 2, 1, 0, 2]);
  expect(pads("symmetric", [3, 5], { dilations: [3, 2] })).toEqual([3, 4, 3, 4]);
  expect(pads([3, 2], [7, 7])).toEqual([3, 2, 3, 2]);
});

// TensorFlow's documentation: total = max((ceil(n / s) − 1)·s + reach + 1 − n, 0), and the smaller half first.
test("same pads as much as gives ceil(size / stride), the odd one at the end", () => {
  expect(pads("same", [3, 3, 3], { strides: [2, 2, 2], sizes: [64, 35, 1] })).toEqual([0, 1, 1, 1, 1, 1]);
  expect(pads("same", [2, 2], { sizes: [4, 5] })).toEqual([0, 0, 1, 1]);
  expect(pads("same", [3, 5, 1], { dilations: [3, 2, 2] })).toEqual([3, 4, 0, 3, 4, 0]);
  expect(pads("same", [1, 2], { strides: [2, 2], sizes: [6, 6] })).toEqual([0, 0, 0, 0]);
});

test("only SAME with strides follows from the size, and only where a window is wider than one element", () => {
  const follows = (padding: Padding, kernelShape: readonly number[], strides: readonly number[]) =>
    padsFollowSize(padding, { kernelShape, strides, dilations: kernelShape.map(() => 1) });
  expect(follows("same", [3, 3], [2, 2])).toBe(true);
  expect(follows("same", [1, 3], [2, 2])).toBe(true);
  expect(follows("same", [2, 2], [3, 3])).toBe(true);
  expect(follows("same", [3, 1], [1, 2])).toBe(false);
  expect(follows("same", [7, 7], [1, 1])).toBe(false);
  for (const padding of ["valid", "symmetric", [1, 1]] as const) expect(follows(padding, [3, 3], [2, 2])).toBe(false);
});
