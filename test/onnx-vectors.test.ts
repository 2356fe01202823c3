/**
 * The ONNX codec against files of others: ONNX's own node tests (1,048 tensors, 347 models) and two topologies of the ONNX model zoo,
 * and against ONNX Runtime, which must read what is written here.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { messageOf } from "../src/errors.js";
import { bytesSource } from "../src/formats/byte-source.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { checkOps } from "../src/formats/onnx/check-ops.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { decodeTensor } from "../src/formats/onnx/decode-tensor.js";
import { appendMetadata, encodeModel } from "../src/formats/onnx/encode.js";
import { encodeTensor } from "../src/formats/onnx/encode-tensor.js";
import { summarizeOnnx } from "../src/formats/onnx/print.js";
import { INFERENCE_OPS } from "../src/formats/onnx/schemas.js";
import { looksLikeOnnx } from "../src/formats/onnx/sniff.js";
import { hostTensor, onnxTensor } from "../src/formats/onnx/tensor.js";
import type { OnnxModel, OnnxNode, OnnxTensor } from "../src/formats/onnx/types.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { sharedPath, titleNeeding } from "./shared.js";

const VECTORS = "data/onnx_node_vectors";
const vectors = sharedPath(VECTORS);
const FORMATS = "data/model_formats";
const formats = sharedPath(FORMATS);

/** The tests whose files are an OptionalProto or a SequenceProto, which are other messages than a TensorProto. */
const NOT_TENSORS: ReadonlySet<string> = new Set(["test_identity_opt", "test_identity_sequence"]);

/** The operators that our networks are lowered to, with Identity and Constant. */
const OUR_OPS: ReadonlySet<string> = new Set([
  "Add",
  "AveragePool",
  "BatchNormalization",
  "Clip",
  "Concat",
  "Constant",
  "Conv",
  "ConvTranspose",
  "Dropout",
  "Gemm",
  "GlobalAveragePool",
  "Identity",
  "LRN",
  "MatMul",
  "MaxPool",
  "Mul",
  "ReduceL2",
  "Relu",
  "Softmax",
]);

