/** The public networks against public code: logits, embeddings and every listed stage of the golden files (test/goldens/README.md). */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { describeModel, type OptionInput } from "../src/models/index.js";
import { weightSetsOf } from "../src/models/weights.js";
import { fillCheckpointTensor } from "../src/tensor/fill.js";
import { elementCount } from "../src/tensor/tensor.js";
import { loadWeights } from "../src/weights/apply.js";
import { filledFile, type Rows, readModelGolden, type Samples, shapesFor10Classes } from "./model-goldens.js";
import { type Floats, filled, outputOf, runGraph } from "./run-graph.js";

/**
 * In units of the spread that a golden states (the standard deviation of its tensor). The public code's own float32 run stays
 * below 1.2e-5; the smallest mistake that matters, a wrong epsilon in one normalization, moves logits by 1e-4. The bound lies between.
 */
const TOLERANCE = 5e-5;

const SUBJECTS = [
  { file: "torchvision.googlenet", model: "googlenet.public" },
  { file: "timm.inception_resnet_v2", model: "inception_resnet_v2.public" },
  { file: "facenet.inception_resnet_v1", model: "inception_resnet_v1.public" },
] as const;

describe.each(SUBJECTS)("$file", ({ file, model }) => {
  const golden = readModelGolden(file);
  const map = weightSetsOf(model)[0]?.map;
  if (map === undefined) throw new RangeError(`Cannot test ${model}: it has no weight set`);

  test("the fill is the goldens' fill", () => {
    const shapes = new Map(golden.state_dict);
    for (const [key, expected] of Object.entries(golden.fill_check.sha256_each)) {
      expect(sha256(fillCheckpointTensor(key, shapes.get(key) ?? []))).toBe(expected);
    }
  });

  test.each(Object.entries(golden.cases))("case %s", async (_, goldenCase) => {
    const input = filled(goldenCase.input.key, goldenCase.input.shape);
    expect(sha256(input.data)).toBe(goldenCase.input.sha256);
    const aux = goldenCase.aux_logits_bn_eval_dropout0;

    const run = async (numClasses: 10 | 1000, stages: readonly string[]) => {
      const options: OptionInput = { numClasses, inputSize: goldenCase.input.shape.slice(2), ...(aux ? { aux: true } : {}) };
      const graph = describeModel(model, options);
      const shapes = numClasses === 1000 ? golden.state_dict : shapesFor10Classes(golden);
      const { parameters } = await loadWeights(graph, filledFile(shapes), map);
      const outputs = [...graph.outputs.map(({ name }) => name), ...stages];
      return runGraph(graph, parameters, { input }, { outputs });
    };

    const errors: Record<string, number> = {};
    const all = await run(1000, Object.keys(goldenCase.stages));
    for (const [path, expected] of Object.entries(goldenCase.stages)) errors[path] = samplesError(outputOf(all, path), expected);
    errors.logits_1000 = rowsError(outputOf(all, "logits"), goldenCase.logits_1000);
    if (goldenCase.embedding) errors.embedding = rowsError(outputOf(all, "embedding"), goldenCase.embedding.values);
    const few = await run(10, []);
    errors.logits_10 = rowsError(outputOf(few, "logits"), goldenCase.logits_10);
    for (const head of aux ? (["aux1", "aux2"] as const) : []) {
      errors[`${head} 1000`] = rowsError(outputOf(all, head), aux?.["1000"][head]);
      errors[`${head} 10`] = rowsError(outputOf(few, head), aux?.["10"][head]);
    }
    const worst = Object.entries(errors).filter(([, error]) => !(error <= TOLERANCE));
    expect(worst, "stages and heads beyond the tolerance, with their error in units of the spread").toEqual([]);
  });
});

/** The largest deviation of the statistics and the 32 samples of a stage, in units of its standard deviation. */
function samplesError({ shape, data }: Floats, expected: Samples): number {
  expect(shape).toEqual(expected.shape);
  const n = data.length;
  let [sum, squares, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    sum += value;
    squares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const mean = sum / n;
  const at = (k: number): number => Math.floor((k * n) / 16);
  const deviations = [
    mean - expected.mean,
    Math.sqrt(squares / n - mean * mean) - expected.std,
    min - expected.min,
    max - expected.max,
    // If no element is off by more than e, the norm is not off by more than e·√n.
    (Math.sqrt(squares) - expected.l2) / Math.sqrt(n),
    ...expected.grid.map((value, k) => Number(data[at(k)]) - value),
    ...expected.scatter.map((value, k) => Number(data[(at(k) + 4391 + 7919 * k) % n]) - value),
  ];
  expect(expected.grid.length + expected.scatter.length).toBe(32);
  return largest(deviations) / expected.std;
}

/** The largest deviation of listed logits, their sums (per element) and norms, in units of the spread; infinite where the top class differs. */
function rowsError({ shape, data }: Floats, expected: Rows | undefined): number {
  if (expected === undefined) return Number.POSITIVE_INFINITY;
  expect(shape).toEqual(expected.shape);
  const deviations = expected.rows.flatMap(({ n, first, values, argmax, sum, l2 }, row) => {
    const ours = data.subarray(row * n, (row + 1) * n);
    if (ours.indexOf(Math.max(...ours)) !== argmax) return [Number.POSITIVE_INFINITY];
    const listed = values ?? first ?? [];
    expect(listed.length).toBe(Math.min(n, values ? n : 32));
    return [
      ...listed.map((value, index) => Number(ours[index]) - value),
      (ours.reduce((total, value) => total + value, 0) - sum) / n,
      (Math.hypot(...ours) - l2) / Math.sqrt(n),
    ];
  });
  expect(expected.rows.length * (expected.rows[0]?.n ?? 0)).toBe(elementCount(shape));
  return largest(deviations) / expected.spread_std;
}

function largest(deviations: readonly number[]): number {
  return deviations.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
}

function sha256(values: Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");
}
