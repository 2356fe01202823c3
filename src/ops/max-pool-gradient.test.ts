import { expect, test } from "vitest";
import { shapes, windowOf } from "../../test/op-cases/op-case.js";
import { opGraph } from "../../test/op-graph.js";
import { asTensor, outputOf, runGraph } from "../../test/run-graph.js";

const TARGETS = ["standard", "ort-cpu", "webgpu"] as const;

test.each(TARGETS)("an element gets the gradient of every window whose first maximum it is: %s", async (target) => {
  // Windows of 3 by 2 at stride 1 on rows 1 5 5 / 5 2 5. Left: first 5 at (0, 1); right: the same one, before its equals.
  const x = asTensor({ shape: [1, 1, 2, 3], data: Float32Array.of(1, 5, 5, 5, 2, 5) });
  const y = asTensor({ shape: [1, 1, 1, 2], data: Float32Array.of(5, 5) });
  const dy = asTensor({ shape: [1, 1, 1, 2], data: Float32Array.of(10, 1) });
  const graph = opGraph("maxPoolGradient", shapes(x.shape, y.shape, dy.shape), { ...windowOf([2, 2]), ceilMode: false });
  const parameters = new Map([x, y, dy].map((tensor, index) => [String(index), tensor]));
  const dx = outputOf(await runGraph(graph, parameters, {}, { target }), "y");
  expect([...dx.data]).toEqual([0, 11, 0, 0, 0, 0]);
});