interface Vector {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

function readVectors(root: string): readonly Vector[] {
  return readdirSync(root)
    .filter((name) => existsSync(path.join(root, name, "model.onnx")))
    .map((name) => {
      const data = path.join(root, name, "test_data_set_0");
      const files = (prefix: string) =>
        readdirSync(data)
          .filter((file) => file.startsWith(prefix))
          .map((file) => path.join(data, file));
      return { name, bytes: readFileSync(path.join(root, name, "model.onnx")), inputs: files("input_"), outputs: files("output_") };
    });
}

const all = vectors === null ? [] : readVectors(vectors);

describe.skipIf(vectors === null)(titleNeeding("ONNX node tests", vectors, VECTORS), () => {
  test("every model is recognized, decoded, and unchanged by a round trip", async () => {
    expect(all).toHaveLength(347);
    for (const { name, bytes } of all) {
      const model = decodeModel(bytes, { name });
      expect(await looksLikeOnnx(bytesSource(name, bytes)), name).toBe(true);
      expect(decodeModel(concatChunks(encodeModel(model).chunks), { name }), name).toEqual(model);
    }
  });

  test("every tensor is decoded, and unchanged by a round trip", () => {
    let count = 0;
    for (const { name, inputs, outputs } of all) {
      if (NOT_TENSORS.has(name)) continue;
      for (const file of [...inputs, ...outputs]) {
        const tensor = decodeTensor(readFileSync(file), { name: file });
        const again = decodeTensor(encodeTensor(tensor), { name: file });
        expect({ ...again, data: null }).toEqual({ ...tensor, data: null });
        // Compared as blocks of memory: element by element takes seconds for the larger ones.
        expect(Buffer.compare(again.data, tensor.data), file).toBe(0);
        count++;
      }
    }
    expect(count).toBe(1044);
  });

  const ours = all
    .filter(({ name }) => !NOT_TENSORS.has(name))
    .filter(({ bytes }) => Object.keys(summarizeOnnx(decodeModel(bytes)).ops).every((op) => OUR_OPS.has(op)));

  test(`${ours.length} models of our operators give their outputs after a round trip, in ONNX Runtime`, async () => {
    expect(ours.length).toBeGreaterThan(80);
    for (const vector of ours) await expectOutputs(vector);
  });

  test("every model of operators for inference passes their schemas, but batch normalization for training", () => {
    const models = all
      .filter(({ name }) => !NOT_TENSORS.has(name))
      .map(({ name, bytes }) => ({ name, model: decodeModel(bytes, { name }) }))
      .filter(({ model }) => Object.keys(summarizeOnnx(model).ops).every((op) => INFERENCE_OPS.has(op)));
    expect(models.length).toBeGreaterThan(200);
    const refused = models.flatMap(({ name, model }) => schemaRefusal(name, model));
    expect(refused).toEqual([
      'Cannot load "test_batchnorm_epsilon_training_mode": graph.node[0] (BatchNormalization) has 3 outputs, expected 1',
      'Cannot load "test_batchnorm_example_training_mode": graph.node[0] (BatchNormalization) has 3 outputs, expected 1',
    ]);
  });
});

function schemaRefusal(name: string, model: OnnxModel): readonly string[] {
  try {
    checkOps(model, INFERENCE_OPS, name);
    return [];
  } catch (thrown) {
    return [messageOf(thrown)];
  }
}

async function expectOutputs({ name, bytes, inputs, outputs }: Vector): Promise<void> {
  const model = decodeModel(bytes, { name });
  const feeds = model.graph.inputs.map(({ name }, i) => [name, readHostTensor(inputs[i])] as const);
  const results = await runModel(model, new Map(feeds));
  expect(results).toHaveLength(outputs.length);
  for (const [i, result] of results.entries()) expectClose(result, readHostTensor(outputs[i]), `${name} output ${i}`);
}

function readHostTensor(file: string | undefined): Tensor {
  if (file === undefined) throw new Error("the test has fewer files than the model has values");
  return hostTensor(decodeTensor(readFileSync(file), { name: file }));
}

async function runModel(model: OnnxModel, feeds: ReadonlyMap<string, Tensor>): Promise<readonly Tensor[]> {
  const session = await InferenceSession.create(concatChunks([...encodeModel(model).chunks, appendMetadata([["k", "v"]])]));
  try {
    const ortFeeds: Record<string, OrtTensor> = {};
    for (const [name, tensor] of feeds) ortFeeds[name] = toOrt(tensor);
    const results = await session.run(ortFeeds);
    return model.graph.outputs.map(({ name }) => fromOrt(results[name]));
  } finally {
    await session.release();
  }
}

function toOrt({ dtype, shape, data }: Tensor): OrtTensor {
  if (data instanceof Float32Array) return new OrtTensor("float32", data, shape);
  if (data instanceof BigInt64Array) return new OrtTensor("int64", data, shape);
  if (data instanceof Int8Array) return new OrtTensor("int8", data, shape);
  if (data instanceof Uint8Array) return new OrtTensor(dtype === "bool" ? "bool" : "uint8", data, shape);
  throw new Error(`no test feeds ${dtype}`);
}

function fromOrt(tensor: OrtTensor | undefined): Tensor {
  const { data, dims, type } = tensor ?? { data: null, dims: [], type: "none" };
  if (data instanceof Float32Array) return { dtype: "float32", shape: dims, data };
  if (data instanceof BigInt64Array) return { dtype: "int64", shape: dims, data };
  if (data instanceof Int8Array) return { dtype: "int8", shape: dims, data };
  if (data instanceof Uint8Array) return { dtype: type === "bool" ? "bool" : "uint8", shape: dims, data };
  throw new Error(`no test gives ${type}`);
}

/** The tolerance of ONNX's own runner of these tests. */
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;

function expectClose(actual: Tensor, expected: Tensor, what: string): void {
  expect({ dtype: actual.dtype, shape: actual.shape }, what).toEqual({ dtype: expected.dtype, shape: expected.shape });
  let worst = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(actual.data[i]), Number(expected.data[i])];
    if (!Object.is(a, b)) worst = Math.max(worst, Math.abs(a - b) - RELATIVE * Math.abs(b));
  }
  expect(worst, what).toBeLessThanOrEqual(ABSOLUTE);
}

describe.skipIf(formats === null)(titleNeeding("GoogLeNet and Inception-BN of the ONNX model zoo", formats, FORMATS), () => {
  test.each([
    ["light_inception_v1.onnx", { nodes: 237, initializers: 118, Conv: 57, LRN: 2 }],
    ["light_inception_v2.onnx", { nodes: 916, initializers: 486, Conv: 69, LRN: undefined }],
  ])("%s", async (file, expected) => {
    const bytes = readFileSync(path.join(formats ?? "", file));
    const model = decodeModel(bytes, { name: file });
    const summary = summarizeOnnx(model);
    expect({ nodes: summary.nodes, initializers: summary.initializers, Conv: summary.ops.Conv, LRN: summary.ops.LRN }).toEqual(expected);
    expect(summary.inputs).toEqual([{ name: "data_0", dtype: "float32", shape: [1, 3, 224, 224], kind: "tensor" }]);
    expect(summary.outputs).toEqual([{ name: "prob_1", dtype: "float32", shape: [1, 1000], kind: "tensor" }]);
    const image: Tensor = { dtype: "float32", shape: [1, 3, 224, 224], data: new Float32Array(3 * 224 * 224).fill(0.5) };
    const [output] = await runModel(model, new Map([["data_0", image]]));
    // What ONNX Runtime makes of the file as it is.
    const session = await InferenceSession.create(bytes);
    expect(output?.data).toEqual((await session.run({ data_0: toOrt(image) })).prob_1?.data);
    await session.release();
  });
});

