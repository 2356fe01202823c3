/** Exported segmentation files against our own preparation, network and argmax; run by ONNX Runtime as anyone would. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileInference } from "../src/compile/compile.js";
import {
  createVolume,
  type Normalization,
  prepareVolume,
  type SegmentationConfig,
  type Triple,
  voxelStatistics,
} from "../src/data/index.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { findModel } from "../src/models/index.js";
import { exportOnnx } from "../src/node/export-model.js";
import { loadModel } from "../src/node/load-model.js";
import { createNodeSession } from "../src/node/ort-session.js";
import { openSegmenter } from "../src/node/segment/segmenter.js";
import { writeVolume } from "../src/node/volumes.js";
import type { ModelMetadata } from "../src/predict/model-metadata.js";
import type { Session } from "../src/runtime/session.js";
import type { PreparedModel } from "../src/tasks/prepare-model.js";
import { float32Tensor } from "../src/tensor/tensor.js";
import { initialParameters } from "../src/weights/index.js";

const MODEL = "inception_resnet_3d.table";
const LABEL_VALUES = [0, 1, 5];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-segment-export-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const NORMALIZATIONS: Readonly<Record<string, readonly Normalization[]>> = {
  "z-score": [{ name: "z_score", region: "all" }],
  "z-score of what is not 0": [{ name: "z_score", region: "nonzero" }],
  percentiles: [{ name: "percentiles", lower: 5, upper: 90, region: "all" }],
  "percentiles of what is not 0": [{ name: "percentiles", lower: 2.5, upper: 99.5, region: "nonzero" }],
  "a window of Hounsfield units": [{ name: "ct_window", center: 300, width: 350 }],
  "three channels, each in its way": [
    { name: "ct_window", center: 300, width: 350 },
    { name: "z_score", region: "nonzero" },
    { name: "percentiles", lower: 5, upper: 90, region: "all" },
  ],
};

function prepared(recipe: SegmentationConfig, id = MODEL): PreparedModel {
  const options = {
    widthMultiplier: 0.05,
    numClasses: recipe.labelValues.length,
    inChannels: recipe.normalization.length,
    inputSize: recipe.patchSize.toReversed(),
  };
  const graph = findModel(id).describe(options);
  const base = { model: id, options, preprocessing: null, segmentation: recipe, labels: null };
  const metadata: ModelMetadata = { ...base, source: "untrained", licence: "none", weightsSha256: null, golden: null };
  const report = { source: "inceptionkit", matched: [], missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] };
  return { graph, parameters: initialParameters(graph, 3), metadata, report };
}

function recipeOf(normalization: readonly Normalization[], patchSize: Triple): SegmentationConfig {
  return { spacing: null, normalization, patchSize, labelValues: LABEL_VALUES };
}

/** Waves with a dark border of zeros, one volume per channel. */
function drawn(shape: Triple, channel: number) {
  const values = Int16Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => {
    const [x, y, z] = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / (shape[0] * shape[1]))];
    return x < 2 ? 0 : Math.round(300 + 150 * Math.sin(0.6 * x + channel) * Math.cos(0.5 * y) + 90 * Math.sin(0.8 * z - channel));
  });
  return createVolume(shape, values);
}

interface Own {
  readonly logits: Float32Array;
  readonly labels: number[];
}

/** Our preparation, the network at the size of what it is given, and the label of the largest logit. */
async function own({ graph, parameters, metadata }: PreparedModel, data: Float32Array, shape: Triple): Promise<Own> {
  const described = findModel(metadata.model).describe({ ...metadata.options, inputSize: shape.toReversed() });
  expect(described.parameters.map(({ path: name }) => name)).toEqual(graph.parameters.map(({ path: name }) => name));
  const session = await createNodeSession(concatChunks(compileInference(described, parameters).chunks), { threads: 1 });
  const channels = data.length / (shape[0] * shape[1] * shape[2]);
  const { logits } = await session.run({ input: float32Tensor([1, channels, ...shape.toReversed()], data) });
  await session.close();
  const values = logits?.data as Float32Array;
  return { logits: values, labels: largest(values, LABEL_VALUES.length).map((index) => LABEL_VALUES[index]!) };
}

function largest(logits: Float32Array, classes: number): number[] {
  const voxels = logits.length / classes;
  return Array.from({ length: voxels }, (_, i) => {
    const values = Array.from({ length: classes }, (_, c) => logits[c * voxels + i]!);
    return values.indexOf(Math.max(...values));
  });
}

