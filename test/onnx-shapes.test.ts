/** Shapes inferred before a graph runs: against ONNX's own vectors, ONNX Runtime, published counts, and the limits. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { compileInference } from "../src/compile/compile.js";
import { InceptionError } from "../src/errors.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { checkOps } from "../src/formats/onnx/check-ops.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { decodeTensor } from "../src/formats/onnx/decode-tensor.js";
import { encodeModel } from "../src/formats/onnx/encode.js";
import { checkRun, DEFAULT_RUN_LIMITS, declaredFeeds } from "../src/formats/onnx/run-limits.js";
import { graphForm, inferGraph } from "../src/formats/onnx/shapes/infer.js";
import { valueOfTensor } from "../src/formats/onnx/shapes/layout.js";
import type { Site, Value } from "../src/formats/onnx/shapes/value.js";
import type { OnnxModel } from "../src/formats/onnx/types.js";
import { findModel, MODELS } from "../src/models/index.js";
import { goldenParameters } from "../src/weights/index.js";
import { architecture } from "./architectures.js";
import { batchFeeds, formOfGraph } from "./onnx-forms.js";
import { sharedPath, titleNeeding } from "./shared.js";

const VECTORS = "data/onnx_node_vectors";
const vectors = sharedPath(VECTORS);
const SITE: Site = { action: 'load "x"', code: "FILE_CORRUPT" };

/** Their files are an OptionalProto and a SequenceProto. */
const NOT_TENSORS = ["test_identity_opt", "test_identity_sequence"];

function loadableVectors(root: string): readonly { readonly name: string; readonly model: OnnxModel }[] {
  return readdirSync(root)
    .filter((name) => existsSync(path.join(root, name, "model.onnx")) && !NOT_TENSORS.includes(name))
    .map((name) => ({ name, model: decodeModel(readFileSync(path.join(root, name, "model.onnx")), { name }) }))
    .filter(({ name, model }) => isAllowed(model, name));
}

function isAllowed(model: OnnxModel, name: string): boolean {
  try {
    checkOps(model, undefined, name);
    return true;
  } catch (thrown) {
    if (thrown instanceof InceptionError && thrown.code === "FILE_UNSAFE") return false;
    throw thrown;
  }
}

function readValue(root: string, vector: string, file: string): Value {
  return valueOfTensor(decodeTensor(readFileSync(path.join(root, vector, "test_data_set_0", file)), { name: file }));
}

/** Types of all values of a model for given inputs. */
function inferAll(model: OnnxModel, feeds: ReadonlyMap<string, Value>): ReadonlyMap<string, Value | null> {
  const values = new Map<string, Value | null>(feeds);
  for (const { node, inferred } of inferGraph(graphForm(model, "x"), feeds, SITE)) {
    for (const [index, name] of node.outputs.entries()) values.set(name, inferred?.outputs[index] ?? null);
  }
  return values;
}

describe.skipIf(vectors === null)(titleNeeding("ONNX node tests", vectors, VECTORS), () => {
  test("every output has the inferred type, and where it is known before it is computed, the inferred elements", () => {
    const root = vectors ?? "";
    const loadable = loadableVectors(root);
    const known = { types: 0, elements: 0 };
    for (const { name, model } of loadable) {
      const inputs = model.graph.inputs.map((input, at) => [input.name, readValue(root, name, `input_${at}.pb`)] as const);
      const values = inferAll(model, new Map(inputs));
      for (const [at, output] of model.graph.outputs.entries()) {
        const [inferred, expected] = [values.get(output.name), readValue(root, name, `output_${at}.pb`)];
        expect({ dtype: inferred?.dtype, shape: inferred?.shape }, name).toEqual({ dtype: expected.dtype, shape: expected.shape });
        known.types++;
        if (inferred?.numbers == null || expected.numbers === null) continue;
        expect(inferred.numbers, name).toEqual(expected.numbers);
        known.elements++;
      }
    }
    expect(loadable.length).toBeGreaterThan(215);
    expect(known.types).toBeGreaterThan(220);
    expect(known.elements).toBeGreaterThan(10);
  });
});

