import { expect, test } from "vitest";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { crossEntropy, dice, diceCrossEntropy, nnunetDiceCrossEntropy, oneHotTargets } from "./index.js";

type Build = (b: GraphBuilder, predicted: Ref, targets: Ref) => Ref;

/** A loss of predictions and targets [1, 2, positions…]; two spatial axes. */
async function lossOf(build: Build, predicted: readonly (readonly number[])[], targets: readonly (readonly number[])[]) {
  const shape = [1, 2, 1, predicted[0]?.length ?? 0];
  const b = new GraphBuilder("loss");
  b.output("y", build(b, b.input("predicted", shape), b.input("targets", shape)));
  const feeds = {
    predicted: { shape, data: Float32Array.from(predicted.flat()) },
    targets: { shape, data: Float32Array.from(targets.flat()) },
  };
  return outputOf(await runGraph(b.finish(), new Map(), feeds), "y").data[0];
}

const TARGETS = [
  [1, 1, 0],
  [0, 0, 1],
] as const;
const PROBABILITIES = [
  [0.75, 0.5, 0.25],
  [0.25, 0.5, 0.75],
] as const;
const NO_SMOOTHING = { smoothNumerator: 0, smoothDenominator: 0 };

test("dice of a map of three positions", async () => {
  // Class 0: 2·1.25 / (1.5 + 2); class 1: 2·0.75 / (1.5 + 1).
  const plain: Build = (b, p, q) => dice(b, "loss", p, q, { softmax: false, ...NO_SMOOTHING });
  expect(await lossOf(plain, PROBABILITIES, TARGETS)).toBeCloseTo(1 - (2.5 / 3.5 + 1.5 / 2.5) / 2, 6);
  // Squares: class 0 0.5625 + 0.25 + 0.0625 = 0.875, as class 1.
  const squared: Build = (b, p, q) => dice(b, "loss", p, q, { softmax: false, squaredPred: true, ...NO_SMOOTHING });
  expect(await lossOf(squared, PROBABILITIES, TARGETS)).toBeCloseTo(1 - (2.5 / 2.875 + 1.5 / 1.875) / 2, 6);
  const smoothed: Build = (b, p, q) =>
    dice(b, "loss", p, q, { softmax: false, includeBackground: false, smoothNumerator: 1, smoothDenominator: 2 });
  expect(await lossOf(smoothed, PROBABILITIES, TARGETS)).toBeCloseTo(1 - (1.5 + 1) / (2.5 + 2), 6);
});

test("a class that is neither there nor predicted divides nothing by 0", async () => {
  const plain: Build = (b, p, q) => dice(b, "loss", p, q, { softmax: false, ...NO_SMOOTHING });
  // Class 0 has a Dice of 1, class 1 of 0/1e-8 = 0.
  expect(await lossOf(plain, [[1], [0]], [[1], [0]])).toBeCloseTo(0.5, 6);
});

test("positions without a label can be left out", async () => {
  const logits = [
    [2, -1, 0.5],
    [0, 1, 3],
  ] as const;
  const labeled = logits.map((row) => row.slice(0, 2));
  const targets = TARGETS.map((row) => row.slice(1));
  const withGap = targets.map((row) => [...row, 0]);
  const masked: Build = (b, p, q) => dice(b, "loss", p, q, { ignoreUnlabeled: true });
  expect(await lossOf(masked, logits, withGap)).toBeCloseTo((await lossOf(masked, labeled, targets)) ?? 0, 6);
  const nnunet: Build = (b, p, q) => nnunetDiceCrossEntropy(b, "loss", p, q);
  expect(await lossOf(nnunet, logits, withGap)).toBeCloseTo((await lossOf(nnunet, labeled, targets)) ?? 0, 6);
  const counted: Build = (b, p, q) => dice(b, "loss", p, q);
  expect((await lossOf(counted, logits, withGap)) ?? 0).toBeGreaterThan(((await lossOf(masked, logits, withGap)) ?? 0) + 0.01);
});

test("the combination weighs its parts, and smoothing and class weights are the cross-entropy's", async () => {
  const entropyOptions = { labelSmoothing: 0.1, classWeights: [1, 3] };
  const both: Build = (b, p, q) => diceCrossEntropy(b, "loss", p, q, { diceWeight: 2, crossEntropyWeight: 0.5, ...entropyOptions });
  const overlap = (await lossOf((b, p, q) => dice(b, "loss", p, q), PROBABILITIES, TARGETS)) ?? 0;
  const entropy = (await lossOf((b, p, q) => crossEntropy(b, "loss", p, q, entropyOptions), PROBABILITIES, TARGETS)) ?? 0;
  expect(await lossOf(both, PROBABILITIES, TARGETS)).toBeCloseTo(2 * overlap + 0.5 * entropy, 6);
});

test("labels become rows, and labels outside the classes rows of zeros", async () => {
  const b = new GraphBuilder("targets");
  b.output("y", oneHotTargets(b, "targets", b.input("labels", ["N", 2], "int32"), 3));
  const y = outputOf(await runGraph(b.finish(), new Map(), { labels: { shape: [2, 2], data: Int32Array.of(2, 0, -1, 3) } }), "y");
  expect(y.shape).toEqual([2, 3, 2]);
  expect([...y.data]).toEqual([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
});

test("options and shapes that do not fit are refused", () => {
  const build = (shape: readonly number[], options: Parameters<typeof dice>[4]) => {
    const b = new GraphBuilder("loss");
    return () => dice(b, "loss", b.input("logits", shape), b.input("targets", shape), options);
  };
  expect(build([2, 3, 4, 4], { smoothNumerator: -1 })).toThrow(
    'Cannot build loss "loss.dice": smoothNumerator is -1, expected a finite number of at least 0',
  );
  expect(build([2, 1, 4, 4], { includeBackground: false })).toThrow(
    'Cannot build loss "loss.dice": there is 1 class and includeBackground is false, expected a class besides the background',
  );
  expect(build([2, 3], {})).toThrow('Cannot infer shape of dice "loss.dice": expected logits [N, C, spatial…], got [2, 3]');
});
