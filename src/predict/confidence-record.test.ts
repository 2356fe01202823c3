import { describe, expect, it } from "vitest";
import { encodeModelMetadata, METADATA_KEY, type ModelMetadata, parseModelMetadata } from "./model-metadata.js";
import { predictClasses } from "./predict.js";

const QUALITY = { nll: 0.5, brier: 0.3, ece: 0.02 };
const CALIBRATION = { temperature: 2, data: "photos", images: 200, before: { ...QUALITY, ece: 0.1 }, after: QUALITY };
const UNKNOWN = { score: "energy", threshold: 3.25, falseRejection: 0.05, data: "photos", images: 200 } as const;

const PLAIN: ModelMetadata = {
  model: "googlenet.public",
  options: {},
  preprocessing: null,
  labels: ["cat", "dog"],
  source: "weights",
  licence: "Apache-2.0",
  weightsSha256: null,
  golden: null,
};

function parsed(text: string): ModelMetadata | null {
  return parseModelMetadata([[METADATA_KEY, text]], "model.onnx");
}

function withField(field: string, value: unknown): () => unknown {
  return () => parsed(JSON.stringify({ version: 1, ...PLAIN, [field]: value }));
}

describe("calibration in the metadata of a file", () => {
  it("survives writing and reading, and changes no file without it", () => {
    const metadata = { ...PLAIN, calibration: CALIBRATION, unknown: UNKNOWN };
    expect(parsed(encodeModelMetadata(metadata))).toEqual(metadata);
    expect(encodeModelMetadata(PLAIN)).toBe(JSON.stringify({ version: 1, ...PLAIN }));
    expect(parsed(encodeModelMetadata(PLAIN))).toEqual(PLAIN);
  });

  it.each<[unknown]>([
    [null],
    ["x"],
    [[]],
    [{}],
    [{ ...CALIBRATION, temperature: 0 }],
    [{ ...CALIBRATION, temperature: -1 }],
    [{ ...CALIBRATION, temperature: 1e300 }],
    [{ ...CALIBRATION, temperature: "2" }],
    [{ ...CALIBRATION, images: 0.5 }],
    [{ ...CALIBRATION, images: 0 }],
    [{ ...CALIBRATION, data: 3 }],
    [{ ...CALIBRATION, before: null }],
    [{ ...CALIBRATION, after: { ...QUALITY, ece: 2 } }],
    [{ ...CALIBRATION, after: { ...QUALITY, nll: -1 } }],
  ])("refuses calibration %j", (calibration) => {
    const fact = "its calibration has missing fields or values out of range";
    expect(withField("calibration", calibration)).toThrowError(`Cannot use the metadata "inceptionkit" of "model.onnx": ${fact}`);
  });

  it.each<[unknown]>([
    [null],
    [{}],
    [{ ...UNKNOWN, score: "__proto__" }],
    [{ ...UNKNOWN, threshold: null }],
    [{ ...UNKNOWN, threshold: "3" }],
    [{ ...UNKNOWN, falseRejection: 1.5 }],
    [{ ...UNKNOWN, images: -1 }],
  ])("refuses threshold %j", (unknown) => {
    const fact = "its threshold for unknown images has missing fields or values out of range";
    expect(withField("unknown", unknown)).toThrowError(`Cannot use the metadata "inceptionkit" of "model.onnx": ${fact}`);
  });

  it("refuses a threshold that JSON writes and a number cannot hold", () => {
    const text = JSON.stringify({ version: 1, ...PLAIN, unknown: UNKNOWN }).replace("3.25", "1e999");
    expect(() => parsed(text)).toThrowError("threshold for unknown images");
  });
});

describe("predictClasses", () => {
  const logits = Float32Array.of(2 * Math.log(3), 0);

  it("divides logits by the temperature", () => {
    const [best, other] = predictClasses(logits, 2, { labels: PLAIN.labels, calibration: CALIBRATION });
    expect(best).toMatchObject({ index: 0, className: "cat" });
    expect([best?.probability, other?.probability]).toEqual([expect.closeTo(3 / 4, 6), expect.closeTo(1 / 4, 6)]);
    expect(predictClasses(logits, 1, PLAIN)[0]?.probability).toBeCloseTo(9 / 10, 6);
    expect("unknown" in predictClasses(logits, 1, PLAIN)).toBe(false);
  });

  it.each([
    ["max-softmax", 9 / 10],
    ["max-logit", 2 * Math.log(3)],
    ["energy", Math.log(10)],
  ] as const)("compares %s of the logits, not of the calibrated ones, with the threshold", (score, value) => {
    const decide = (threshold: number) =>
      predictClasses(logits, 1, { labels: null, calibration: CALIBRATION, unknown: { ...UNKNOWN, score, threshold } }).unknown;
    const found = { method: score, score: expect.closeTo(value, 6) as number };
    expect(decide(value + 1e-3)).toEqual({ ...found, isUnknown: true, threshold: value + 1e-3 });
    expect(decide(value - 1e-3)).toEqual({ ...found, isUnknown: false, threshold: value - 1e-3 });
  });
});
