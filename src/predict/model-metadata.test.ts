import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import {
  encodeModelMetadata,
  everyNth,
  goldenDifference,
  goldenDifferences,
  goldenFeeds,
  goldenInput,
  METADATA_KEY,
  type ModelMetadata,
  parseModelMetadata,
  sampleStride,
} from "./model-metadata.js";

const METADATA: ModelMetadata = {
  model: "googlenet.public",
  options: { numClasses: 2, inputSize: [64, 64], aux: false },
  preprocessing: {
    resize: { kind: "warp", size: 64, filter: "bilinear" },
    crop: null,
    channelOrder: "RGB",
    mean: [127.5, 127.5, 127.5],
    std: [127.5, 127.5, 127.5],
  },
  labels: ["cat", "dog"],
  source: "weights.safetensors, by torchvision names",
  licence: "Apache-2.0",
  weightsSha256: "ab".repeat(32),
  golden: { key: "golden:x", shape: [1, 3, 64, 64], low: -1, high: 1, outputs: { logits: [Math.fround(0.1), -2.5] } },
};

function parse(text: string): ModelMetadata | null {
  return parseModelMetadata([[METADATA_KEY, text]], "model.onnx");
}

function faultOf(change: Readonly<Record<string, unknown>>): string {
  try {
    parse(JSON.stringify({ ...(JSON.parse(encodeModelMetadata(METADATA)) as object), ...change }));
  } catch (thrown) {
    if (thrown instanceof InceptionError) return thrown.message;
    throw thrown;
  }
  return "";
}

