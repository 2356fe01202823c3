/** Custom networks, from code and from modules of a command line, are used as listed ones are. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, describe as suite, test } from "vitest";
import { summarize } from "../src/analysis/summary.js";
import { parsePreprocessing } from "../src/data/index.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { encodeModel } from "../src/formats/onnx/encode.js";
import { encodeSafetensors } from "../src/formats/safetensors.js";
import { describe, openClassifier, openEmbedder, toOnnx } from "../src/index.js";
import { convBlock } from "../src/layers/conv-block.js";
import { globalPool, linear } from "../src/layers/head.js";
import { concatChannels, maxPool } from "../src/layers/pooling.js";
import type { GraphBuilder } from "../src/ops/build.js";
import { METADATA_KEY } from "../src/predict/model-metadata.js";
import { failureOf } from "./failures.js";
import { inProcess, json, type Result, ROOT } from "./program.js";

const DIGITS = path.join(ROOT, "examples/digits");
const SEVEN = path.join(DIGITS, "images/7-a.png");
const IMAGES = path.join(DIGITS, "images");
const recipe: unknown = JSON.parse(readFileSync(path.join(DIGITS, "preprocessing.json"), "utf8"));
const preprocessing = parsePreprocessing(recipe, "preprocessing.json");
const classNames = JSON.parse(readFileSync(path.join(DIGITS, "labels.json"), "utf8")) as readonly string[];

/** Two convolutions side by side and a classifier. */
function build(b: GraphBuilder): void {
  const style = { kind: "batch_norm", epsilon: 1e-3 } as const;
  const x = b.input("input", ["N", 3, 64, 64]);
  const stem = maxPool(b, "pool", convBlock(b, "stem", x, { outChannels: 8, kernelShape: [3, 3], strides: [2, 2] }, style), {
    size: 3,
    stride: 2,
  });
  const branches = [
    convBlock(b, "mixed.one", stem, { outChannels: 8, kernelShape: [1, 1] }, style),
    convBlock(b, "mixed.three", stem, { outChannels: 8, kernelShape: [3, 3] }, style),
  ];
  const mixed = b.stage("mixed", concatChannels(b, "mixed", branches));
  const features = globalPool(b, "features", mixed, "vector");
  b.output("logits", linear(b, "fc", features, 10));
  b.output("features", features);
}

const mine = describe("mine", build);

function weightsOf(network: typeof mine): Uint8Array {
  const { header, chunks } = encodeSafetensors(network.initialize(7), {});
  return concatChunks([header, ...chunks]);
}

const weights = weightsOf(mine);

suite("an exported custom network", () => {
  test("classifies, embeds, explains and is exported again without its code", async () => {
    const own = { weights, preprocessing, classNames };
    const bytes = await toOnnx(mine, own);
    await using described = await openClassifier(mine, own);
    await using opened = await openClassifier(bytes);
    expect(await opened.classify(SEVEN)).toEqual(await described.classify(SEVEN));
    expect(opened.model).toBe("mine");
    for (const method of ["grad_cam", "input_gradient"] as const) {
      expect(await opened.explain(SEVEN, { method, target: "two" })).toEqual(await described.explain(SEVEN, { method, target: "two" }));
    }
    await using embedder = await openEmbedder(bytes);
    expect(await embedder.embed(SEVEN)).toEqual(await described.embed(SEVEN));
    // Only the hash of the weights differs, which are those of the first file.
    expect((await toOnnx(bytes)).byteLength).toBe(bytes.byteLength);
  });

  test("with some of its outputs contains the network of these", async () => {
    const bytes = await toOnnx(mine, { weights, preprocessing, outputs: ["features"] });
    await using embedder = await openEmbedder(bytes);
    const again = await toOnnx(bytes);
    await using second = await openEmbedder(again);
    expect(await second.embed(SEVEN)).toEqual(await embedder.embed(SEVEN));
  });

  test("whose network was damaged still classifies, and says what cannot be read where it is needed", async () => {
    const bytes = damaged(await toOnnx(mine, { weights, preprocessing }), (network) =>
      network.replace('"op":"conv"', '"op":"convolution"'),
    );
    await using opened = await openClassifier(bytes, { selfCheck: false });
    expect(await opened.classify(SEVEN)).toHaveLength(5);
    expect(await failureOf(opened.explain(SEVEN))).toMatchObject({
      code: "FILE_CORRUPT",
      message: 'Cannot read the network in the metadata of "model": node "stem.conv" is of op "convolution", which does not exist',
    });
  });

  test("that would take more than a file may is rejected", async () => {
    const bytes = damaged(await toOnnx(mine, { weights, preprocessing }), (network) => network.replace('"N",3,64,64', '"N",3,640,640'));
    await using opened = await openClassifier(bytes, { selfCheck: false, limits: { macs: 1e7 } });
    expect(await failureOf(opened.explain(SEVEN))).toMatchObject({ code: "FILE_LIMIT" });
  });
});

