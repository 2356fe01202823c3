import { expect, test } from "vitest";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { selectOutputs } from "../ir/prune.js";
import { GraphBuilder } from "../ops/build.js";
import { updateEma } from "./average.js";

async function averaged(average: number, parameter: number, step: number, options: { readonly decay: number }) {
  const b = new GraphBuilder("average");
  const site = { average: b.input("average", [1]), parameter: b.input("parameter", [1]), step: b.input("step", []) };
  b.output("y", updateEma(b, "next", { ...site, ...options }));
  const graph = selectOutputs(b.draft(), ["y"]);
  const feeds = {
    average: { shape: [1], data: Float32Array.of(average) },
    parameter: { shape: [1], data: Float32Array.of(parameter) },
    step: { shape: [], data: Float32Array.of(step) },
  };
  return outputOf(await runGraph(graph, new Map(), feeds), "y").data[0];
}

test("the first steps keep less: TensorFlow's (1 + step) / (10 + step)", async () => {
  // Keeps 2/11 at step 1 and 11/20 at step 10; from step 26 on the decay of 0.75 itself.
  expect(await averaged(2, 4, 1, { decay: 0.75 })).toBeCloseTo(2 + (2 * 9) / 11, 6);
  expect(await averaged(2, 4, 10, { decay: 0.75 })).toBeCloseTo(2.9, 6);
  expect(await averaged(2, 4, 100, { decay: 0.75 })).toBeCloseTo(2.5, 6);
});

test("a decay outside [0, 1) is refused", () => {
  const b = new GraphBuilder("average");
  const [average, parameter, step] = [b.input("average", [1]), b.input("parameter", [1]), b.input("step", [])];
  expect(() => updateEma(b, "next", { average, parameter, step, decay: 1 })).toThrow(
    "Cannot average weights with decay 1: expected a number in [0, 1)",
  );
});