describe("what a file says about itself", () => {
  test("survives the way into metadata and back, float32 values to the last bit", () => {
    const parsed = parse(encodeModelMetadata(METADATA));
    const logits = parsed?.golden?.outputs.logits?.map(Math.fround);
    expect({ ...parsed, golden: { ...parsed?.golden, outputs: { logits } } }).toEqual(METADATA);
  });

  test("of a file that segments: what its input is, a sample of its logits, and its further inputs", () => {
    const golden = {
      key: "k",
      shape: [1, 1, 4, 4, 4],
      low: -1,
      high: 1,
      outputs: { logits: [1, 2] },
      strides: { logits: 13 },
      others: { mean: 0.5 },
    };
    const normalization = [{ name: "z_score", region: "all" }] as const;
    const segmentation = { spacing: null, normalization, patchSize: [4, 4, 4], labelValues: [0, 1] } as const;
    const metadata: ModelMetadata = { ...METADATA, segmentation, rawInput: "patch", golden };
    expect(parse(encodeModelMetadata(metadata))).toEqual(metadata);
    const feeds = goldenFeeds(
      golden,
      [
        { name: "voxels", dtype: "float32", shape: ["N", 1, 4, 4, 4] },
        { name: "mean", dtype: "float32", shape: ["N", 2] },
      ],
      "model.onnx",
    );
    expect(feeds).toEqual({ voxels: goldenInput(golden), mean: { dtype: "float32", shape: [1, 2], data: Float32Array.of(0.5, 0.5) } });
  });

  test("of a file with integers: how they were made", () => {
    const measured = { images: 64, kept: ["conv1.conv"], agreement: 0.98, evaluated: 110 };
    for (const quantization of [
      { kernelBits: 8, method: "minmax", ...measured },
      { kernelBits: 7, method: "percentile", percentile: 99.99, ...measured },
    ] as const) {
      const metadata: ModelMetadata = { ...METADATA, quantization };
      expect(parse(encodeModelMetadata(metadata))?.quantization).toEqual(quantization);
      for (const damage of [
        { kernelBits: 4 },
        { method: "mean" },
        { images: "64" },
        { kept: [1] },
        { agreement: null },
        { evaluated: "" },
      ]) {
        expect(faultOf({ quantization: { ...quantization, ...damage } })).toBe(
          'Cannot use the metadata "inceptionkit" of "model.onnx": it does not say how its integers were made',
        );
      }
    }
    expect(faultOf({ quantization: null })).toContain("it does not say how its integers were made");
  });

  test("a sample of many values meets every row and column, and of few it is all", () => {
    expect([sampleStride(10), sampleStride(1024), sampleStride(2 * 64 ** 3)]).toEqual([1, 1, 513]);
    const places = new Set(
      everyNth(
        Array.from({ length: 2 * 64 ** 3 }, (_, i) => i % 64),
        513,
      ),
    );
    expect(places.size).toBe(64);
    expect(everyNth([1, 2, 3, 4, 5], 2)).toEqual([1, 3, 5]);
    expect(everyNth([1, 2], Number.NaN)).toEqual([]);
  });

  test("every float32 keeps its value", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const golden = { key: "k", shape: [1], low: 0, high: 1, outputs: { y: [value] } };
        const [back] = parse(encodeModelMetadata({ ...METADATA, golden }))?.golden?.outputs.y ?? [];
        // JSON has no negative zero.
        expect(Math.fround(back ?? Number.NaN)).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test("is null where a file has none", () => {
    expect(parseModelMetadata([["other", "text"]], "model.onnx")).toBeNull();
  });

  test("damage is named", () => {
    expect(() => parse("{")).toThrowError(/^Cannot use the metadata "inceptionkit" of "model\.onnx": /);
    expect(faultOf({ version: 2 })).toBe('Cannot use the metadata of "model.onnx": its version is 2, expected 1');
    expect(faultOf({ model: 3 })).toBe('Cannot use the metadata "inceptionkit" of "model.onnx": it names no model with options');
    expect(faultOf({ licence: null })).toBe('Cannot use the metadata "inceptionkit" of "model.onnx": it states no source and licence');
    expect(faultOf({ labels: [1] })).toBe('Cannot use the metadata "inceptionkit" of "model.onnx": its labels are not a list of names');
    expect(faultOf({ network: {} })).toBe('Cannot use the metadata "inceptionkit" of "model.onnx": its network is not a text');
    expect(faultOf({ rawInput: "pixels" })).toBe(
      'Cannot use the metadata "inceptionkit" of "model.onnx": its raw input is not one of patch, volume',
    );
    const golden = 'Cannot use the metadata "inceptionkit" of "model.onnx": its self-check is not an input with outputs';
    expect(faultOf({ golden: {} })).toBe(golden);
    expect(faultOf({ golden: { ...METADATA.golden, shape: [1, 3, 1e9, 1e9] } })).toBe(golden);
    expect(faultOf({ golden: { ...METADATA.golden, shape: [-1, 3] } })).toBe(golden);
    expect(faultOf({ preprocessing: {} })).toBe('Cannot read the preprocessing of "model.onnx": resize is missing, expected an object');
  });

  test("a golden example whose numbers float32 cannot hold, or that has none, is rejected", () => {
    const place = 'Cannot use the metadata "inceptionkit" of "model.onnx": ';
    const general = `${place}its self-check is not an input with outputs`;
    const golden = { key: "k", shape: [1, 2], low: -1, high: 1, outputs: { y: [1, 2] } };
    const cases: readonly (readonly [change: object, message: string])[] = [
      [{ outputs: {} }, `${place}its self-check has no outputs`],
      [{ outputs: { y: [] } }, `${place}output "y" of its self-check is not a list of finite float32 values`],
      [{ outputs: { y: [1, 1e200] } }, `${place}output "y" of its self-check is not a list of finite float32 values`],
      [
        { outputs: { [`${"y".repeat(300)}\u001b`]: 1 } },
        `${place}output "${"y".repeat(200)}..." of its self-check is not a list of finite float32 values`,
      ],
      [{ strides: { y: 0 } }, `${place}field "strides" of its self-check has no usable number for "y"`],
      [{ strides: { y: 1.5 } }, `${place}field "strides" of its self-check has no usable number for "y"`],
      [{ others: { mean: -1e39 } }, `${place}field "others" of its self-check has no usable number for "mean"`],
      [{ others: [1] }, `${place}field "others" of its self-check has no usable number for ""`],
      [{ low: -1e300 }, general],
      [{ shape: [2 ** 31, 1] }, general],
      [{ shape: [1, 0] }, general],
      [{ shape: Array(65).fill(1) }, general],
    ];
    for (const [change, message] of cases) expect(faultOf({ golden: { ...golden, ...change } })).toBe(message);
    expect(() => parse(encodeModelMetadata(METADATA).replace('"low":-1', '"low":-1e999'))).toThrowError(general);
  });

  test("deep nesting is rejected before anything walks it, and what is echoed is cut", () => {
    const place = 'Cannot use the metadata "inceptionkit" of "model.onnx": ';
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    expect(() => parse(`{"version":1,"model":"m","options":{"a":${deep}}}`)).toThrowError(
      `${place}Cannot read its text as JSON: nesting is deeper than 16 at character 55`,
    );
    expect(() => parse(deep)).toThrowError(`${place}Cannot read its text as JSON: nesting is deeper than 16 at character 17`);
    expect(faultOf({ version: "2".repeat(5000) })).toBe(
      `Cannot use the metadata of "model.onnx": its version is "${"2".repeat(199)}..., expected 1`,
    );
    expect(() => parse(`"${" ".repeat(2 ** 24)}"`)).toThrowError(
      'Cannot use the metadata "inceptionkit" of "model.onnx": it has 16,777,218 characters, the limit is 16,777,216',
    );
  });

  test("a key of every object's prototype is a key", () => {
    const golden = { ...METADATA.golden, outputs: JSON.parse('{"__proto__":[1,2]}') as object };
    const text = JSON.stringify({ ...(JSON.parse(encodeModelMetadata(METADATA)) as object), golden });
    expect(Object.entries(parse(text)?.golden?.outputs ?? {})).toEqual([["__proto__", [1, 2]]]);
    expect(Object.getPrototypeOf(parse(text)?.golden?.outputs)).toBe(Object.prototype);
  });

  test("any other text is an metadata or a typed error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parse(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(InceptionError);
        }
      }),
    );
  });
});

