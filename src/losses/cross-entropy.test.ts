import { expect, test } from "vitest";
import { differentiated } from "../../test/gradient-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { GraphBuilder } from "../ops/build.js";
import { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.js";

const LOG = [Math.log(1 / 2), Math.log(1 / 3), Math.log(1 / 6)] as const;
// Softmax makes 1/2, 1/3, 1/6 of them.
const ROW = [Math.log(3), Math.log(2), 0] as const;

/** The loss and its gradient for rows of logits ln 3, ln 2, 0. */
async function lossOf(targets: readonly (readonly number[])[], options: CrossEntropyOptions = {}) {
  const shape = [targets.length, 3];
  const b = new GraphBuilder("loss");
  b.output("y", crossEntropy(b, "entropy", b.input("logits", shape), b.input("targets", shape), options));
  const values = {
    logits: { shape, data: Float32Array.from(targets.flatMap(() => ROW)) },
    targets: { shape, data: Float32Array.from(targets.flat()) },
  };
  const feeds = { ...values, "cotangent:y": { shape: [], data: Float32Array.of(1) } };
  const value = outputOf(await runGraph(b.finish(), new Map(), values), "y").data[0];
  const gradient = outputOf(await runGraph(differentiated(b.finish(), feeds, ["logits"]).graph, new Map(), feeds), "d:logits").data;
  return { value, gradient: [...gradient] };
}

test("a mixed target costs the mixture of what its classes cost", async () => {
  const { value, gradient } = await lossOf([[0.25, 0, 0.75]]);
  expect(value).toBeCloseTo(-(0.25 * LOG[0] + 0.75 * LOG[2]), 6);
  // p − q
  for (const [index, expected] of [1 / 2 - 1 / 4, 1 / 3, 1 / 6 - 3 / 4].entries()) expect(gradient[index]).toBeCloseTo(expected, 6);
});

test("a row of zeros costs nothing and is not counted, also with smoothing", async () => {
  for (const labelSmoothing of [0, 0.3]) {
    const alone = await lossOf([[0, 1, 0]], { labelSmoothing });
    const beside = await lossOf(
      [
        [0, 0, 0],
        [0, 1, 0],
      ],
      { labelSmoothing },
    );
    expect(beside.value).toBeCloseTo(alone.value ?? 0, 6);
    expect(beside.gradient.slice(0, 3).map(Math.abs)).toEqual([0, 0, 0]);
    for (const [index, expected] of alone.gradient.entries()) expect(beside.gradient[index + 3]).toBeCloseTo(expected, 6);
  }
});

test("the loss and its gradient are 0 where every row is left out or weighs nothing", async () => {
  const left = await lossOf(
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    { labelSmoothing: 0.1 },
  );
  expect([left.value, ...left.gradient].map((value) => Math.abs(Number(value)))).toEqual([0, 0, 0, 0, 0, 0, 0]);
  const weightless = await lossOf([[0, 1, 0]], { classWeights: [1, 0, 1] });
  expect([weightless.value, ...weightless.gradient].map((value) => Math.abs(Number(value)))).toEqual([0, 0, 0, 0]);
});

test("with class weights the mean of mixed targets divides by the weights of the mixture", async () => {
  const { value } = await lossOf(
    [
      [0.5, 0.5, 0],
      [0, 0, 1],
    ],
    { classWeights: [1, 2, 4] },
  );
  expect(value).toBeCloseTo(-(0.5 * LOG[0] + 2 * 0.5 * LOG[1] + 4 * LOG[2]) / (0.5 + 1 + 4), 6);
});

test("options and shapes that do not fit are refused", () => {
  const build = (options: CrossEntropyOptions, targets: readonly number[] = [2, 3]) => {
    const b = new GraphBuilder("loss");
    return () => crossEntropy(b, "loss.main", b.input("logits", [2, 3]), b.input("targets", targets), options);
  };
  expect(build({ labelSmoothing: 1.5 })).toThrow('Cannot build loss "loss.main": labelSmoothing is 1.5, expected a number from 0 to 1');
  expect(build({ classWeights: [1, 2] })).toThrow(
    'Cannot build loss "loss.main": classWeights has 2 numbers, expected one for each of 3 classes',
  );
  expect(build({ classWeights: [1, -2, 0] })).toThrow(
    'Cannot build loss "loss.main": classWeights are 1, -2, 0, expected finite numbers of at least 0, not all 0',
  );
  expect(build({ classWeights: [0, 0, 0] })).toThrow(
    'Cannot build loss "loss.main": classWeights are 0, 0, 0, expected finite numbers of at least 0, not all 0',
  );
  expect(build({}, [2, 4])).toThrow('Cannot infer shape of crossEntropy "loss.main": logits [2, 3] and targets [2, 4] differ');
});