/** Sums of thousands of products in another order, on logits of about 1. */
const TOLERANCE = 2e-4;

function expectSame(actual: Own, expected: Own): void {
  const worst = expected.logits.reduce((most, value, i) => Math.max(most, Math.abs(value - actual.logits[i]!)), 0);
  expect(actual.logits.length).toBe(expected.logits.length);
  expect(worst).toBeLessThan(TOLERANCE);
  expect(new Set(expected.labels).size).toBeGreaterThan(1);
  const voxels = expected.labels.length;
  const different = expected.labels.filter((label, i) => {
    if (label === actual.labels[i]) return false;
    const sorted = LABEL_VALUES.map((_, c) => expected.logits[c * voxels + i]!).toSorted((a, b) => b - a);
    return sorted[0]! - sorted[1]! > 2 * TOLERANCE;
  });
  expect(different).toEqual([]);
}

async function runFile(session: Session, feeds: Parameters<Session["run"]>[0]): Promise<Own> {
  const { logits, labels } = await session.run(feeds);
  expect(labels?.dtype).toBe("int32");
  expect(labels?.shape).toEqual(logits?.shape.filter((_, axis) => axis !== 1));
  return { logits: logits?.data as Float32Array, labels: Array.from(labels?.data ?? [], Number) };
}

describe.each(Object.entries(NORMALIZATIONS))("%s", (name, normalization) => {
  const recipe = recipeOf(normalization, [10, 9, 8]);
  const file = (form: string): string => path.join(folder, `${name.replaceAll(" ", "-")}-${form}.onnx`);

  test("a file for a patch: raw voxels and statistics of the volume give our labels", async () => {
    const model = prepared(recipe);
    await exportOnnx(model, file("patch"));
    const volumes = normalization.map((_, channel) => drawn(recipe.patchSize, channel));
    const expected = await own(model, prepareVolume(volumes, recipe).data, recipe.patchSize);
    const loaded = await loadModel(file("patch"), { threads: 1 });
    const raw = Float32Array.from(volumes.flatMap(({ data }) => Array.from(data)));
    const statistics = volumes.map((volume, channel) => statisticsByHand(Array.from(volume.data), normalization[channel]!));
    const inputs = loaded.session.inputs.map((input) => input.name).slice(1);
    const others = inputs.map(
      (input) =>
        [
          input,
          float32Tensor(
            [1, volumes.length],
            Float32Array.from(statistics, (each) => each[input]!),
          ),
        ] as const,
    );
    const actual = await runFile(loaded.session, {
      ...Object.fromEntries(others),
      input: float32Tensor([1, volumes.length, 8, 9, 10], raw),
    });
    expect(loaded.selfCheck).toBeLessThan(1e-5);
    await loaded.close();
    expectSame(actual, expected);
  });

  test("a file for volumes of any size: raw voxels alone give our labels of the padded volume", async () => {
    const model = prepared(recipe);
    await exportOnnx(model, file("volume"), { dynamicSize: true });
    const loaded = await loadModel(file("volume"), { threads: 1 });
    expect(loaded.session.inputs).toEqual([
      { name: "input", dtype: "float32", shape: ["N", normalization.length, "depth", "height", "width"] },
    ]);
    for (const [shape, padded, before] of [
      [
        [16, 8, 8],
        [16, 8, 8],
        [0, 0, 0],
      ],
      [
        [13, 9, 7],
        [16, 16, 8],
        [1, 3, 0],
      ],
    ] as const) {
      const volumes = normalization.map((_, channel) => drawn(shape, channel));
      const data = prepareVolume(volumes, recipe).data;
      const whole = await own(model, pad(data, shape, padded, before), padded);
      const expected = { logits: crop(whole.logits, shape, padded, before), labels: [...crop(whole.labels, shape, padded, before)] };
      const raw = Float32Array.from(volumes.flatMap((volume) => Array.from(volume.data)));
      const [x, y, z] = shape;
      expectSame(await runFile(loaded.session, { input: float32Tensor([1, volumes.length, z, y, x], raw) }), expected);
    }
    await loaded.close();
  });

  test("segment gives the same labels with either file as with the network", async () => {
    if (normalization.length > 1) return;
    const volume = path.join(folder, "case.nii");
    const shape: Triple = [14, 9, 11];
    await writeVolume(volume, drawn(shape, 0));
    const model = prepared(recipe);
    const labelsWith = async (source: string): Promise<readonly number[]> => {
      const segmenter = await openSegmenter(source, { threads: 1 });
      try {
        return Array.from((await segmenter.segment(volume)).labels.data);
      } finally {
        await segmenter.close();
      }
    };
    const patched = await labelsWith(file("patch"));
    const [reference] = await naiveWindows(model, shape);
    expect(patched.filter((label, i) => label !== reference[i]).length).toBeLessThan(patched.length / 500);
    const whole = await labelsWith(file("volume"));
    const padded: Triple = [16, 16, 16];
    const single = await own(model, pad(prepareVolume([drawn(shape, 0)], recipe).data, shape, padded, [1, 3, 2]), padded);
    const expected = crop(single.labels, shape, padded, [1, 3, 2]);
    expect(whole.filter((label, i) => label !== expected[i]).length).toBeLessThan(whole.length / 500);
  });

  /** Labels of the network by windows, with normalized input. */
  async function naiveWindows(model: PreparedModel, shape: Triple): Promise<readonly [number[]]> {
    const { planWindows, segmentWindows } = await import("../src/segment/index.js");
    const session = await createNodeSession(concatChunks(compileInference(model.graph, model.parameters).chunks), { threads: 1 });
    const run = async (window: Float32Array) =>
      (await session.run({ input: float32Tensor([1, 1, 8, 9, 10], window) })).logits?.data as Float32Array;
    const plan = planWindows(shape, recipe.patchSize);
    const { classes } = await segmentWindows({ channels: 1, classes: 3, run }, prepareVolume([drawn(shape, 0)], recipe).data, plan);
    await session.close();
    return [Array.from(classes, (index) => LABEL_VALUES[index]!)];
  }
});

