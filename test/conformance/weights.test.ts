/** Every weight set: its names are one-to-one with the parameters for every form of its network, and its files are taken whole. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PREPROCESSING } from "../../src/data/index.js";
import { bytesSource } from "../../src/formats/byte-source.js";
import { describeModel, findModel, MODELS, type OptionInput } from "../../src/models/index.js";
import { OWN_NAMES, WEIGHT_SETS, weightSetsOf } from "../../src/models/weights.js";
import { compareWeights, loadWeights } from "../../src/weights/apply.js";
import { openWeightFile } from "../../src/weights/containers/index.js";
import type { NameMap } from "../../src/weights/name-map.js";
import type { WeightFile } from "../../src/weights/weight-file.js";
import { architecture } from "../architectures.js";
import { filledFile, readModelGolden } from "../model-goldens.js";
import { sharedPath, titleNeeding } from "../shared.js";

/** Options that add, take away or rename parameters. */
const VARIANTS: Readonly<Record<string, readonly OptionInput[]>> = {
  "googlenet.paper": [{}, { aux: true }],
  "googlenet.public": [{}, { aux: true }],
  "inception_v2.slim": [{}, { stem: "separable_batch_norm" }, { stem: "dense", convBias: true }],
  "inception_v2.caffe": [{}],
  "inception_v3.public": [{}, { aux: true }],
  "inception_v3.table": [{}, { aux: true }],
  "inception_v3.fid": [{}],
  "inception_v4.public": [{}, { aux: true }, { repeats: [1, 1, 1] }],
  "inception_resnet_v1.spec": [{}, { normPlacement: "conv" }, { stemDownsample: "maxpool" }],
  "inception_resnet_v1.paper": [{}, { normPlacement: "sum", stemDownsample: "conv" }],
  "inception_resnet_v1.public": [{}, { numClasses: 7 }, { numClasses: 7, embeddingSize: 0 }, { repeats: [1, 1, 1] }],
  "inception_resnet_v2.spec": [{}, { normPlacement: "conv" }],
  "inception_resnet_v2.paper": [{}, { normPlacement: "sum" }],
  "inception_resnet_v2.public": [{}, { aux: true }, { repeats: [1, 1, 1] }],
  "inception_resnet_3d.table": [{}, { cReduce1x1: true }, { mixedActivation: "linear" }],
  "inception_resnet_3d.paper": [{}],
  "inception_resnet_3d.code": [{}],
};

const MAPS: readonly { readonly model: string; readonly map: NameMap }[] = [
  ...WEIGHT_SETS.map(({ model, map }) => ({ model, map })),
  ...MODELS.map(({ id }) => ({ model: id, map: OWN_NAMES })),
];

describe("name maps", () => {
  test("every model has its variants here", () => expect(Object.keys(VARIANTS).sort()).toEqual(MODELS.map(({ id }) => id).sort()));

  test.each(MAPS)("$map.source names of $model are one-to-one", ({ model, map }) => {
    for (const options of VARIANTS[model] ?? []) {
      const { parameters } = findModel(model).describe(options);
      const names = parameters.map(({ path }) => map.nameOf(path));
      expect(new Set(names).size).toBe(parameters.length);
      expect(names.filter((name) => /undefined|^$/.test(name))).toEqual([]);
    }
  });

  test("patterns of what is ignored are for whole names", () => {
    for (const { map } of MAPS) for (const { source } of map.ignore) expect(source).toMatch(/^\^.*\$$/);
  });
});

