/** TensorFlow.js models: files that TensorFlow.js itself wrote, values as it reads them, and files that are not as they should be. */
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { besideSource } from "../../../test/beside-source.js";
import { type ByteSource, bytesSource } from "../../formats/byte-source.js";
import { openWeightFile } from "./index.js";

const text = new TextEncoder();

/** A model.json whose shards are these. */
function model(json: unknown, shards: Readonly<Record<string, Uint8Array>>): ByteSource {
  const index = text.encode(typeof json === "string" ? json : JSON.stringify(json));
  return besideSource("m/model.json", { index, data: new Map(Object.entries(shards)) });
}

async function valuesOf(source: ByteSource): Promise<ReadonlyMap<string, readonly number[]>> {
  const { tensors } = await openWeightFile(source);
  const read = [...tensors.values()].map(
    async (entry) => [entry.name, Array.from((await entry.read()).data as Float32Array, Number)] as const,
  );
  return new Map(await Promise.all(read));
}

const failure = (code: string, fact: string): unknown =>
  expect.objectContaining({ code, message: `Cannot read TensorFlow.js model "m/model.json": ${fact}` });

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** What TensorFlow.js hands to whoever stores a model. */
async function saved(save: (handler: tf.io.IOHandler) => Promise<unknown>): Promise<tf.io.ModelArtifacts> {
  let found: tf.io.ModelArtifacts | null = null;
  await save({
    save: async (artifacts) => {
      found = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  if (found === null) throw new RangeError("Cannot save: TensorFlow.js gave nothing");
  return found;
}

/** The stored form of a model, its bytes cut into shards of this many bytes. */
function stored({ modelTopology, format, weightSpecs, weightData }: tf.io.ModelArtifacts, shardBytes: number) {
  const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  const count = Math.ceil(bytes.length / shardBytes);
  const names = Array.from({ length: count }, (_, index) => `group1-shard${index + 1}of${count}.bin`);
  const shards = Object.fromEntries(names.map((name, index) => [name, bytes.subarray(index * shardBytes, (index + 1) * shardBytes)]));
  return { json: { modelTopology, format, weightsManifest: [{ paths: names, weights: weightSpecs }] }, shards };
}

describe("models that TensorFlow.js wrote", () => {
  test.each([7, 64, 1 << 20])("layers models, in shards of %i bytes", async (shardBytes) => {
    const net = tf.sequential({
      layers: [
        tf.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 3], name: "conv2d_1" }),
        tf.layers.batchNormalization({ name: "batch_normalization_1" }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2, name: "dense_1" }),
      ],
    });
    const { json, shards } = stored(await saved((handler) => net.save(handler)), shardBytes);
    const source = model(json, shards);
    const file = await openWeightFile(source);
    expect([file.format, file.metadata]).toEqual(["TensorFlow.js", { "tensorflow.js.format": "layers-model" }]);
    expect([...file.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual(
      net.weights.map(({ originalName, shape }) => [originalName, "float32", shape]),
    );
    const values = await valuesOf(source);
    for (const weight of net.weights) expect(values.get(weight.originalName)).toEqual([...weight.read().dataSync()]);
  });

  test("graph models", async () => {
    const node = (name: string, shape: readonly number[]) => ({
      name,
      op: "Const",
      attr: {
        dtype: { type: "DT_FLOAT" },
        value: { tensor: { dtype: "DT_FLOAT", tensorShape: { dim: shape.map((size) => ({ size })) } } },
      },
    });
    const name = "InceptionV1/Conv2d_1a_7x7/weights";
    const weights = { [name]: tf.tensor([0.5, -1.5, 3, 1e-8, 7, 8], [1, 1, 2, 3]), axis: tf.tensor([1, 2], [2], "int32") };
    const { data, specs } = await tf.io.encodeWeights(weights);
    const nodes = [{ name: "x", op: "Placeholder", attr: { dtype: { type: "DT_FLOAT" } } }, node(name, [1, 1, 2, 3]), node("axis", [2])];
    const artifacts = {
      modelTopology: { node: nodes, versions: { producer: 27 } },
      format: "graph-model",
      weightSpecs: specs,
      weightData: data,
    };
    const opened = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
    const copy = await saved((handler) => opened.save(handler));
    const { json, shards } = stored(copy, 16);
    const { metadata } = await openWeightFile(model(json, shards));
    expect(metadata).toEqual({ "tensorflow.js.format": "graph-model" });
    expect(await valuesOf(model(json, shards))).toEqual(
      new Map(Object.entries(weights).map(([key, tensor]) => [key, [...tensor.dataSync()]])),
    );
  });

  test("numbers that stand for others are what TensorFlow.js reads", async () => {
    const bytes = Uint8Array.from({ length: 64 }, (_, index) => (index * 37) % 256);
    const weights = [
      { name: "u8", shape: [3, 2], dtype: "float32", quantization: { dtype: "uint8", scale: 0.0123456789012345, min: -1.1 } },
      { name: "u16", shape: [2], dtype: "float32", quantization: { dtype: "uint16", scale: 1e-5, min: 0.25 } },
      { name: "half", shape: [4], dtype: "float32", quantization: { dtype: "float16" } },
      { name: "integers", shape: [3], dtype: "int32", quantization: { dtype: "uint8", scale: 0.5, min: -7 } },
      { name: "plain", shape: [2], dtype: "float32" },
      { name: "flags", shape: [], dtype: "bool" },
    ] as const;
    const total = 6 + 4 + 8 + 3 + 8 + 1;
    const decoded = tf.io.decodeWeights(
      bytes.slice(0, total).buffer,
      weights.map((spec) => ({ ...spec, shape: [...spec.shape] })),
    );
    const values = await valuesOf(
      model(
        { weightsManifest: [{ paths: ["./a.bin", "b.bin"], weights }] },
        { "a.bin": bytes.subarray(0, 7), "b.bin": bytes.subarray(7, total) },
      ),
    );
    for (const { name } of weights) expect([name, values.get(name)]).toEqual([name, [...(decoded[name]?.dataSync() ?? [])]]);
    expect(values.size).toBe(weights.length);
  });
});

const SHARDS = { "a.bin": new Uint8Array(24) };
const W = { name: "w", shape: [2, 3], dtype: "float32" };
const one = (weight: unknown, paths: unknown = ["a.bin"]) => ({ weightsManifest: [{ paths, weights: [weight] }] });
const outside = (shown: string) => `the path of a shard is ${shown}, expected the name of a file in the same directory`;

describe("models that are not as they should be", () => {
  test.each<[string, unknown, string, string]>([
    ["a manifest that is no list", { weightsManifest: {} }, "FILE_CORRUPT", "weightsManifest is not a list"],
    ["a group that is no object", { weightsManifest: [3] }, "FILE_CORRUPT", "weightsManifest[0] is not a JSON object"],
    ["a group without paths", { weightsManifest: [{ weights: [] }] }, "FILE_CORRUPT", "weightsManifest[0].paths is not a list"],
    ["a tensor without a name", one({ shape: [], dtype: "float32" }), "FILE_CORRUPT", "weightsManifest[0].weights[0] has no name"],
    ["a shard in another directory", one(W, ["../a.bin"]), "FILE_UNSAFE", outside('"../a.bin"')],
    ["a shard below", one(W, ["b/a.bin"]), "FILE_UNSAFE", outside('"b/a.bin"')],
    ["a shard of Windows", one(W, ["..\\a.bin"]), "FILE_UNSAFE", outside('"..\\a.bin"')],
    ["a shard with a drive", one(W, ["c:a.bin"]), "FILE_UNSAFE", outside('"c:a.bin"')],
    ["an absolute shard", one(W, ["/etc/passwd"]), "FILE_UNSAFE", outside('"/etc/passwd"')],
    ["a shard of the web", one(W, ["https://host/a.bin"]), "FILE_UNSAFE", outside('"https://host/a.bin"')],
    ["the directory above as a shard", one(W, [".."]), "FILE_UNSAFE", outside('".."')],
    ["the directory itself as a shard", one(W, ["./"]), "FILE_UNSAFE", outside('"./"')],
    ["a shard with a line break", one(W, ["a\nb"]), "FILE_UNSAFE", outside('"a b"')],
    ["a shard that is a number", one(W, [3]), "FILE_UNSAFE", outside("not a string")],
    ["a shard listed twice", one({ ...W, shape: [4, 3] }, ["a.bin", "./a.bin"]), "FILE_CORRUPT", 'shard "a.bin" is listed twice'],
    [
      "shards without end",
      one(
        W,
        Array.from({ length: 513 }, (_, index) => `${index}.bin`),
      ),
      "FILE_LIMIT",
      "it has 513 shards, the limit is 512",
    ],
    [
      "fewer bytes than listed",
      one({ ...W, shape: [7] }),
      "FILE_TRUNCATED",
      'its 1 shards ("a.bin", …) have 24 bytes, the manifest lists 28',
    ],
    ["more bytes than listed", one({ ...W, shape: [5] }), "FILE_CORRUPT", 'its 1 shards ("a.bin", …) have 24 bytes, the manifest lists 20'],
    [
      "tensors that take more than every file",
      { weightsManifest: [{ paths: [], weights: Array.from({ length: 9 }, (_, i) => ({ ...W, name: `${i}`, shape: [2 ** 50] })) }] },
      "FILE_CORRUPT",
      "the tensors of weightsManifest[0] need 2^53 bytes or more",
    ],
  ])("%s", async (_, json, code, fact) => {
    await expect(openWeightFile(model(json, SHARDS))).rejects.toEqual(failure(code, fact));
  });

  const SHAPE = "shape must be a list of at most 64 integers with a product below 2^53";
  const KINDS = "supported are float32 to float16, and float32 and int32 to uint8 and uint16";
  const NO_SCALE = "its quantization has no finite scale and min";
  test.each<[string, unknown, string, string]>([
    ["a negative dimension", { ...W, shape: [-1] }, "FILE_CORRUPT", SHAPE],
    ["a shape without end", { ...W, shape: Array<number>(65).fill(1) }, "FILE_CORRUPT", SHAPE],
    ["a product above 2^53", { ...W, shape: [2 ** 30, 2 ** 30] }, "FILE_CORRUPT", SHAPE],
    [
      "texts",
      { ...W, dtype: "string" },
      "FILE_UNSUPPORTED",
      'dtype "string" is not supported, supported are float32, float16, int32, uint8, uint16, bool',
    ],
    [
      "a type of another kind",
      { ...W, dtype: ["float32"] },
      "FILE_UNSUPPORTED",
      "dtype not a string is not supported, supported are float32, float16, int32, uint8, uint16, bool",
    ],
    [
      "integers of 4 bits",
      { ...W, quantization: { dtype: "uint4", scale: 1, min: 0 } },
      "FILE_UNSUPPORTED",
      `float32 quantized to "uint4" is not supported, ${KINDS}`,
    ],
    [
      "quantized flags",
      { ...W, dtype: "bool", quantization: { dtype: "uint8", scale: 1, min: 0 } },
      "FILE_UNSUPPORTED",
      `bool quantized to "uint8" is not supported, ${KINDS}`,
    ],
    [
      "a quantization without a type",
      { ...W, quantization: {} },
      "FILE_UNSUPPORTED",
      `float32 quantized to not a string is not supported, ${KINDS}`,
    ],
    ["no minimum", { ...W, quantization: { dtype: "uint8", scale: 1 } }, "FILE_CORRUPT", NO_SCALE],
    [
      "a scale that is infinite",
      { ...W, quantization: { dtype: "uint8", scale: Number.POSITIVE_INFINITY, min: 0 } },
      "FILE_CORRUPT",
      NO_SCALE,
    ],
  ])("%s", async (_, weight, code, fact) => {
    const json = JSON.stringify(one(weight)).replace('"scale":null', '"scale":1e999');
    const message = `Cannot read tensor "w" of "m/model.json": ${fact}`;
    await expect(openWeightFile(model(json, SHARDS))).rejects.toMatchObject({ code, message });
  });

  test("two tensors of one name", async () => {
    const half = { ...W, shape: [3] };
    const json = { weightsManifest: [{ paths: ["a.bin"], weights: [half, half] }] };
    const message = 'Cannot read weights from "m/model.json": two tensors are named "w"';
    await expect(openWeightFile(model(json, SHARDS))).rejects.toMatchObject({ code: "FILE_CORRUPT", message });
  });

  test("a shard that is not there", async () => {
    await expect(openWeightFile(model(one(W, ["b.bin"]), SHARDS))).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: 'Cannot open "b.bin": there is no such file',
    });
  });

  test("a model.json where there are no other files", async () => {
    const source = bytesSource("m/model.json", text.encode(JSON.stringify(one(W))));
    await expect(openWeightFile(source)).rejects.toEqual(
      failure("FILE_UNSUPPORTED", "its values are in other files; open it from a directory"),
    );
  });

  test("a model.json of more bytes than one needs", async () => {
    const source = model(`{"weightsManifest":[]${" ".repeat(8 * 2 ** 20)}}`, {});
    await expect(openWeightFile(source)).rejects.toEqual(
      failure("FILE_LIMIT", `it has ${(8 * 2 ** 20 + 22).toLocaleString("en-US")} bytes, the limit is 8,388,608`),
    );
  });

  test("a model.json that is not UTF-8", async () => {
    const bytes = Uint8Array.from([...text.encode('{"weightsManifest":["'), 0xff, ...text.encode('"]}')]);
    await expect(openWeightFile({ ...model("", {}), ...bytesSource("m/model.json", bytes) })).rejects.toEqual(
      failure("FILE_CORRUPT", "it is not UTF-8"),
    );
  });

  test("JSON of something else is not claimed", async () => {
    for (const json of [{ input: 3 }, { format: "x" }, []]) {
      await expect(openWeightFile(model(json, {}))).rejects.toMatchObject({ code: "FILE_UNRECOGNIZED" });
    }
  });
});