describe("networks", () => {
  const unlimited = Number.POSITIVE_INFINITY;
  const NO_LIMITS = {
    valueBytes: unlimited,
    memoryBytes: unlimited,
    outputBytes: unlimited,
    macs: unlimited,
    trafficBytes: unlimited,
  };

  test.each(MODELS.map((model) => [model.id, model] as const))("%s at batch 64 is within the limits", (_id, model) => {
    const form = formOfGraph(model.describe({}));
    const cost = checkRun(form, batchFeeds(form, 64), DEFAULT_RUN_LIMITS, SITE);
    const one = checkRun(form, batchFeeds(form, 1), DEFAULT_RUN_LIMITS, SITE);
    // Nothing went uncounted: all but constants grows with the batch.
    expect(cost.valueBytes).toBe(64 * one.valueBytes);
    expect(cost.macs - one.constantMacs).toBe(64 * (one.macs - one.constantMacs));
  });

  test.each([
    "googlenet.public",
    "inception_v2.caffe",
    "inception_v3.public",
    "inception_v4.public",
    "inception_resnet_v1.paper",
    "inception_resnet_v2.public",
  ])("the products of %s have the published number of multiply-adds", (id) => {
    const form = formOfGraph(findModel(id).describe({}));
    const products = [...inferGraph(form, batchFeeds(form, 1), SITE)].filter(({ node }) =>
      ["Conv", "Gemm", "MatMul"].includes(node.opType),
    );
    const sum = products.reduce((total, { inferred }) => total + (inferred?.macs ?? 0), 0);
    expect(sum / architecture(id).macs).toBeCloseTo(1, 2);
  });

  test.each([
    ["googlenet.paper", { widthMultiplier: 0.125 }],
    ["inception_v3.public", { widthMultiplier: 0.125 }],
    ["inception_resnet_v1.public", { widthMultiplier: 0.125 }],
    ["inception_resnet_3d.table", { widthMultiplier: 0.125, inputSize: [16, 24, 16] }],
  ])("ONNX Runtime gives every value of %s the inferred shape", async (id, options) => {
    const graph = findModel(id).describe(options);
    const bytes = concatChunks(compileInference(graph, goldenParameters(graph)).chunks);
    const model = decodeModel(bytes);
    const feeds = batchFeeds(graphForm(model, id), 2);
    const values = inferAll(model, feeds);
    const found = await shapesOfRuntime(model, feeds);
    expect(found.size).toBeGreaterThan(100);
    for (const [name, shape] of found) expect(values.get(name)?.shape, name).toEqual(shape);
  });

  test("a graph without limits has the cost that it has with them", () => {
    const form = formOfGraph(findModel("googlenet.paper").describe({}));
    expect(checkRun(form, declaredFeeds(form), NO_LIMITS, SITE)).toEqual(checkRun(form, batchFeeds(form, 1), DEFAULT_RUN_LIMITS, SITE));
  });
});

/** Shapes of all values that nodes compute, by a run with each as an output. */
async function shapesOfRuntime(model: OnnxModel, feeds: ReadonlyMap<string, Value>): Promise<ReadonlyMap<string, readonly number[]>> {
  const names = model.graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== ""));
  const outputs = names.map((name) => ({ name, dtype: "float32", shape: null }) as const);
  const constants = new Set(
    model.graph.nodes.filter(({ opType }) => opType === "Constant" || opType === "Shape").flatMap((node) => node.outputs),
  );
  const shown = outputs.filter(({ name }) => !constants.has(name));
  const bytes = concatChunks(encodeModel({ ...model, graph: { ...model.graph, outputs: shown } }).chunks);
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: "disabled" });
  try {
    const tensors = [...feeds].map(([name, { shape }]): [string, OrtTensor] => [
      name,
      new OrtTensor("float32", new Float32Array(shape.reduce((a, b) => a * b, 1)), shape),
    ]);
    const results = await session.run(Object.fromEntries<OrtTensor>(tensors));
    return new Map(Object.entries(results).map(([name, { dims }]) => [name, dims]));
  } finally {
    await session.release();
  }
}
