import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { goldenPath } from "../../test/shared.js";
import { GraphBuilder } from "../ops/build.js";
import { clipByNorm, clipByValue } from "./clip.js";

interface Golden {
  readonly gradients: readonly (readonly number[])[];
  readonly clip_grad_norm: readonly { readonly max_norm: number; readonly returned_norm: number; readonly grads: readonly number[] }[];
}

const GOLDEN = JSON.parse(readFileSync(goldenPath("ops/optim.json"), "utf8")) as Golden;
const GRADIENT = GOLDEN.gradients[0] ?? [];

// One gradient, and the same values as two gradients of other shapes: the norm is common to all.
test.each(GOLDEN.clip_grad_norm.flatMap((golden) => [[[6]], [[4], [1, 2, 1]]].map((shapes) => ({ ...golden, shapes }))))(
  "clip_grad_norm_ to $max_norm in shapes $shapes",
  async ({ max_norm, returned_norm, grads, shapes }) => {
    const b = new GraphBuilder("clip");
    const sizes = shapes.map((shape) => shape.reduce((product, size) => product * size, 1));
    const inputs = shapes.map((shape, index) => b.input(`g${index}`, shape));
    const { gradients, norm, coefficient } = clipByNorm(b, "clip", inputs, max_norm);
    for (const [index, gradient] of gradients.entries()) b.output(`y${index}`, gradient);
    b.output("norm", norm);
    b.output("coefficient", coefficient);
    const starts = sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0));
    const feeds = shapes.map((shape, index) => {
      const start = starts[index] ?? 0;
      return [`g${index}`, { shape, data: Float32Array.from(GRADIENT.slice(start, start + (sizes[index] ?? 0))) }] as const;
    });
    const outputs = await runGraph(b.finish(), new Map(), Object.fromEntries(feeds));
    expect(outputOf(outputs, "norm").data[0]).toBeCloseTo(returned_norm, 6);
    expect(outputOf(outputs, "coefficient").data[0]).toBeCloseTo(Math.min(1, max_norm / (returned_norm + 1e-6)), 6);
    const values = shapes.flatMap((_, index) => [...outputOf(outputs, `y${index}`).data]);
    for (const [index, expected] of grads.entries()) expect(values[index]).toBeCloseTo(expected, 6);
  },
);

test("a zero gradient stays zero", async () => {
  const b = new GraphBuilder("clip");
  const { gradients, norm } = clipByNorm(b, "clip", [b.input("g", [2])], 1);
  b.output("y", gradients[0] ?? norm);
  b.output("norm", norm);
  const outputs = await runGraph(b.finish(), new Map(), { g: { shape: [2], data: new Float32Array(2) } });
  expect([...outputOf(outputs, "y").data, ...outputOf(outputs, "norm").data]).toEqual([0, 0, 0]);
});

test("values are cut on both sides", async () => {
  const b = new GraphBuilder("clip");
  const [clipped] = clipByValue(b, "clip", [b.input("g", [5])], 0.5);
  if (clipped) b.output("y", clipped);
  const outputs = await runGraph(b.finish(), new Map(), { g: { shape: [5], data: Float32Array.of(-3, -0.5, 0.25, 0.5, 7) } });
  expect([...outputOf(outputs, "y").data]).toEqual([-0.5, -0.5, 0.25, 0.5, 0.5]);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a limit of %d is refused", (limit) => {
  const b = new GraphBuilder("clip");
  const gradient = b.input("g", [2]);
  expect(() => clipByNorm(b, "clip", [gradient], limit)).toThrow(
    `Cannot clip gradients by norm to ${limit}: expected a finite number above 0`,
  );
  expect(() => clipByValue(b, "clip", [gradient], limit)).toThrow(
    `Cannot clip gradients by value to ${limit}: expected a finite number above 0`,
  );
});