describe("weight sets", () => {
  test("have ids of their own and a model that exists", () => {
    const ids = WEIGHT_SETS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const files = WEIGHT_SETS.flatMap((set) => set.files);
    expect(new Set(files.map(({ name }) => name)).size).toBe(files.length);
    for (const { name, source, classes, top1 = 50, top5 = 90, sha256 = "00000000", preprocessing = "facenet" } of files) {
      expect(source, name).toMatch(/^(hf:[\w-]+\/[\w.-]+|https?:\/\/[\w./-]+)$/);
      expect(classes, name).toBeGreaterThan(999);
      expect(top1 < top5 && top5 < 100, name).toBe(true);
      expect(sha256, name).toMatch(/^[0-9a-f]{8,64}$/);
      expect(Object.keys(PREPROCESSING), name).toContain(preprocessing);
    }
    for (const { model, labels, licence, source } of WEIGHT_SETS) {
      expect(findModel(model).id).toBe(model);
      // A list of labels fits the classes that the model has by itself.
      if (labels === "imagenet_1000") expect(findModel(model).options.numClasses?.default).toBe(1000);
      expect(licence && source).toBeTruthy();
    }
  });

  test("are found by model, the most common first; drawn networks have none", () => {
    const found = MODELS.map(({ id }) => [id, weightSetsOf(id).map((set) => set.id)]);
    expect(Object.fromEntries(found)).toEqual({
      "googlenet.paper": ["bvlc_googlenet"],
      "googlenet.public": ["torchvision_googlenet", "slim_inception_v1"],
      "inception_v2.slim": ["slim_inception_v2", "slim_inception_v2_batch_norm"],
      "inception_v2.caffe": ["cadene_bninception"],
      "inception_v3.public": [
        "timm_inception_v3",
        "torchvision_inception_v3",
        "keras_inception_v3",
        "keras3_inception_v3",
        "slim_inception_v3",
      ],
      "inception_v3.table": [],
      "inception_v3.fid": ["pytorch_fid_inception_v3"],
      "inception_v4.public": ["timm_inception_v4", "cadene_inception_v4", "slim_inception_v4"],
      "inception_resnet_v1.spec": [],
      "inception_resnet_v1.paper": [],
      "inception_resnet_v1.public": ["facenet", "facenet_tensorflow", "keras_facenet"],
      "inception_resnet_v2.spec": [],
      "inception_resnet_v2.paper": [],
      "inception_resnet_v2.public": [
        "timm_inception_resnet_v2",
        "cadene_inception_resnet_v2",
        "keras_inception_resnet_v2",
        "keras3_inception_resnet_v2",
        "slim_inception_resnet_v2",
      ],
      "inception_resnet_3d.table": [],
      "inception_resnet_3d.paper": [],
      "inception_resnet_3d.code": [],
    });
  });
});

describe("the files of the public code", () => {
  test.each([
    { file: "torchvision.googlenet", model: "googlenet.public", options: {}, ignored: /\.num_batches_tracked$|^aux[12]\./ },
    { file: "torchvision.googlenet", model: "googlenet.public", options: { aux: true }, ignored: /\.num_batches_tracked$/ },
    { file: "torchvision.inception_v3", model: "inception_v3.public", options: {}, ignored: /\.num_batches_tracked$|^AuxLogits\./ },
    { file: "torchvision.inception_v3", model: "inception_v3.public", options: { aux: true }, ignored: /\.num_batches_tracked$/ },
    { file: "fid.inception_v3", model: "inception_v3.fid", options: {}, ignored: /\.num_batches_tracked$/ },
    { file: "timm.inception_v4", model: "inception_v4.public", options: {}, ignored: /\.num_batches_tracked$/ },
    { file: "timm.inception_resnet_v2", model: "inception_resnet_v2.public", options: {}, ignored: /\.num_batches_tracked$/ },
    { file: "facenet.inception_resnet_v1", model: "inception_resnet_v1.public", options: {}, ignored: /\.num_batches_tracked$|^logits\./ },
    {
      file: "facenet.inception_resnet_v1",
      model: "inception_resnet_v1.public",
      options: { numClasses: 1000 },
      ignored: /\.num_batches_tracked$/,
    },
  ])("$file fits $model $options", ({ file, model, options, ignored }) => {
    const golden = readModelGolden(file);
    const graph = findModel(model).describe(options);
    const report = compareWeights(graph, filledFile(golden.state_dict), mapOf(model));
    expect(report).toMatchObject({ missing: [], unexpected: [], reshaped: [], mismatched: [] });
    expect(report.matched.length).toBe(graph.parameters.length);
    expect(report.ignored).toEqual(golden.state_dict.map(([key]) => key).filter((key) => ignored.test(key)));
  });

  test("Cadene's names are timm's but for the head", () => {
    const [timm, cadene] = weightSetsOf("inception_resnet_v2.public").map(({ map }) => map);
    const different = describeModel("inception_resnet_v2")
      .parameters.map(({ path }) => path)
      .filter((path) => timm?.nameOf(path) !== cadene?.nameOf(path));
    expect(different).toEqual(["classif.weight", "classif.bias"]);
    expect(different.map((path) => cadene?.nameOf(path))).toEqual(["last_linear.weight", "last_linear.bias"]);
  });

  test("names of timm and facenet-pytorch in the tables are names of parameters", () => {
    for (const id of ["inception_resnet_v1.public", "inception_resnet_v2.public"]) {
      const map = mapOf(id);
      const names = new Set(
        findModel(id)
          .describe({ inputSize: 299 })
          .parameters.map(({ path }) => map.nameOf(path)),
      );
      for (const { facenetPytorch, timm, conv } of architecture(id).names ?? []) {
        const key = facenetPytorch ?? timm;
        expect(names).toContain(conv.includes("no BN") ? `${key}.bias` : `${key}.bn.running_var`);
        expect(names).toContain(conv.includes("no BN") ? `${key}.weight` : `${key}.conv.weight`);
      }
    }
  });
});

