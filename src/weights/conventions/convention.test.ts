import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ParameterRole } from "../../ir/graph.js";
import { elementCount, type Tensor } from "../../tensor/tensor.js";
import { CAFFE, type Convention, nativeShape, TENSORFLOW, TORCH, toNative } from "./convention.js";

const ROLES: readonly ParameterRole[] = [
  "conv_kernel",
  "conv_transpose_kernel",
  "linear_kernel",
  "bias",
  "norm_scale",
  "norm_shift",
  "running_mean",
  "running_var",
];

/** A shape with axes of 0 to 4 elements and an order of these axes. */
const shapeAndAxes = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }).chain((shape) => {
  const axes = shape.map((_, axis) => axis);
  return fc.record({ shape: fc.constant(shape), axes: fc.shuffledSubarray(axes, { minLength: axes.length }) });
});

function conventionWith(axes: readonly number[]): Convention {
  return { id: "test", axes: { conv_kernel: axes } };
}

function countingTensor(shape: readonly number[]): Tensor {
  return { dtype: "int32", shape, data: Int32Array.from({ length: elementCount(shape) }, (_, i) => i) };
}

/** The element at an index, by the definition of row-major order. */
function at({ shape, data }: Tensor, index: readonly number[]): unknown {
  return data[index.reduce((flat, i, axis) => flat * (shape[axis] ?? 0) + i, 0)];
}

function allIndices(shape: readonly number[]): readonly (readonly number[])[] {
  return shape.reduce<readonly (readonly number[])[]>(
    (indices, size) => indices.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

describe("toOurs", () => {
  test("element by element, our axis k is the source's axis axes[k]", () => {
    fc.assert(
      fc.property(shapeAndAxes, ({ shape, axes }) => {
        const source = countingTensor(shape);
        const ours = toNative(conventionWith(axes), "conv_kernel", source);
        expect(ours.shape).toEqual(axes.map((axis) => shape[axis]));
        expect(ours.shape).toEqual(nativeShape(conventionWith(axes), "conv_kernel", shape));
        for (const index of allIndices(ours.shape)) {
          const sourceIndex = shape.map((_, axis) => index[axes.indexOf(axis)] ?? 0);
          expect(at(ours, index)).toBe(at(source, sourceIndex));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("the inverse order brings every tensor back", () => {
    fc.assert(
      fc.property(shapeAndAxes, ({ shape, axes }) => {
        const source = countingTensor(shape);
        const inverse = axes.map((_, axis) => axes.indexOf(axis));
        const there = toNative(conventionWith(axes), "conv_kernel", source);
        expect(toNative(conventionWith(inverse), "conv_kernel", there)).toEqual(source);
      }),
    );
  });

  test("keeps the element type, 64-bit integers and half-floats included", () => {
    const order = conventionWith([1, 0]);
    const longs: Tensor = { dtype: "int64", shape: [1, 2], data: BigInt64Array.of(5n, -7n) };
    expect(toNative(order, "conv_kernel", longs)).toEqual({ dtype: "int64", shape: [2, 1], data: BigInt64Array.of(5n, -7n) });
    const halves: Tensor = { dtype: "float16", shape: [2, 2], data: Uint16Array.of(1, 2, 3, 4) };
    expect(toNative(order, "conv_kernel", halves)).toEqual({ dtype: "float16", shape: [2, 2], data: Uint16Array.of(1, 3, 2, 4) });
  });

  test("a kernel from HWIO", () => {
    // height 1, width 2, in 2, out 1: value = 10·width + in
    const kernel: Tensor = { dtype: "float32", shape: [1, 2, 2, 1], data: Float32Array.of(0, 1, 10, 11) };
    expect(toNative(conventionWith([3, 2, 0, 1]), "conv_kernel", kernel)).toEqual({
      dtype: "float32",
      shape: [1, 2, 1, 2],
      data: Float32Array.of(0, 10, 1, 11),
    });
  });

  test("leaves alone what has another role or rank, or no order to change", () => {
    const tensor = countingTensor([2, 3]);
    expect(toNative(conventionWith([3, 2, 0, 1]), "conv_kernel", tensor)).toBe(tensor);
    expect(toNative(conventionWith([1, 0]), "linear_kernel", tensor)).toBe(tensor);
    expect(toNative(conventionWith([0, 1]), "conv_kernel", tensor)).toBe(tensor);
    expect(nativeShape(conventionWith([3, 2, 0, 1]), "conv_kernel", [2, 3])).toEqual([2, 3]);
    for (const convention of [TORCH, CAFFE]) for (const role of ROLES) expect(toNative(convention, role, tensor)).toBe(tensor);
  });
});

describe("TensorFlow's order", () => {
  test("a depthwise kernel (H, W, I, m) gives output I·m, one input each", () => {
    // height 1, width 2, 3 inputs, multiplier 2: value = 100·width + 10·input + m
    const data = Float32Array.from([0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]);
    const kernel: Tensor = { dtype: "float32", shape: [1, 2, 3, 2], data };
    const expected = [6, 1, 1, 2];
    expect(nativeShape(TENSORFLOW, "conv_kernel", kernel.shape, expected)).toEqual(expected);
    expect(toNative(TENSORFLOW, "conv_kernel", kernel, expected)).toEqual({
      dtype: "float32",
      shape: expected,
      data: Float32Array.of(0, 100, 1, 101, 10, 110, 11, 111, 20, 120, 21, 121),
    });
  });

  test("the same kernel where no depthwise one is expected is as others", () => {
    expect(nativeShape(TENSORFLOW, "conv_kernel", [1, 2, 3, 2], [2, 3, 1, 2])).toEqual([2, 3, 1, 2]);
    expect(nativeShape(TENSORFLOW, "conv_kernel", [7, 7, 1, 8], [8, 1, 7, 7])).toEqual([8, 1, 7, 7]);
    expect(nativeShape(TENSORFLOW, "conv_kernel", [1, 2, 3, 2])).toEqual([2, 3, 1, 2]);
  });

  test("a linear layer, and one that is written as a 1×1 convolution", () => {
    const data = Float32Array.of(0, 1, 2, 10, 11, 12);
    const ours = { dtype: "float32", shape: [3, 2], data: Float32Array.of(0, 10, 1, 11, 2, 12) };
    expect(toNative(TENSORFLOW, "linear_kernel", { dtype: "float32", shape: [2, 3], data })).toEqual(ours);
    expect(toNative(TENSORFLOW, "linear_kernel", { dtype: "float32", shape: [1, 1, 2, 3], data })).toEqual(ours);
    expect(nativeShape(TENSORFLOW, "linear_kernel", [3, 3, 2, 3])).toEqual([3, 3, 2, 3]);
  });
});
