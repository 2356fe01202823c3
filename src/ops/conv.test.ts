import { expect, test } from "vitest";
import { shapes, windowOf } from "../../test/op-cases/op-case.js";
import { opGraph, splitValues } from "../../test/op-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";

test("a cross-correlation, by hand: the kernel is not turned, and pads come before and after as they are said", async () => {
  // One row 1 2 3, kernel 10 1, one zero in front: 0·10 + 1, 1·10 + 2, 2·10 + 3; bias 100.
  const inputs = shapes(["N", 1, 1, 3], [1, 1, 1, 2], [1]);
  const graph = opGraph("conv", inputs, { ...windowOf([1, 2], { pads: [0, 1, 0, 0] }), groups: 1 });
  const row = (...values: readonly number[]) => ({ shape: [1, 1, 1, values.length], data: Float32Array.from(values) });
  const { feeds, parameters } = splitValues(inputs, [row(1, 2, 3), row(10, 1), { shape: [1], data: Float32Array.of(100) }]);
  expect([...outputOf(await runGraph(graph, parameters, feeds), "y").data]).toEqual([101, 112, 123]);
});
