import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph } from "../../test/run-graph.js";
import { InceptionError } from "../errors.js";
import { GraphBuilder } from "../ops/build.js";
import type { Shape } from "../tensor/shape.js";
import { type ResizeSpec, resize, tile } from "./resize.js";

// Against PyTorch's numbers: the interpolate goldens of test/conformance/ops.test.ts.

function resized(shape: Shape, spec: ResizeSpec) {
  const b = new GraphBuilder("resize");
  b.output("y", resize(b, "up", b.input("x", shape), spec));
  return b.finish();
}

async function run(values: readonly number[], spec: ResizeSpec): Promise<readonly number[]> {
  const x = { shape: [1, 1, values.length], data: Float32Array.from(values) };
  return [...outputOf(await runGraph(resized(["N", 1, values.length], spec), new Map(), { x }), "y").data];
}

describe("by hand, on a line", () => {
  test.each<[string, readonly number[], ResizeSpec, readonly number[]]>([
    ["nearest repeats", [1, 2], { scales: [2], mode: "nearest" }, [1, 1, 2, 2]],
    ["nearest takes the first of three, nearest_exact the middle", [1, 2, 3], { sizes: [1], mode: "nearest" }, [1]],
    ["nearest_exact", [1, 2, 3], { sizes: [1], mode: "nearest_exact" }, [2]],
    ["linear keeps the outer quarters", [0, 4], { scales: [2], mode: "linear" }, [0, 1, 3, 4]],
    ["linear with corners in place", [0, 3], { sizes: [4], mode: "linear", alignCorners: true }, [0, 1, 2, 3]],
    ["one element with corners in place is the first", [5, 3], { sizes: [1], mode: "linear", alignCorners: true }, [5]],
    ["linear shrinks by looking at two", [0, 1, 2, 9], { sizes: [2], mode: "linear" }, [0.5, 5.5]],
    ["a factor whose product is rounded keeps its step", [0, 4, 8], { scales: [1.5], mode: "linear" }, [0, 2, 14 / 3, 22 / 3]],
    ["cubic of a constant", [2, 2, 2], { sizes: [5], mode: "cubic" }, [2, 2, 2, 2, 2]],
    ["antialias averages", [0, 0, 8, 8], { sizes: [2], mode: "linear", antialias: true }, [8 / 7, 48 / 7]],
  ])("%s", async (_, values, spec, expected) => {
    const found = await run(values, spec);
    expect(found.length).toBe(expected.length);
    for (const [index, value] of found.entries()) expect(value).toBeCloseTo(Number(expected[index]), 5);
  });
});

test("an axis that does not change has no node; nothing changes, no node at all", () => {
  expect(resized(["N", 2, 3, 5], { sizes: [3, 7], mode: "cubic" }).nodes.map(({ path }) => path)).toEqual(["up"]);
  expect(resized(["N", 2, 3, 5], { sizes: [6, 7], mode: "linear" }).nodes.map(({ path }) => path)).toEqual(["up.axis2", "up"]);
  expect(resized(["N", 2, 3, 5], { scales: [1, 1], mode: "nearest" }).nodes).toEqual([]);
});

test("tile copies a pooled map for any batch", async () => {
  const b = new GraphBuilder("tile");
  b.output("y", tile(b, "tile", b.input("x", ["N", 3, 1, 1]), [2, 5]));
  const x = filled("tile", [2, 3, 1, 1]);
  const y = outputOf(await runGraph(b.finish(), new Map(), { x }), "y");
  expect(y.shape).toEqual([2, 3, 2, 5]);
  expect([...y.data]).toEqual([...x.data].flatMap((value) => new Array<number>(10).fill(value)));
});

describe("refuses", () => {
  const X: Shape = ["N", 2, 3, 5];
  test.each<[string, Shape, ResizeSpec]>([
    ["expected an input [N, C, spatial…], got [N, 2]", ["N", 2], { sizes: [], mode: "linear" }],
    ["expected 1 to 3 spatial axes, got 4", ["N", 2, 3, 3, 3, 3], { sizes: [1, 1, 1, 1], mode: "linear" }],
    ["expected either sizes or scales", X, { mode: "linear" }],
    ["expected either sizes or scales", X, { sizes: [1, 1], scales: [1, 1], mode: "linear" }],
    ["sizes [7] must be 2 numbers", X, { sizes: [7], mode: "linear" }],
    ["scales [2, -1] must be positive", X, { scales: [2, -1], mode: "linear" }],
    ["size 0 of spatial axis 0 must be an integer from 1 to 5,592,405", X, { scales: [0.1, 1], mode: "linear" }],
    ["size 1.5 of spatial axis 1 must be an integer from 1 to 3,355,443", X, { sizes: [3, 1.5], mode: "linear" }],
    ["mode nearest has neither alignCorners nor antialias", X, { sizes: [3, 5], mode: "nearest", antialias: true }],
    ["alignCorners and antialias exclude each other", X, { sizes: [3, 5], mode: "cubic", alignCorners: true, antialias: true }],
  ])("%s", (fact, shape, spec) => {
    expect(() => resized(shape, spec)).toThrow(InceptionError);
    const message = `Cannot infer shape of resize "up": ${fact}`;
    expect(() => resized(shape, spec)).toThrow(expect.objectContaining({ code: "SHAPE_INVALID", message }));
  });
});