describe("the golden example", () => {
  test("the input is the formula's", () => {
    // mulberry32 of "a": 0.62168…, 0.30822…, as test/goldens/README.md gives them.
    const input = goldenInput({ key: "a", shape: [1, 2], low: 0, high: 1, outputs: {} });
    expect([...input.data].map(Number)).toEqual([Math.fround(0.621685681398958), Math.fround(0.30822347407229245)]);
  });

  test("the limit on values is one for all inputs", () => {
    const golden = { key: "a", shape: [1, 2], low: 0, high: 1, outputs: { y: [1] } };
    const feeds =
      (shape: readonly (number | string)[], name = "second") =>
      () =>
        goldenFeeds(
          golden,
          [
            { name: "x", dtype: "float32", shape: [1, 2] },
            { name, dtype: "float32", shape },
          ],
          "m.onnx",
        );
    expect(feeds([2 ** 32, 2 ** 20])).toThrowError(
      'Cannot run the self-check of "m.onnx": input "second" has shape [4294967296, 1048576], expected at most 12,582,912 values in all inputs together',
    );
    expect(feeds([12_582_911])).toThrowError(/expected at most 12,582,912 values in all inputs together$/);
    expect(feeds([3, -1])).toThrowError(
      'Cannot run the self-check of "m.onnx": input "second" has shape [3, -1], expected sizes of 0 or more',
    );
    expect(Object.entries(feeds(["N", 2], "__proto__")())[1]).toEqual([
      "__proto__",
      { dtype: "float32", shape: [1, 2], data: new Float32Array(2) },
    ]);
  });

  test("no answer is close to values without a finite spread", () => {
    expect(goldenDifference([1e200, -1e200, 1e200], [1, 2, 3])).toBe(Number.POSITIVE_INFINITY);
    expect(goldenDifference([1, Number.POSITIVE_INFINITY], [1, Number.POSITIVE_INFINITY])).toBe(Number.POSITIVE_INFINITY);
    expect(goldenDifference([], [])).toBe(Number.POSITIVE_INFINITY);
  });

  test("outputs are compared by name, whole or every so many; a missing one differs", () => {
    const golden = { key: "k", shape: [1], low: 0, high: 1, outputs: { a: [1, 3], b: [1, 3] }, strides: { b: 2 } };
    const floats = (...values: number[]) => ({ dtype: "float32", shape: [values.length], data: Float32Array.from(values) }) as const;
    expect(goldenDifferences(golden, { a: floats(1, 3), b: floats(1, 9, 3.5) })).toBe(0.5);
    expect(goldenDifferences(golden, { a: floats(1, 3) })).toBe(Number.POSITIVE_INFINITY);
  });

  test("differences are in units of the spread", () => {
    expect(goldenDifference([1, 3], [1, 3.5])).toBe(0.5);
    expect(goldenDifference([2], [2.5])).toBe(0.25);
    expect(goldenDifference([1, 2], [1])).toBe(Number.POSITIVE_INFINITY);
    expect(goldenDifference([1, 2], [1, Number.NaN])).toBeNaN();
  });
});
