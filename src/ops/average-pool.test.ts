import { expect, test } from "vitest";
import { shapes, windowOf } from "../../test/op-cases/op-case.js";
import { opGraph } from "../../test/op-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";

/** 1 to 16 in a square, averaged 3×3 /2 with padding 1: the corner window holds 4 elements, the edge windows 6, the last one 9. */
async function averaged(countIncludePad: boolean): Promise<readonly number[]> {
  const attributes = { ...windowOf([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }), ceilMode: false, countIncludePad };
  const x = { shape: [1, 1, 4, 4], data: Float32Array.from({ length: 16 }, (_, i) => i + 1) };
  const graph = opGraph("averagePool", shapes(["N", 1, 4, 4]), attributes);
  return Array.from(outputOf(await runGraph(graph, new Map(), { 0: x }), "y").data);
}

test("the divisor at the border, by hand", async () => {
  // Corner: 1 + 2 + 5 + 6 = 14. Top: 2 + 3 + 4 + 6 + 7 + 8 = 30. Left: 5 + 6 + 9 + 10 + 13 + 14 = 57. Middle: 6 + 7 + 8 + 10 + 11 + 12 + 14 + 15 + 16 = 99.
  expect(await averaged(false)).toEqual([14 / 4, 30 / 6, 57 / 6, 99 / 9]);
  expect(await averaged(true)).toEqual([14, 30, 57, 99].map((sum) => Math.fround(sum / 9)));
});
