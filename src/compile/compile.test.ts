import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph, withModel } from "../../test/run-graph.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { describeModel, findModel, MODELS, type OptionInput } from "../models/index.js";
import { sgd } from "../optim/index.js";
import { float32Tensor } from "../tensor/tensor.js";
import { goldenParameters } from "../weights/golden.js";
import { supportsDynamicSize } from "./any-size.js";
import { type CompileOptions, compileInference } from "./compile.js";
import { compileTraining } from "./training/training.js";

const TINY: OptionInput = { inputSize: 64, widthMultiplier: 0.125 };

function compiled(options: CompileOptions) {
  const graph = describeModel("googlenet.public", TINY);
  return decodeModel(concatChunks(compileInference(graph, goldenParameters(graph), options).chunks));
}

/** Equal networks that are computed in another order or at once differ by float32 rounding of sums of about a thousand terms. */
const TOLERANCE = 1e-4;

function worstDifference(ours: Float32Array, theirs: Float32Array): number {
  return ours.reduce((worst, value, index) => Math.max(worst, Math.abs(value - Number(theirs[index]))), 0);
}

describe("the emitted file", () => {
  test("says who made it, takes any batch, and names inputs, outputs and weights as we do", () => {
    const model = compiled({ metadata: { model: "googlenet.public", note: "two\nlines" } });
    expect(model).toMatchObject({ irVersion: 9, opsets: [{ domain: "", version: 19 }], producerName: "inceptionkit" });
    expect([...model.metadata]).toEqual([
      ["model", "googlenet.public"],
      ["note", "two\nlines"],
    ]);
    expect(model.graph.name).toBe("googlenet.public");
    expect(model.graph.inputs).toEqual([{ name: "input", dtype: "float32", shape: ["N", 3, 64, 64] }]);
    expect(model.graph.outputs).toEqual([
      { name: "logits", dtype: "float32", shape: ["N", 1000] },
      { name: "features", dtype: "float32", shape: ["N", 128] },
    ]);
    const graph = describeModel("googlenet.public", TINY);
    expect(model.graph.initializers.map(({ name }) => name)).toEqual(graph.parameters.map(({ path }) => path));
    expect(model.graph.nodes.every(({ domain }) => domain === "")).toBe(true);
  });

  test("has a fixed batch where one is asked for", () => {
    const { inputs, outputs } = compiled({ batch: 8 }).graph;
    expect([...inputs, ...outputs].map(({ shape }) => shape)).toEqual([
      [8, 3, 64, 64],
      [8, 1000],
      [8, 128],
    ]);
  });

  test("leaves height and width open where that is asked for, maps included", () => {
    const { inputs, outputs } = compiled({ dynamicSize: true, outputs: ["conv1", "logits"] }).graph;
    expect(inputs[0]?.shape).toEqual(["N", 3, "height", "width"]);
    expect(outputs.map(({ shape }) => shape)).toEqual([
      ["N", 8, null, null],
      ["N", 1000],
    ]);
  });

  test("is the same every time", () => {
    const graph = describeModel("googlenet.public", TINY);
    const [once, again] = [1, 2].map(() => concatChunks(compileInference(graph, goldenParameters(graph)).chunks));
    expect(Buffer.compare(once ?? new Uint8Array(), again ?? new Uint8Array(1))).toBe(0);
  });

  test("views large weights where they are", () => {
    const graph = describeModel("googlenet.public", TINY);
    const parameters = goldenParameters(graph);
    const { chunks, byteLength } = compileInference(graph, parameters);
    const weight = parameters.get("fc.weight")?.data;
    expect(chunks.some(({ buffer, byteOffset }) => buffer === weight?.buffer && byteOffset === weight.byteOffset)).toBe(true);
    expect(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(byteLength);
  });

  test("needs a value of the right shape for every parameter that is kept, and no other", () => {
    const graph = describeModel("googlenet.public", TINY);
    const parameters = new Map(goldenParameters(graph));
    parameters.delete("fc.bias");
    const compile = (options?: CompileOptions) => () => compileInference(graph, parameters, options);
    const missing = 'Cannot compile "googlenet.public": parameter "fc.bias" has no value, expected float32[1000]';
    expect(compile()).toThrow(expect.objectContaining({ code: "WEIGHTS_MISMATCH", message: missing }));
    expect(compile({ outputs: ["features"] })).not.toThrow();
    parameters.set("fc.bias", float32Tensor([1, 1000], new Float32Array(1000)));
    const reshaped = 'Cannot compile "googlenet.public": parameter "fc.bias" has float32[1, 1000], expected float32[1000]';
    expect(compile()).toThrow(expect.objectContaining({ code: "WEIGHTS_MISMATCH", message: reshaped }));
    parameters.set("fc.bias", { dtype: "float16", shape: [1000], data: new Uint16Array(1000) });
    const halves = 'Cannot compile "googlenet.public": parameter "fc.bias" has float16[1000], expected float32[1000]';
    expect(compile()).toThrow(expect.objectContaining({ code: "WEIGHTS_MISMATCH", message: halves }));
  });

  test("an output that does not exist is named", () => {
    const message = 'Cannot select output "prob" of "googlenet.public": expected logits, features or the path of a module';
    expect(() => compiled({ outputs: ["prob"] })).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});

describe("names", () => {
  test("a module that is wanted may have the path of an inner value: both keep their meaning", async () => {
    const graph = describeModel("inception_resnet_v1.spec", { inputSize: 75, widthMultiplier: 0.125, repeats: [1, 1, 1] });
    const parameters = goldenParameters(graph);
    const feeds = { input: filled("names", [2, 3, 75, 75]) };
    // Node "inception_a.0.bn" is the normalization; module "inception_a.0.bn" ends behind its ReLU.
    expect(graph.nodes.map(({ path }) => path)).toContain("inception_a.0.bn");
    const wanted = ["inception_a.0.bn", "inception_a.0", "inception_a.0.sum", "stem.bn", "classifier"];
    const values = await runGraph(graph, parameters, feeds, { outputs: [...wanted, "logits"] });
    expect(Math.min(...outputOf(values, "inception_a.0.bn").data)).toBe(0);
    expect(outputOf(values, "inception_a.0.bn")).toEqual(outputOf(values, "inception_a.0"));
    expect(Math.min(...outputOf(values, "inception_a.0.sum").data)).toBeLessThan(0);
    expect(outputOf(values, "classifier")).toEqual(outputOf(values, "logits"));
    const plain = await runGraph(graph, parameters, feeds, { outputs: ["logits"] });
    expect(worstDifference(outputOf(plain, "logits").data, outputOf(values, "logits").data)).toBeLessThan(TOLERANCE);
  });

  test("every module of a network can be an output, all at once", async () => {
    const graph = describeModel("googlenet.paper", { ...TINY, aux: true, inputSize: 96 });
    const outputs = [...new Set(graph.modules.map(({ path }) => path))];
    expect(outputs.length).toBeGreaterThan(100);
    const values = await runGraph(graph, goldenParameters(graph), { input: filled("modules", [1, 3, 96, 96]) }, { outputs });
    for (const name of outputs) expect(outputOf(values, name).data.every(Number.isFinite), name).toBe(true);
  });
});

describe("any size", () => {
  test.each(["googlenet.public", "inception_resnet_v2.public"])(
    "%s compiled once gives at other sizes and batches what it gives when built for them",
    async (id) => {
      const options = { widthMultiplier: 0.1, numClasses: 5, ...(id.startsWith("googlenet") ? {} : { repeats: [1, 1, 1] }) };
      const graph = findModel(id).describe(options);
      const parameters = goldenParameters(graph);
      await withModel(graph, parameters, { dynamicSize: true, outputs: ["logits", "features"] }, async (model) => {
        expect(model.declaredShape("input")).toEqual(["N", 3, "height", "width"]);
        for (const [batch, height, width] of [
          [1, 97, 83],
          [3, 128, 160],
        ] as const) {
          const feeds = { input: filled(`${height}x${width}`, [batch, 3, height, width]) };
          const built = await runGraph(findModel(id).describe({ ...options, inputSize: [height, width] }), parameters, feeds);
          const open = await model.run(feeds);
          for (const name of ["logits", "features"]) {
            expect(outputOf(open, name).shape).toEqual(outputOf(built, name).shape);
            expect(worstDifference(outputOf(open, name).data, outputOf(built, name).data)).toBeLessThan(TOLERANCE);
          }
        }
      });
    },
  );

  const SIZES = [
    [224, 224],
    // inception_v2.caffe takes 31 and 0 to 6 modulo 32.
    [352, 257],
  ] as const;
  const LARGE = [
    [299, 299],
    [331, 363],
  ] as const;

  test.each(MODELS.filter(({ task, id }) => task !== "segment" && id !== "inception_v2.slim"))(
    "$id does not depend on the size without an auxiliary head",
    ({ family, describe: build, options }) => {
      expect(supportsDynamicSize((inputSize) => build({ inputSize }), SIZES)).toBe(true);
      // Inception-v3's head averages what its last convolution leaves; all others read a whole map.
      if ("aux" in options)
        expect(supportsDynamicSize((inputSize) => build({ inputSize, aux: true }), LARGE)).toBe(family === "inception_v3");
    },
  );

  test("SAME padding depends on it: an even map is padded at its end, an odd one on both sides", () => {
    expect(supportsDynamicSize((inputSize) => describeModel("inception_v2.slim", { inputSize }), SIZES)).toBe(false);
    expect(supportsDynamicSize((inputSize) => describeModel("googlenet.public", { inputSize, padding: "same" }), SIZES)).toBe(false);
  });

  test("a network with skips does: its paddings, crops and doubled maps have sizes of their own", () => {
    const describe = (inputSize: readonly number[]) => describeModel("inception_resnet_3d", { inputSize });
    expect(
      supportsDynamicSize(describe, [
        [64, 64, 64],
        [97, 98, 99],
      ]),
    ).toBe(false);
  });

  test("a network is the same as itself", () => {
    const same = [SIZES[0], SIZES[0]] as const;
    expect(supportsDynamicSize((inputSize) => describeModel("googlenet", { inputSize, aux: true }), same)).toBe(true);
  });
});

describe("callers without types", () => {
  test.each<[Record<string, unknown>, string]>([
    [
      { profile: "plain" },
      'Cannot compile "googlenet.public" with `profile`: it is `target` now, one of standard, ort-cpu, webgpu; "plain" is `optimize` false',
    ],
    [{ target: "cuda" }, 'Cannot compile "googlenet.public" for target "cuda": expected one of standard, ort-cpu, webgpu'],
  ])("%j is rejected", (options, message) => {
    const graph = describeModel("googlenet.public", TINY);
    expect(() => compileInference(graph, goldenParameters(graph), options)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message }),
    );
    const training = { ...options, batchSize: 1, optimizer: () => sgd({}) };
    expect(() => compileTraining(graph, training)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});
