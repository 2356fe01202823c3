/** The losses of images with several classes against PyTorch: test/goldens/ops/multi_label.json. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { differentiated } from "../../test/gradient-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { goldenPath } from "../../test/shared.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { type AsymmetricOptions, asymmetric, type BinaryOptions, binaryCrossEntropy } from "./index.js";

interface LossGolden {
  readonly name: string;
  readonly loss: "binary_cross_entropy" | "asymmetric";
  readonly options: {
    readonly reduction?: "mean" | "sum" | "none";
    readonly label_smoothing?: number;
    readonly weight?: readonly number[];
    readonly gamma_neg?: number;
    readonly gamma_pos?: number;
    readonly clip?: number;
  };
  readonly shape: readonly number[];
  readonly logits: readonly number[];
  readonly targets: readonly number[];
  readonly output: readonly number[];
  readonly gradient: readonly number[];
}

const { losses } = JSON.parse(readFileSync(goldenPath("ops/multi_label.json"), "utf8")) as { readonly losses: readonly LossGolden[] };

type Build = (b: GraphBuilder, logits: Ref, targets: Ref) => Ref;

async function valueAndGradient(build: Build, shape: readonly number[], logits: readonly number[], targets: readonly number[]) {
  const b = new GraphBuilder("loss");
  const y = build(b, b.input("logits", shape), b.input("targets", shape));
  b.output("y", y);
  const graph = b.finish();
  const values = { logits: { shape, data: Float32Array.from(logits) }, targets: { shape, data: Float32Array.from(targets) } };
  const yShape = y.type.shape.map(Number);
  const ones = new Float32Array(yShape.reduce((product, size) => product * size, 1)).fill(1);
  const feeds = { ...values, "cotangent:y": { shape: yShape, data: ones } };
  return {
    output: [...outputOf(await runGraph(graph, new Map(), values), "y").data],
    gradient: [...outputOf(await runGraph(differentiated(graph, feeds, ["logits"]).graph, new Map(), feeds), "d:logits").data],
  };
}

function builderOf({ loss, options }: LossGolden): Build {
  const { reduction, label_smoothing: labelSmoothing, weight: classWeights, gamma_neg, gamma_pos, clip } = options;
  const common: BinaryOptions = {
    ...(reduction === undefined ? {} : { reduction }),
    ...(labelSmoothing === undefined ? {} : { labelSmoothing }),
    ...(classWeights === undefined ? {} : { classWeights }),
  };
  if (loss === "binary_cross_entropy") return (b, logits, targets) => binaryCrossEntropy(b, "y", logits, targets, common);
  const own: AsymmetricOptions = {
    ...common,
    ...(gamma_neg === undefined ? {} : { gammaNegative: gamma_neg }),
    ...(gamma_pos === undefined ? {} : { gammaPositive: gamma_pos }),
    ...(clip === undefined ? {} : { margin: clip }),
  };
  return (b, logits, targets) => asymmetric(b, "y", logits, targets, own);
}

/** Of the largest value: some float32 roundings of 6e-8; a focal weight has them to the fourth power. */
const TOLERANCES = { binary_cross_entropy: 1e-6, asymmetric: 4e-6 } as const;

test.each(losses)("$name", async (golden) => {
  const { output, gradient } = await valueAndGradient(builderOf(golden), golden.shape, golden.logits, golden.targets);
  expectClose(output, golden.output, TOLERANCES[golden.loss]);
  expectClose(gradient, golden.gradient, TOLERANCES[golden.loss]);
});

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, index) => Math.abs(value - Number(actual[index]))));
  expect(worst / largest).toBeLessThan(tolerance);
}

/** The definition of the docstring in double precision. */
function asymmetricCost(x: number, q: number): number {
  const p = 1 / (1 + Math.exp(-x));
  const shifted = Math.max(p - 0.05, 0);
  return -q * (1 - p) * Math.log(p) - (1 - q) * shifted ** 4 * Math.log(1 - shifted);
}

test("the gradient of the asymmetric loss is that of central differences, also for mixed targets", async () => {
  const logits = [-4, -1.5, 0, 0.25, 1, 3];
  const targets = [0, 1, 0.3, 0.5, 0.9, 0];
  const build: Build = (b, x, q) => asymmetric(b, "y", x, q, { reduction: "sum" });
  const { output, gradient } = await valueAndGradient(build, [2, 3], logits, targets);
  expect(output[0]).toBeCloseTo(
    logits.reduce((sum, x, index) => sum + asymmetricCost(x, targets[index] ?? 0), 0),
    6,
  );
  for (const [index, x] of logits.entries()) {
    const q = targets[index] ?? 0;
    expect(gradient[index]).toBeCloseTo((asymmetricCost(x + 1e-5, q) - asymmetricCost(x - 1e-5, q)) / 2e-5, 5);
  }
});

test("logits of any size have finite costs and gradients", async () => {
  const logits = [-1e4, 1e4, -1e4, 1e4];
  for (const build of [
    (b: GraphBuilder, x: Ref, q: Ref) => binaryCrossEntropy(b, "y", x, q, { reduction: "none" }),
    (b: GraphBuilder, x: Ref, q: Ref) => asymmetric(b, "y", x, q, { reduction: "none" }),
    (b: GraphBuilder, x: Ref, q: Ref) => asymmetric(b, "y", x, q, { reduction: "none", margin: 0 }),
  ]) {
    const { output, gradient } = await valueAndGradient(build, [1, 4], logits, [0, 0, 1, 1]);
    expect([...output, ...gradient].every(Number.isFinite)).toBe(true);
    for (const index of [0, 3]) expect(output[index]).toBeCloseTo(0, 6);
  }
});

test("options and shapes that do not fit are refused", () => {
  const build = (options: AsymmetricOptions, targets: readonly number[] = [2, 3]) => {
    const b = new GraphBuilder("loss");
    return () => asymmetric(b, "loss.main", b.input("logits", [2, 3]), b.input("targets", targets), options);
  };
  expect(build({ gammaNegative: -0.5 })).toThrow(
    'Cannot build loss "loss.main": gammaNegative is -0.5, expected a finite number of at least 0',
  );
  expect(build({ margin: 1 })).toThrow('Cannot build loss "loss.main": margin is 1, expected a number from 0 to below 1');
  expect(build({ labelSmoothing: 2 })).toThrow('Cannot build loss "loss.main": labelSmoothing is 2, expected a number from 0 to 1');
  expect(build({ classWeights: [1] })).toThrow(
    'Cannot build loss "loss.main": classWeights has 1 numbers, expected one for each of 3 classes',
  );
  expect(build({ classWeights: [1, -1, 0] })).toThrow(
    'Cannot build loss "loss.main": classWeights are 1, -1, 0, expected finite numbers of at least 0',
  );
  expect(build({}, [2, 4])).toThrow("logits [2, 3] and targets [2, 4] differ");
});