describe("ONNX Runtime computes with models that are written here", () => {
  const node = (opType: string, inputs: readonly string[], output: string, attributes: OnnxNode["attributes"] = []): OnnxNode => ({
    opType,
    domain: "",
    name: output,
    inputs,
    outputs: [output],
    attributes,
  });
  const floats = (name: string, shape: readonly number[], data: Float32Array): OnnxTensor =>
    onnxTensor(name, { dtype: "float32", shape, data });

  test("MatMul, Add, Mul, ReduceL2 with small and large weights, by hand", async () => {
    // [1, 2048] ones · [2048, 2] (first column 1, second 2) = [2048, 4096]; + [-2045, -4092] = [3, 4]; · 2 = [6, 8]; norm 10.
    const weight = Float32Array.from({ length: 4096 }, (_, i) => 1 + (i % 2));
    const model: OnnxModel = {
      irVersion: 9,
      opsets: [{ domain: "", version: 18 }],
      producerName: "test",
      producerVersion: "",
      metadata: new Map([["labels", "a\nb"]]),
      graph: {
        name: "norm",
        nodes: [
          node("MatMul", ["x", "weight"], "product"),
          node("Add", ["product", "bias"], "sum"),
          node("Mul", ["sum", "two"], "twice"),
          node("ReduceL2", ["twice", "axes"], "norm", [{ name: "keepdims", type: "int", value: 0 }]),
        ],
        initializers: [
          floats("bias", [2], Float32Array.of(-2045, -4092)),
          floats("weight", [2048, 2], weight),
          floats("two", [], Float32Array.of(2)),
          { name: "axes", dtype: "int64", shape: [1], data: new Uint8Array(BigInt64Array.of(-1n).buffer) },
        ],
        inputs: [{ name: "x", dtype: "float32", shape: ["N", 2048] }],
        outputs: [
          { name: "twice", dtype: "float32", shape: ["N", 2] },
          { name: "norm", dtype: "float32", shape: ["N"] },
        ],
        valueInfo: [],
      },
    };
    expect(encodeModel(model).chunks).toHaveLength(3);
    const ones: Tensor = { dtype: "float32", shape: [1, 2048], data: new Float32Array(2048).fill(1) };
    expect(await runModel(model, new Map([["x", ones]]))).toEqual([
      { dtype: "float32", shape: [1, 2], data: Float32Array.of(6, 8) },
      { dtype: "float32", shape: [1], data: Float32Array.of(10) },
    ]);
  });

  test("subgraphs: If takes the branch that the condition says", async () => {
    const branch = (name: string, value: number) => ({
      name,
      nodes: [node("Constant", [], name, [{ name: "value", type: "tensor", value: floats("", [], Float32Array.of(value)) }])],
      initializers: [],
      inputs: [],
      outputs: [{ name, dtype: "float32", shape: [] } as const],
      valueInfo: [],
    });
    const model: OnnxModel = {
      irVersion: 9,
      opsets: [{ domain: "", version: 18 }],
      producerName: "",
      producerVersion: "",
      metadata: new Map(),
      graph: {
        name: "choice",
        nodes: [
          node("If", ["c"], "y", [
            { name: "then_branch", type: "graph", value: branch("yes", 1) },
            { name: "else_branch", type: "graph", value: branch("no", -1) },
          ]),
        ],
        initializers: [],
        inputs: [{ name: "c", dtype: "bool", shape: [] }],
        outputs: [{ name: "y", dtype: "float32", shape: [] }],
        valueInfo: [],
      },
    };
    const run = (condition: number) => runModel(model, new Map([["c", { dtype: "bool", shape: [], data: Uint8Array.of(condition) }]]));
    expect(await run(1)).toEqual([{ dtype: "float32", shape: [], data: Float32Array.of(1) }]);
    expect(await run(0)).toEqual([{ dtype: "float32", shape: [], data: Float32Array.of(-1) }]);
  });
});