test.each([
  ["googlenet", 'Cannot name a custom network "googlenet": a listed model has this name'],
  ["inception_v3.public", 'Cannot name a custom network "inception_v3.public": a listed model has this name'],
  [
    "../mine",
    'Cannot name a custom network "../mine": expected at most 64 letters, digits, ".", "_" and "-", beginning with a letter or a digit',
  ],
])("the name %s is rejected", (name, message) => {
  expect(() => describe(name, build)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
});

/** The file with another text of its network. */
function damaged(bytes: Uint8Array, change: (network: string) => string): Uint8Array {
  const model = decodeModel(bytes, { name: "model" });
  const metadata = [...model.metadata].map(([key, text]) => {
    if (key !== METADATA_KEY) return [key, text] as const;
    const metadata = JSON.parse(text) as { network: string };
    return [key, JSON.stringify({ ...metadata, network: change(metadata.network) })] as const;
  });
  return concatChunks(encodeModel({ ...model, metadata: new Map(metadata) }).chunks);
}

const MODULE = `
import { describe } from "inceptionkit";
export default ({ numClasses = 10, inputSize = 64, width = 8 } = {}) =>
  describe("from_module", (b) => {
    const convRelu = (path, x, channels, side, stride) => {
      const kernel = b.parameter(path + ".weight", [channels, x.type.shape[1], side, side], "conv_kernel");
      const bias = b.parameter(path + ".bias", [channels], "bias");
      const pad = (side - 1) / 2;
      const window = { kernelShape: [side, side], strides: [stride, stride], pads: [pad, pad, pad, pad], dilations: [1, 1], groups: 1 };
      return b.module(path, b.add("relu", path + ".relu", [b.add("conv", path, [x, kernel, bias], window)], {}));
    };
    const stem = convRelu("stem", b.input("input", ["N", 3, inputSize, inputSize]), width, 3, 2);
    const mixed = b.add("concat", "mixed", [convRelu("one", stem, width, 1, 1), convRelu("three", stem, width, 3, 2 - 1)], { axis: 1 });
    const features = b.add("flatten", "flat", [b.add("globalAveragePool", "pool", [b.stage("mixed", b.module("mixed", mixed))], {})], {});
    const classifier = [b.parameter("fc.weight", [numClasses, 2 * width], "linear_kernel"), b.parameter("fc.bias", [numClasses], "bias")];
    b.output("logits", b.add("gemm", "fc", [features, ...classifier], {}));
    b.output("features", features);
  });
`;

suite("inception --model ./my-network.mjs", () => {
  // Inside the project, where modules find the package by its name.
  const folder = path.join(ROOT, "tmp", `custom-networks-${process.pid}`);
  const file = path.join(folder, "my-network.mjs");
  const weightFile = path.join(folder, "weights.safetensors");
  const onnx = path.join(folder, "mine.onnx");
  const plain = ["--weights", weightFile, "--preprocessing", path.join(DIGITS, "preprocessing.json")];
  const common = [...plain, "--labels", path.join(DIGITS, "labels.json")];
  const run = (...args: readonly string[]): Promise<Result> => inProcess(args);

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, MODULE);
    const { loadNetworkModule } = await import("../src/node/network-module.js");
    const { model } = await loadNetworkModule(file);
    const { initialParameters } = await import("../src/weights/initialize.js");
    const { header, chunks } = encodeSafetensors(initialParameters(model.describe(), 3), {});
    writeFileSync(weightFile, concatChunks([header, ...chunks]));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("summary, diagram and diff take it, with options", async () => {
    expect(json(await run("summary", file, "--json"))).toMatchObject({ id: "from_module", input: [1, 3, 64, 64] });
    const wide = json(await run("summary", file, "--option", "width=16", "--option", "inputSize=32", "--json"));
    expect(wide).toMatchObject({ input: [1, 3, 32, 32] });
    expect((await run("diagram", file, "--format", "dot")).out).toContain("mixed");
    const { out, code } = await run("diff", file, `${file}:width=16`, "--json");
    expect([code, (JSON.parse(out) as { equal: boolean }).equal]).toEqual([1, false]);
    expect((await run("diff", file, "googlenet")).code).toBe(1);
  });

  test("export writes a file that equals it, classifies alike, and needs it no more", async () => {
    expect(await run("export", file, ...common, "--out", onnx)).toMatchObject({ code: 0 });
    expect((await run("diff", file, onnx)).out).toContain("identical\n");
    const here = json2(await run("classify", SEVEN, "--model", file, ...common, "--json"));
    rmSync(file);
    try {
      expect(json2(await run("classify", SEVEN, "--model", onnx, "--json"))).toEqual(here);
      expect((await run("explain", SEVEN, "--model", onnx, "--out", path.join(folder, "why"))).code).toBe(0);
      const int8 = path.join(folder, "int8.onnx");
      const accept = ["--min-agreement", "0", "--min-speedup", "0", "--rounds", "1"];
      expect(await run("quantize", onnx, "--calibrate", IMAGES, "--out", int8, ...accept)).toMatchObject({ code: 0 });
      expect((await run("classify", SEVEN, "--model", int8)).code).toBe(0);
    } finally {
      writeFileSync(file, MODULE);
    }
  });

  test("embed, explain and quantize take the module", async () => {
    expect((await run("embed", SEVEN, "--model", file, ...plain)).out).toContain("16 dimensions");
    expect((await run("explain", SEVEN, "--model", file, ...common, "--out", path.join(folder, "why2"))).code).toBe(0);
    const accept = ["--min-agreement", "0", "--min-speedup", "0", "--rounds", "1", "--out", path.join(folder, "module-int8.onnx")];
    expect(await run("quantize", file, ...common, "--calibrate", IMAGES, ...accept)).toMatchObject({ code: 0 });
  });

  suite("train", () => {
    const out = path.join(folder, "run");
    const data = ["shapes10?train=40&val=20", "--option", "inputSize=32", "--recipe", "scratch", "--batch", "10", "--workers", "0"];

    test("two epochs with a recipe, then one more after the module is gone", async () => {
      expect(await run("train", ...data, "--model", file, "--epochs", "2", "--out", out)).toMatchObject({ code: 0 });
      const config = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8")) as Record<string, unknown>;
      expect(config).toMatchObject({ model: "from_module", options: { inputSize: 32, numClasses: 10 } });
      expect(readFileSync(path.join(out, "report.html"), "utf8")).toContain("from_module");
      rmSync(file);
      try {
        expect(await run("train", "--resume", out, "--epochs", "3")).toMatchObject({ code: 0 });
        const runOnnx = path.join(folder, "run.onnx");
        expect(await run("export", out, "--out", runOnnx)).toMatchObject({ code: 0 });
        const evaluated = json(await run("eval", out, "--json"));
        expect(evaluated).toMatchObject({ images: 20 });
        expect(json2(await run("classify", SEVEN, "--model", runOnnx, "--json"))).toEqual(
          json2(await run("classify", SEVEN, "--model", out, "--json")),
        );
        expect((await run("diff", out, runOnnx)).out).toContain("identical\n");
        expect((await run("explain", SEVEN, "--model", runOnnx, "--out", path.join(folder, "why3"))).code).toBe(0);
        const weights = path.join(folder, "run.safetensors");
        expect(await run("export", out, "--out", weights)).toMatchObject({ code: 0 });
        writeFileSync(file, MODULE);
        // The options that the weights were trained with come from their metadata.
        const again = await run("classify", SEVEN, "--model", file, "--weights", weights, "--json");
        expect(json2(again)).toEqual(json2(await run("classify", SEVEN, "--model", out, "--json")));
        expect(await run("eval", file, "shapes10?train=40&val=20", "--weights", weights, "--json")).toMatchObject({ code: 0 });
      } finally {
        writeFileSync(file, MODULE);
      }
    });

    test("resuming gives the bytes of a run that was not interrupted", async () => {
      const whole = path.join(folder, "whole");
      expect(
        await run("train", ...data, "--model", file, "--epochs", "2", "--schedule", "constant:unit=epoch", "--out", whole),
      ).toMatchObject({
        code: 0,
      });
      const parts = path.join(folder, "parts");
      expect(
        await run("train", ...data, "--model", file, "--epochs", "1", "--schedule", "constant:unit=epoch", "--out", parts),
      ).toMatchObject({
        code: 0,
      });
      expect(await run("train", "--resume", parts, "--epochs", "2")).toMatchObject({ code: 0 });
      const [a, b] = [whole, parts].map((each) => readCheckpointTensors(path.join(each, "checkpoints/last.safetensors")));
      expect(a).toEqual(b);
    });

    test("a dry run and a training step take it", async () => {
      expect(json(await run("train", ...data, "--model", file, "--epochs", "1", "--dry-run", "--json"))).toMatchObject({
        model: "from_module",
      });
      expect(await run("export", file, "--training-step", path.join(folder, "step.onnx"), "--batch", "4")).toMatchObject({ code: 0 });
    });

    test("a network of another number of classes is rejected", async () => {
      const plain = path.join(folder, "plain.mjs");
      writeFileSync(
        plain,
        MODULE.replace("export default (", "const build = (").concat("export default build({ numClasses: 3, inputSize: 32 });"),
      );
      const { code, err } = await run(
        "train",
        "shapes10?train=40&val=20",
        "--model",
        plain,
        "--epochs",
        "1",
        "--out",
        path.join(folder, "none"),
      );
      expect([code, err]).toEqual([
        2,
        'inception: Cannot use custom network "from_module" for 10 classes: its logits have 3 classes, expected 10; describe it with 10, or as a function of options that takes numClasses\n',
      ]);
    });

    test("a run whose network was changed is rejected", async () => {
      const stored = path.join(out, "network.json");
      const text = readFileSync(stored, "utf8");
      const refused = async (changed: string): Promise<string> => {
        writeFileSync(stored, changed);
        const { code, err } = await run("classify", SEVEN, "--model", out);
        writeFileSync(stored, text);
        expect(code).toBe(2);
        return err;
      };
      expect(await refused("{}")).toContain('Cannot read network.json of run "');
      expect(await refused(text.replace('"strides":[2,2]', '"strides":[3,3]'))).toContain("network");
      expect((await run("classify", SEVEN, "--model", out)).code).toBe(0);
    });
  });

  suite("rejects", () => {
    let wrong = 0;
    const refusal = async (source: string, ...options: readonly string[]): Promise<string> => {
      const name = path.join(folder, `wrong-${wrong++}.mjs`);
      writeFileSync(name, source);
      const { code, err } = await run("summary", name, ...options);
      expect(code).toBe(2);
      return err.replaceAll(name, "X");
    };
    const expected = "expected a network, which describe returns, or a function of options that returns one";

    test.each([
      [
        "a module without a default export",
        "export const network = 1;",
        `Cannot load network "X": its default export is nothing, ${expected}`,
      ],
      ["a number", "export default 42;", `Cannot load network "X": its default export is number, ${expected}`],
      ["a promise of a number", "export default Promise.resolve(1);", `Cannot load network "X": its default export is number, ${expected}`],
      ["an async function", "export default async () => 1;", `Cannot load network "X": its default export is a promise, ${expected}`],
      ["a module that throws", 'throw new RangeError("two\\nlines");', 'Cannot load network "X": RangeError: two lines'],
      ["a module that throws no error", "throw 7;", 'Cannot load network "X": 7'],
      ["a function that throws", 'export default () => { throw new Error("no options"); };', 'Cannot load network "X": no options'],
      ["an import that does not exist", 'import "./nothing.mjs";', /^inception: Cannot load network "X": .*nothing\.mjs/],
      [
        "a graph that is none",
        'export default { name: "n", options: {}, model: { id: "n", variant: "custom" }, graph: { name: "n", types: new Map() } };',
        /^inception: Cannot load network "X": TypeError: [^\n]+\n$/,
      ],
      [
        "a network of wrong shapes",
        'import { describe } from "inceptionkit"; export default describe("n", (b) => b.output("y", b.add("concat", "y", [b.input("x", [3])], { axis: 7 })));',
        /^inception: Cannot load network "X": Cannot infer shape of concat "y"/,
      ],
    ])("%s", async (_, source, message) => {
      const err = await refusal(source);
      if (typeof message === "string") expect(err).toBe(`inception: ${message}\n`);
      else expect(err).toMatch(message);
      expect(err.trimEnd()).not.toContain("\n");
    });

    test("an option that it does not read", async () => {
      expect(await refusal(MODULE, "--option", "widht=2")).toBe(
        'inception: Cannot set option "widht" of from_module: expected one of numClasses, inputSize, width\n',
      );
    });

    test("a file that is not there, and sources of other kinds", async () => {
      expect((await run("summary", "./nowhere.mjs")).err).toBe('inception: Cannot open "./nowhere.mjs": no such file or directory\n');
      expect((await run("summary", "./network.ts")).err).toBe(
        'inception: Cannot load network "./network.ts": expected a JavaScript module, whose name ends in .js or .mjs\n',
      );
    });
  });
});

/** The tensors of a checkpoint, without its header, which names the run's settings. */
function readCheckpointTensors(file: string): Buffer {
  const bytes = readFileSync(file);
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
}

function json2(result: Result): readonly unknown[] {
  expect(result).toMatchObject({ code: 0 });
  return JSON.parse(result.out) as readonly unknown[];
}

test("a network keeps its size and parameters when it is described in code", () => {
  expect(mine.summary()).toEqual(summarize(mine.graph));
});
