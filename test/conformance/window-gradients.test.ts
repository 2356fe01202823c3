/** Gradients of sliding windows on sampled shapes: odd combinations of strides, padding, dilation and groups. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradient.js";
import { InceptionError } from "../../src/errors.js";
import type { Graph } from "../../src/ir/graph.js";
import { GraphBuilder } from "../../src/ops/build.js";
import { inferNode } from "../../src/ops/index.js";
import { differentiated } from "../gradient-graph.js";
import { NAIVE_OPS } from "../naive-ops.js";
import { distinctTargets, type Floats, filled, outputOf, runGraph } from "../run-graph.js";

/** Whether the op takes these types, by its own law. */
function isLawful(op: string, shapes: readonly (readonly number[])[], attributes: Graph["nodes"][number]["attributes"]): boolean {
  try {
    inferNode(
      { op, path: "node", attributes },
      shapes.map((shape) => ({ dtype: "float32", shape })),
    );
    return true;
  } catch (error) {
    if (error instanceof InceptionError) return false;
    throw error;
  }
}

/** A window and a map, for 2 or 3 spatial axes. */
const windows = fc.integer({ min: 2, max: 3 }).chain((rank) => {
  const list = (min: number, max: number, length = rank) => fc.array(fc.integer({ min, max }), { minLength: length, maxLength: length });
  return fc.record({
    sizes: list(1, rank === 2 ? 8 : 6),
    kernelShape: list(1, 3),
    strides: list(1, 3),
    dilations: list(1, 3),
    pads: list(0, 3, 2 * rank),
  });
});

const convolutions = fc.record({
  window: windows,
  groups: fc.integer({ min: 1, max: 3 }),
  groupChannels: fc.integer({ min: 1, max: 2 }),
  perGroup: fc.integer({ min: 1, max: 2 }),
  images: fc.integer({ min: 1, max: 2 }),
});

test("conv is linear in x and w: ⟨dx, x⟩ = ⟨dw, w⟩ = ⟨y, dy⟩", async () => {
  await fc.assert(
    fc.asyncProperty(convolutions, async ({ window: { sizes, ...window }, groups, groupChannels, perGroup, images }) => {
      const attributes = { ...window, groups };
      const [xShape, wShape] = [
        [images, groups * groupChannels, ...sizes],
        [groups * perGroup, groupChannels, ...window.kernelShape],
      ];
      fc.pre(isLawful("conv", [xShape, wShape], attributes));
      const [x, w] = [filled("x", xShape), filled("w", wShape)];
      const b = new GraphBuilder("conv");
      const y = b.add("conv", "conv", [b.input("x", xShape), b.input("w", wShape)], attributes);
      const naive = NAIVE_OPS.conv([x, w], attributes);
      const dy = filled("dy", naive.shape);
      b.output("y", y);
      const { graph } = differentiated(b.finish(), { x, w }, ["x", "w"]);
      const expected = dot(naive.values, dy.data);
      for (const options of distinctTargets(graph, new Map())) {
        const outputs = await runGraph(graph, new Map(), { x, w, "cotangent:y": dy }, options);
        expect(dot(outputOf(outputs, "d:x").data, x.data)).toBeCloseTo(expected, 3);
        expect(dot(outputOf(outputs, "d:w").data, w.data)).toBeCloseTo(expected, 3);
      }
    }),
    { numRuns: 30, seed: 1 },
  );
});