/** Mean and deviation, after limiting to percentiles where that is asked for, written out. */
function statisticsByHand(values: readonly number[], normalization: Normalization): Readonly<Record<string, number>> {
  if (normalization.name === "ct_window") return { mean: 0, standard_deviation: 1, lower: 0, upper: 0 };
  const counted = (list: readonly number[]): readonly number[] =>
    normalization.region === "all" ? list : list.filter((value) => value !== 0);
  const sorted = counted(values).toSorted((a, b) => a - b);
  const percentileOf = (percent: number): number => {
    const place = (percent / 100) * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return low + (high - low) * (place - Math.floor(place));
  };
  const [lower, upper] =
    normalization.name === "percentiles" ? ([normalization.lower, normalization.upper].map(percentileOf) as [number, number]) : [-1e9, 1e9];
  const limited = counted(values.map((value) => Math.min(Math.max(value, lower), upper)));
  const mean = limited.reduce((sum, value) => sum + value, 0) / limited.length;
  const deviation = Math.sqrt(limited.reduce((sum, value) => sum + (value - mean) ** 2, 0) / limited.length);
  return { mean, standard_deviation: deviation, lower, upper };
}

function pad(data: Float32Array, shape: Triple, padded: Triple, before: Triple): Float32Array {
  const channels = data.length / (shape[0] * shape[1] * shape[2]);
  const out = new Float32Array(channels * padded[0] * padded[1] * padded[2]);
  for (const [from, to] of places(shape, padded, before, channels)) out[to] = data[from]!;
  return out;
}

function crop<T extends Float32Array | number[]>(data: T, shape: Triple, padded: Triple, before: Triple): Float32Array & T {
  const channels = data.length / (padded[0] * padded[1] * padded[2]);
  const out = new Float32Array(channels * shape[0] * shape[1] * shape[2]);
  for (const [to, from] of places(shape, padded, before, channels)) out[to] = data[from]!;
  return out as Float32Array & T;
}

/** Where each value of the small volumes lies in the padded ones. */
function* places(shape: Triple, padded: Triple, before: Triple, channels: number): Generator<readonly [number, number]> {
  let at = 0;
  for (let c = 0; c < channels; c++)
    for (let z = 0; z < shape[2]; z++)
      for (let y = 0; y < shape[1]; y++)
        for (let x = 0; x < shape[0]; x++) {
          yield [at++, ((c * padded[2] + z + before[2]) * padded[1] + y + before[1]) * padded[0] + x + before[0]];
        }
}

