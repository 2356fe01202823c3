import { expect, test } from "vitest";
import { shapes } from "../../test/op-cases/op-case.js";
import { opGraph } from "../../test/op-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";

test("a vector gets length 1, the zero vector stays zero", async () => {
  const graph = opGraph("lpNormalization", shapes(["N", 2]), { axis: 1, p: 2, epsilon: 1e-12 });
  const x = { shape: [3, 2], data: Float32Array.of(3, 4, 0, 0, -5, 12) };
  const y = outputOf(await runGraph(graph, new Map(), { 0: x }), "y");
  for (const [index, value] of [0.6, 0.8, 0, 0, -5 / 13, 12 / 13].entries()) expect(y.data[index]).toBeCloseTo(value, 6);
});
