/** A real Inception-v3 of TensorFlow.js: quantized weights read under Keras names, and every stage as TensorFlow.js computes it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { prepareModel } from "../../src/node/prepare-model.js";
import { withModel } from "../run-graph.js";
import { sharedPath, titleNeeding } from "../shared.js";

interface Stage {
  /** Height, width and channels, or the length of a vector. */
  readonly shape: readonly number[];
  readonly mean: number;
  readonly rms: number;
  readonly step: number;
  /** Every `step`-th value, channels last. */
  readonly samples: readonly number[];
}

const STAGES: readonly (readonly [theirs: string, ours: string])[] = [
  ...["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"].map((name, index) => [`mixed${index}`, `Mixed_${name}`] as const),
  ["flatten_1", "features"],
];

const DATA = "data/tfjs_inception_v3";
const folder = sharedPath(DATA);

/** TensorFlow.js' own WASM and the ONNX Runtime add up in other orders: 1e-5 of a stage's spread, as torch's float32 does. */
const TOLERANCE = 5e-5;

describe("Inception-v3 of TensorFlow.js", () => {
  test.skipIf(folder === null)(
    titleNeeding("has the values of TensorFlow.js at every stage", folder, DATA),
    { timeout: 120_000 },
    async () => {
      const { stages } = JSON.parse(readFileSync(path.join(folder ?? "", "expected.json"), "utf8")) as {
        readonly stages: Readonly<Record<string, Stage>>;
      };
      const prepared = await prepareModel("inception_v3", folder ?? "", { needsClassifier: false });
      expect(prepared.classifier).toEqual({
        outputs: ["logits"],
        missing: ["fc.weight", "fc.bias"],
        foreign: [1, 2, 3].flatMap((index) => [`dense_${index}/kernel`, `dense_${index}/bias`]),
        classes: 0,
      });
      const feed = { shape: [1, 3, 299, 299], data: inputByFormula(299, 299) };
      const outputs = STAGES.map(([, ours]) => ours);
      const results = await withModel(prepared.graph, prepared.parameters, { outputs }, (model) => model.run({ input: feed }, outputs));
      for (const [theirs, ours] of STAGES) {
        const expected = stages[theirs];
        const { shape = [], data = new Float32Array(0) } = results[ours] ?? {};
        const [, channels = 0, height = 1, width = 1] = shape;
        expect(expected?.shape).toEqual(shape.length === 4 ? [height, width, channels] : [channels]);
        const last = channelsLast(data, channels, height * width);
        const rms = Math.sqrt(last.reduce((sum, value) => sum + value * value, 0) / last.length);
        const spread = expected?.rms ?? 0;
        expect(Math.abs(rms - spread) / spread, `${theirs}: root mean square`).toBeLessThan(TOLERANCE);
        const samples = expected?.samples.map((value, index) => Math.abs(value - (last[index * (expected.step ?? 1)] ?? Number.NaN))) ?? [];
        expect(samples.length).toBe(64);
        expect(Math.max(...samples) / spread, theirs).toBeLessThan(TOLERANCE);
      }
    },
  );
});

/** The input that expected.json states, as NCHW. */
function inputByFormula(height: number, width: number): Float32Array {
  const plane = height * width;
  const data = new Float32Array(3 * plane);
  for (let i = 0; i < 3 * plane; i++) {
    data[(i % 3) * plane + Math.floor(i / 3)] = 0.5 * Math.sin(0.37 * i) + 0.5 * Math.cos(0.0013 * i);
  }
  return data;
}

function channelsLast(data: Float32Array, channels: number, positions: number): Float32Array {
  const last = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) for (let p = 0; p < positions; p++) last[p * channels + c] = data[c * positions + p] ?? Number.NaN;
  return last;
}