describe("exported files", () => {
  test("NaN around a patch is outside the volume: it counts in nothing and is the mean for the network", async () => {
    const recipe = recipeOf([{ name: "z_score", region: "all" }], [16, 8, 8]);
    const model = prepared(recipe);
    const [patch, any] = [path.join(folder, "outside-patch.onnx"), path.join(folder, "outside-volume.onnx")];
    await exportOnnx(model, patch);
    await exportOnnx(model, any, { dynamicSize: true });
    const shape: Triple = [12, 8, 8];
    const volume = drawn(shape, 0);
    const expected = await own(model, pad(prepareVolume([volume], recipe).data, shape, [16, 8, 8], [2, 0, 0]), [16, 8, 8]);
    const raw = new Float32Array(1024).fill(Number.NaN);
    for (const [from, to] of places(shape, [16, 8, 8], [2, 0, 0], 1)) raw[to] = Number(volume.data[from]);
    const { mean, standardDeviation } = voxelStatistics(volume);
    for (const file of [patch, any]) {
      const loaded = await loadModel(file, { threads: 1 });
      const { session } = loaded;
      const given = { mean, standard_deviation: standardDeviation };
      const others = Object.entries(file === patch ? given : {}).map(
        ([name, value]) => [name, float32Tensor([1, 1], Float32Array.of(value))] as const,
      );
      expectSame(await runFile(session, { ...Object.fromEntries(others), input: float32Tensor([1, 1, 8, 8, 16], raw) }), expected);
      await loaded.close();
    }
  });

  test("are small besides their weights, and a batch is two volumes, each with its own statistics", async () => {
    const recipe = recipeOf([{ name: "percentiles", lower: 5, upper: 90, region: "all" }], [8, 8, 8]);
    const model = prepared(recipe);
    const file = path.join(folder, "batch.onnx");
    const { metadata } = await exportOnnx(model, file, { dynamicSize: true });
    const weights = [...model.parameters.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(statSync(file).size - weights).toBeLessThan(200_000);
    expect(metadata.golden?.outputs.logits?.length).toBeLessThan(1100);
    const loaded = await loadModel(file, { threads: 1 });
    const { session } = loaded;
    const volumes = [
      drawn([8, 8, 8], 0),
      createVolume(
        [8, 8, 8],
        drawn([8, 8, 8], 2).data.map((value) => 3 * value + 100),
      ),
    ];
    const run = async (values: readonly number[], batch: number) =>
      runFile(session, { input: float32Tensor([batch, 1, 8, 8, 8], Float32Array.from(values)) });
    const both = await run(
      volumes.flatMap(({ data }) => Array.from(data)),
      2,
    );
    const each = [await run(Array.from(volumes[0]!.data), 1), await run(Array.from(volumes[1]!.data), 1)];
    await loaded.close();
    expectSame(both, {
      logits: Float32Array.from(each.flatMap(({ logits }) => Array.from(logits))),
      labels: each.flatMap(({ labels }) => labels),
    });
  });

  test("a volume that is too large for a file of whole volumes is refused", async () => {
    const recipe = recipeOf([{ name: "z_score", region: "all" }], [8, 8, 8]);
    const [file, scan] = [path.join(folder, "large.onnx"), path.join(folder, "large.nii")];
    await exportOnnx(prepared(recipe), file, { dynamicSize: true });
    await writeVolume(scan, createVolume([2049, 2048, 1], new Uint8Array(2049 * 2048).fill(1, 1)));
    const segmenter = await openSegmenter(file, { threads: 1 });
    await expect(segmenter.segment(scan)).rejects.toMatchObject({
      code: "IMAGE_LIMIT",
      message: `Cannot segment "${scan}": it has 2049 x 2048 x 1 voxels and the model processes whole volumes, the limit is 4,194,304 voxels; use a model with a patch size`,
    });
    await segmenter.close();
  });

  test("a network that says nothing about volumes is exported as it is, with a sample of its logits", async () => {
    const { metadata, ...model } = prepared(recipeOf([{ name: "z_score", region: "all" }], [16, 16, 16]));
    const { segmentation, ...plain } = metadata;
    const file = path.join(folder, "plain.onnx");
    const { metadata: written } = await exportOnnx({ ...model, metadata: plain }, file);
    expect([written.golden?.strides?.logits, written.golden?.outputs.logits?.length]).toEqual([13, Math.ceil(12_288 / 13)]);
    const loaded = await loadModel(file, { threads: 1 });
    const { session, selfCheck } = loaded;
    expect(session.outputs.map(({ name }) => name)).toEqual(["logits"]);
    expect(selfCheck).toBeLessThan(1e-5);
    await loaded.close();
    const message = `Cannot compile "${MODEL}" for any depth, height and width: the padding of "stem.conv1.conv" depends on the input size (SAME); describe it with padding symmetric if it has that option, or compile it for one size`;
    await expect(exportOnnx({ ...model, metadata: plain }, file, { dynamicSize: true })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message,
    });
  });
});
