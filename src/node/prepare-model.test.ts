/** Weights without the network's classifier, and weights of another network. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedPath, titleNeeding } from "../../test/shared.js";
import { findModel, type OptionInput } from "../models/index.js";
import { elementCount } from "../tensor/tensor.js";
import { resolveSettings } from "../train/settings.js";
import { inspectFile } from "./inspect-file.js";
import { loadModel } from "./load-model.js";
import { prepareModel } from "./prepare-model.js";
import { prepareNetwork } from "./training/run-network.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inceptionkit-prepare-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Shapes = Iterable<readonly [name: string, shape: readonly number[]]>;

/** A safetensors file of zeros that takes no space on disk. */
async function zeros(name: string, shapes: Shapes): Promise<string> {
  let end = 0;
  const entries = [...shapes].map(([tensor, shape]) => {
    const begin = end;
    end += 2 * elementCount(shape);
    return [tensor, { dtype: "F16", shape, data_offsets: [begin, end] }];
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  const file = path.join(folder, name);
  const handle = await open(file, "w");
  await handle.write(length);
  await handle.write(header);
  await handle.truncate(8 + header.length + end);
  await handle.close();
  return file;
}

function shapesOf(model: string, options: OptionInput = {}): readonly (readonly [string, readonly number[]])[] {
  return findModel(model)
    .describe(options)
    .parameters.map(({ path: name, type }) => [name, type.shape.map(Number)]);
}

const SMALL = { widthMultiplier: 0.0625, inputSize: 75 };

describe("weights without the network's classifier", () => {
  const backbone = () => shapesOf("inception_v3", SMALL).filter(([name]) => !name.startsWith("fc."));
  const dense = [
    ["dense_1.weight", [16, 128]],
    ["dense_1.bias", [16]],
  ] as const;

  test("are rejected where the classifier is needed, with the reason", async () => {
    const file = await zeros("backbone.safetensors", backbone());
    await expect(prepareModel("inception_v3", file, { options: SMALL })).rejects.toMatchObject({
      code: "WEIGHTS_MISMATCH",
      message: `Cannot load weights "${file}" into "inception_v3.public": the file has no classifier (missing fc.weight, fc.bias); it can be used for features and to start training`,
    });
    const other = await zeros("foreign.safetensors", [...backbone(), ...dense]);
    await expect(prepareModel("inception_v3", other, { options: SMALL })).rejects.toMatchObject({
      message: `Cannot load weights "${other}" into "inception_v3.public": the file has no classifier of this network (missing fc.weight, fc.bias; it has "dense_1.weight", "dense_1.bias"); it can be used for features and to start training`,
    });
    const five = await zeros("five.safetensors", [...backbone(), ["fc.weight", [5, 128]], ["fc.bias", [5]]]);
    await expect(prepareModel("inception_v3", five, { options: SMALL })).rejects.toMatchObject({
      message: `Cannot load weights "${five}" into "inception_v3.public": the file's classifier has 5 classes, expected 1000; set option numClasses to 5`,
    });
  });

  test("give the network without the outputs that need it", async () => {
    const file = await zeros("foreign.safetensors", [...backbone(), ...dense]);
    const { graph, parameters, classifier, metadata } = await prepareModel("inception_v3", file, {
      options: SMALL,
      needsClassifier: false,
    });
    expect(graph.outputs.map(({ name }) => name)).toEqual(["features"]);
    expect([...parameters.keys()]).toEqual(backbone().map(([name]) => name));
    expect(classifier).toEqual({
      outputs: ["logits"],
      missing: ["fc.weight", "fc.bias"],
      foreign: dense.map(([name]) => name),
      classes: 0,
    });
    expect(metadata.labels).toBeNull();
  });

  test("are loaded for features where these are the only outputs", async () => {
    const weights = await zeros("backbone.safetensors", backbone());
    const model = await loadModel("inception_v3", { weights, options: SMALL, outputs: ["features"], threads: 1 });
    expect(model.session.outputs.map(({ name }) => name)).toEqual(["features"]);
    await model.close();
    await expect(loadModel("inception_v3", { weights, options: SMALL })).rejects.toMatchObject({ code: "WEIGHTS_MISMATCH" });
  });

  test.each([
    ["no classifier", [], { missing: ["fc.weight", "fc.bias"], foreign: [] }],
    ["another classifier", dense, { missing: ["fc.weight", "fc.bias"], foreign: ["dense_1.weight", "dense_1.bias"] }],
    [
      "a classifier of 5 classes",
      [
        ["fc.weight", [5, 128]],
        ["fc.bias", [5]],
      ],
      undefined,
    ],
  ] as const)("start training, with %s", async (name, more, classifier) => {
    const weights = await zeros(`${name}.safetensors`, [...backbone(), ...more]);
    const settings = resolveSettings({ data: "photos", weights });
    const network = await prepareNetwork("inception_v3", settings, 7, { options: SMALL });
    expect(network.begun).toEqual(["fc.weight", "fc.bias"]);
    expect(network.classifier && { missing: network.classifier.missing, foreign: network.classifier.foreign }).toEqual(classifier);
    expect(network.parameters.get("fc.weight")?.shape).toEqual([7, 128]);
    expect(network.parameters.get("fc.weight")?.data.some((value) => value !== 0)).toBe(true);
    expect(network.parameters.get("Conv2d_1a_3x3.conv.weight")?.data.every((value) => value === 0)).toBe(true);
  });

  test("must have everything else, for training too", async () => {
    const weights = await zeros("hole.safetensors", backbone().slice(1));
    const settings = resolveSettings({ data: "photos", weights });
    await expect(prepareNetwork("inception_v3", settings, 7, { options: SMALL })).rejects.toMatchObject({
      code: "WEIGHTS_MISMATCH",
      message:
        'Cannot load weights into "inception_v3.public" with timm naming: 3 missing (Conv2d_1a_3x3.conv.weight, fc.weight, fc.bias); 469 of 472 parameters match; the file matches no listed network with default options',
    });
  });
});

describe("weights of another network", () => {
  test.each([
    ["googlenet.public", "googlenet_tv.safetensors", { aux: true }, "inception_v3", "torchvision", "inception_v3.public"],
    ["inception_v3.public", "v3.safetensors", {}, "inception_v4", "timm", "inception_v4.public"],
    ["inception_resnet_v1.public", "facenet.safetensors", {}, "inception_resnet_v2", "facenet-pytorch", "inception_resnet_v2.public"],
    [
      "inception_resnet_v1.spec",
      "spec.safetensors",
      { numClasses: 5 },
      "inception_resnet_v1.paper",
      "inceptionkit",
      "inception_resnet_v1.paper",
    ],
  ])("%s", async (model, name, options, asked, names, id) => {
    const file = await zeros(name, shapesOf(model, options));
    expect((await inspectFile(file)).fits?.map((fit) => fit.model)).toContain(model);
    await expect(prepareModel(asked, file)).rejects.toMatchObject({
      code: "WEIGHTS_MISMATCH",
      message: `Cannot load weights "${file}" into "${id}": they are weights of ${model} with ${names} naming; use model ${model}`,
    });
  });

  test("that fit no network say what is missing", async () => {
    const file = await zeros("none.safetensors", [["conv.weight", [8, 3, 3, 3]]]);
    expect((await inspectFile(file)).fits).toEqual([]);
    await expect(prepareModel("googlenet.paper", file)).rejects.toMatchObject({
      message:
        'Cannot load weights into "googlenet.paper" with caffe naming: 116 missing (conv1.conv.weight, conv1.conv.bias, conv2.conv.weight, conv2.conv.bias and 112 more); 1 unexpected ("conv.weight"); 0 of 116 parameters match; the file matches no listed network with default options',
    });
  });

  const DATA = "data/googlenet_bvlc/bvlc_googlenet.safetensors";
  const bvlc = sharedPath(DATA);
  test.skipIf(bvlc === null)(titleNeeding("BVLC's GoogLeNet", bvlc, DATA), async () => {
    await expect(prepareModel("inception_v3", bvlc ?? "")).rejects.toMatchObject({
      message: `Cannot load weights "${bvlc}" into "inception_v3.public": they are weights of googlenet.paper with caffe naming; use model googlenet.paper`,
    });
    await expect(prepareModel("googlenet", bvlc ?? "")).rejects.toMatchObject({
      message: `Cannot load weights "${bvlc}" into "googlenet.public": they are weights of googlenet.paper with caffe naming; use model googlenet.paper`,
    });
  });
});