test("convTranspose: each element as the loops have it", async () => {
  await fc.assert(
    fc.asyncProperty(convolutions, async ({ window: { sizes, ...window }, groups, groupChannels, perGroup, images }) => {
      const attributes = { ...window, groups, outputPadding: window.strides.map((stride, axis) => (sizes[axis] ?? 0) % stride) };
      const [xShape, wShape] = [
        [images, groups * groupChannels, ...sizes],
        [groups * groupChannels, perGroup, ...window.kernelShape],
      ];
      fc.pre(isLawful("convTranspose", [xShape, wShape, [groups * perGroup]], attributes));
      const [x, w, bias] = [filled("x", xShape), filled("w", wShape), filled("bias", [groups * perGroup])];
      const b = new GraphBuilder("convTranspose");
      const inputs = [b.input("x", xShape), b.input("w", wShape), b.input("bias", bias.shape)] as const;
      b.output("y", b.add("convTranspose", "convTranspose", inputs, attributes));
      const graph = b.finish();
      const expected = NAIVE_OPS.convTranspose([x, w, bias], attributes);
      for (const options of distinctTargets(graph, new Map()))
        expectClose(outputOf(await runGraph(graph, new Map(), { x, w, bias }, options), "y"), expected);
    }),
    { numRuns: 30, seed: 2 },
  );
});

test("maxPool: each gradient goes where the loops send it, also among equal elements", async () => {
  await fc.assert(
    fc.asyncProperty(windows, fc.boolean(), async ({ sizes, ...window }, ceilMode) => {
      const attributes = { ...window, ceilMode };
      fc.pre(isLawful("maxPool", [[2, 2, ...sizes]], attributes));
      // Four different values: most windows have several maxima.
      const drawn = filled("x", [2, 2, ...sizes], 0, 4);
      const x = { ...drawn, data: drawn.data.map(Math.floor) };
      const pooled = NAIVE_OPS.maxPool([x], attributes);
      // A window that dilation puts beside all real elements has no maximum.
      fc.pre(pooled.values.every(Number.isFinite));
      const dy = filled("dy", pooled.shape);
      const y = { shape: pooled.shape, data: pooled.values };
      const graph = poolGradient("maxPool", x.shape, attributes);
      const expected = NAIVE_OPS.maxPoolGradient([x, y, dy], attributes);
      for (const options of distinctTargets(graph, new Map()))
        expectClose(outputOf(await runGraph(graph, new Map(), { x, dy }, options), "dx"), expected);
    }),
    { numRuns: 30, seed: 3 },
  );
});

test("averagePool is linear: ⟨dx, x⟩ = ⟨y, dy⟩", async () => {
  await fc.assert(
    fc.asyncProperty(windows, fc.boolean(), fc.boolean(), async ({ sizes, ...window }, ceilMode, countIncludePad) => {
      const attributes = { ...window, ceilMode, countIncludePad };
      fc.pre(isLawful("averagePool", [[2, 2, ...sizes]], attributes));
      const x = filled("x", [2, 2, ...sizes]);
      const y = NAIVE_OPS.averagePool([x], attributes);
      fc.pre(y.values.every(Number.isFinite));
      const dy = filled("dy", y.shape);
      const graph = poolGradient("averagePool", x.shape, attributes);
      for (const options of distinctTargets(graph, new Map())) {
        const dx = outputOf(await runGraph(graph, new Map(), { x, dy }, options), "dx");
        expect(dot(dx.data, x.data)).toBeCloseTo(dot(y.values, dy.data), 3);
      }
    }),
    { numRuns: 30, seed: 4 },
  );
});

function poolGradient(op: "averagePool" | "maxPool", shape: readonly number[], attributes: Graph["nodes"][number]["attributes"]): Graph {
  const b = new GraphBuilder(op);
  const x = b.input("x", shape);
  // The attributes are of the op that is named with them.
  const y = b.add(op, "pool", [x], attributes as never);
  const weighted = b.add("mul", "weighted", [y, b.input("dy", y.type.shape)], {});
  const loss = b.add("reduceSum", "loss", [weighted], { axes: shape.map((_, axis) => axis), keepDims: false });
  const [dx] = gradients(b, loss, [x]);
  if (!dx) throw new RangeError("Cannot find the gradient");
  b.output("loss", loss);
  b.output("dx", dx);
  return b.finish();
}

function expectClose(found: Floats, expected: { readonly shape: readonly number[]; readonly values: readonly number[] }): void {
  expect(found.shape).toEqual(expected.shape);
  const worst = expected.values.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(found.data[index]))), 0);
  expect(worst).toBeLessThan(1e-5);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, index) => sum + value * Number(b[index]), 0);
}
