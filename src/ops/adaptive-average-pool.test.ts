import { expect, test } from "vitest";
import { shapes } from "../../test/op-cases/op-case.js";
import { opGraph } from "../../test/op-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";

test("14 to 4: windows of four that start at 0, 3, 7 and 10", async () => {
  const graph = opGraph("adaptiveAveragePool", shapes(["N", 1, 14, 1]), { outputShape: [4, 1] });
  const x = { shape: [1, 1, 14, 1], data: Float32Array.from({ length: 14 }, (_, i) => i) };
  const y = outputOf(await runGraph(graph, new Map(), { 0: x }), "y");
  expect([...y.data]).toEqual([0, 3, 7, 10].map((start) => start + 1.5));
});

test("2 to 3: windows that overlap when there are more cells than elements", async () => {
  const graph = opGraph("adaptiveAveragePool", shapes(["N", 1, 1, 2]), { outputShape: [1, 3] });
  const y = outputOf(await runGraph(graph, new Map(), { 0: { shape: [1, 1, 1, 2], data: Float32Array.of(2, 6) } }), "y");
  expect([...y.data]).toEqual([2, 4, 6]);
});