describe("BVLC's Caffe names", () => {
  const map = mapOf("googlenet.paper");
  test.each([
    ["conv1.conv.weight", "conv1/7x7_s2.weight"],
    ["conv1.conv.bias", "conv1/7x7_s2.bias"],
    ["conv2.conv.weight", "conv2/3x3_reduce.weight"],
    ["conv3.conv.weight", "conv2/3x3.weight"],
    ["inception3a.branch1.conv.weight", "inception_3a/1x1.weight"],
    ["inception3a.branch2.0.conv.weight", "inception_3a/3x3_reduce.weight"],
    ["inception4e.branch2.1.conv.bias", "inception_4e/3x3.bias"],
    ["inception4e.branch3.0.conv.weight", "inception_4e/5x5_reduce.weight"],
    ["inception5b.branch3.1.conv.weight", "inception_5b/5x5.weight"],
    ["inception5b.branch4.1.conv.bias", "inception_5b/pool_proj.bias"],
    ["fc.weight", "loss3/classifier.weight"],
    ["fc.bias", "loss3/classifier.bias"],
    ["aux1.conv.conv.weight", "loss1/conv.weight"],
    ["aux1.fc1.bias", "loss1/fc.bias"],
    ["aux2.fc2.weight", "loss2/classifier.weight"],
  ])("%s is %s", (path, name) => {
    expect(describeModel("googlenet.paper", { aux: true }).parameters.map((parameter) => parameter.path)).toContain(path);
    expect(map.nameOf(path)).toBe(name);
  });

  test("nothing of ours is left in them, and heads that the network lacks are ignored", () => {
    const names = describeModel("googlenet.paper", { aux: true }).parameters.map(({ path }) => map.nameOf(path));
    const known =
      /^(conv1\/7x7_s2|conv2\/3x3(_reduce)?|inception_[345][a-e]\/(1x1|[35]x[35](_reduce)?|pool_proj)|loss[12]\/(conv|fc|classifier)|loss3\/classifier)\.(weight|bias)$/;
    expect(names.filter((name) => !known.test(name))).toEqual([]);
    expect(names.filter((name) => map.ignore.some((pattern) => pattern.test(name))).length).toBe(12);
  });
});

describe("real files", () => {
  const caffe = "data/googlenet_bvlc/bvlc_googlenet.safetensors";
  const facenet = "data/facenet_vggface2/20180402-114759-vggface2-fp16.pt";

  test.skipIf(!sharedPath(caffe))(titleNeeding("every tensor of BVLC's GoogLeNet has its place", sharedPath(caffe), caffe), async () => {
    const file = await openShared(caffe);
    const graph = describeModel("googlenet.paper");
    const report = compareWeights(graph, file, mapOf("googlenet.paper"));
    expect(report).toMatchObject({ missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] });
    expect(report.matched.length).toBe(116);
  });

  test.skipIf(!sharedPath(facenet))(
    titleNeeding("half-precision facenet weights become float32", sharedPath(facenet), facenet),
    async () => {
      const graph = describeModel("inception_resnet_v1");
      const { parameters, report } = await loadWeights(graph, await openShared(facenet), mapOf("inception_resnet_v1.public"));
      expect(report).toMatchObject({ missing: [], unexpected: [], reshaped: [], mismatched: [] });
      expect(parameters.size).toBe(graph.parameters.length);
      for (const { dtype, data } of parameters.values()) expect([dtype, Number.isFinite(Number(data[0]))]).toEqual(["float32", true]);
    },
  );
});

function mapOf(model: string): NameMap {
  const [set] = weightSetsOf(model);
  if (set === undefined) throw new RangeError(`Cannot find a weight set of ${model}`);
  return set.map;
}

async function openShared(relative: string): Promise<WeightFile> {
  const bytes = readFileSync(sharedPath(relative) ?? "");
  return openWeightFile(bytesSource(relative, bytes));
}
