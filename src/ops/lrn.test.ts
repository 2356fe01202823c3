import { expect, test } from "vitest";
import { shapes } from "../../test/op-cases/op-case.js";
import { opGraph } from "../../test/op-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";

test("alpha is divided by the size, and the sum stops at the first and the last channel", async () => {
  // Channels 1, 2, 3; size 3, alpha 3, beta 1, bias 1: 1/(1 + 1 + 4), 2/(1 + 1 + 4 + 9), 3/(1 + 4 + 9).
  const graph = opGraph("lrn", shapes(["N", 3, 1, 1]), { size: 3, alpha: 3, beta: 1, bias: 1 });
  const y = outputOf(await runGraph(graph, new Map(), { 0: { shape: [1, 3, 1, 1], data: Float32Array.of(1, 2, 3) } }), "y");
  for (const [index, value] of [1 / 6, 2 / 15, 3 / 14].entries()) expect(y.data[index]).toBeCloseTo(value, 6);
});
