/** Names of TensorFlow and Keras: every row of the tables, the layers that Keras Applications' own code made, and their numbers. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Group } from "h5wasm";
import { describe, expect, test } from "vitest";
import { describeModel, findModel, type OptionInput } from "../../src/models/index.js";
import { KERAS_RESNET_V2, KERAS_VARS_RESNET_V2, SLIM_RESNET_V2 } from "../../src/models/names/inception-resnet.js";
import { KERAS_V3, KERAS_VARS_V3 } from "../../src/models/names/inception-v3.js";
import { kerasCanonical } from "../../src/models/names/tensorflow.js";
import { weightSetsOf } from "../../src/models/weights.js";
import { prepareModel } from "../../src/node/prepare-model.js";
import { fillUniform, fnv1a32, mulberry32 } from "../../src/tensor/fill.js";
import { elementCount, float32Tensor } from "../../src/tensor/tensor.js";
import { compareWeights, loadWeights } from "../../src/weights/apply.js";
import type { NameMap } from "../../src/weights/name-map.js";
import type { TensorEntry, WeightFile } from "../../src/weights/weight-file.js";
import { architecture, type NameRow } from "../architectures.js";
import { libraryFile } from "../h5wasm-files.js";
import type { Samples } from "../model-goldens.js";
import { withModel } from "../run-graph.js";
import { goldenPath } from "../shared.js";

function mapOf(model: string, source: string): NameMap {
  const map = weightSetsOf(model).find((set) => set.map.source === source)?.map;
  if (map === undefined) throw new RangeError(`Cannot find ${source} names of ${model}`);
  return map;
}

/** Our path of a row's kernel: timm's, torchvision's or facenet-pytorch's unit is ours. */
function kernelOf({ timm, torchvision, facenetPytorch, conv }: NameRow): string {
  return `${timm ?? torchvision ?? facenetPytorch}.${conv.includes("no BN") ? "weight" : "conv.weight"}`;
}

describe("the tables' rows", () => {
  test.each([
    { model: "inception_v3.public", source: "slim", scope: "InceptionV3", count: 94 },
    { model: "inception_v4.public", source: "slim", scope: "InceptionV4", count: 48 },
    { model: "inception_resnet_v1.public", source: "facenet", scope: "InceptionResnetV1", count: 34 },
    { model: "inception_resnet_v2.public", source: "slim", scope: "InceptionResnetV2", count: 41 },
  ])("of $model have $source's names", ({ model, source, scope, count }) => {
    const rows = architecture(model).names ?? [];
    expect(rows.length).toBe(count);
    const map = mapOf(model, source);
    const paths = new Set(
      findModel(model)
        .describe()
        .parameters.map(({ path }) => path),
    );
    for (const row of rows) {
      const kernel = kernelOf(row);
      expect(paths).toContain(kernel);
      expect(map.nameOf(kernel)).toBe(`${scope}/${row.slim ?? row.facenetTf}/weights`);
    }
  });

  test.each([
    ["inception_v3.public", KERAS_V3],
    ["inception_resnet_v2.public", KERAS_RESNET_V2],
  ] as const)("of %s have Keras' numbers", (model, map) => {
    for (const row of architecture(model).names ?? []) {
      const layer = /^\d+$/.test(row.keras ?? "") ? `conv2d_${row.keras}` : row.keras;
      expect(map.nameOf(kernelOf(row))).toBe(`${layer}/kernel`);
    }
  });
});

test("keras-facenet's names are facenet's variables, written as its converter writes them", () => {
  const [theirs, ours] = [mapOf("inception_resnet_v1.public", "facenet"), mapOf("inception_resnet_v1.public", "keras-facenet")];
  const graph = describeModel("inception_resnet_v1.public", { embeddingSize: 128 });
  const parameters = graph.parameters.filter(({ role }) => role !== "norm_scale");
  const arrays = new Map(
    parameters.map(({ path: name, role, type }) => {
      const flat = theirs.nameOf(name).replaceAll("/", "_").replace("InceptionResnetV1_", "");
      const block = flat.replace(/Repeat_[0-9_]*b/, "B").replace(/^Block8(?=_[A-Z])/, "Block8_6");
      return [block.replace("_weights", "_kernel").replace("_biases", "_bias"), tensorflowShape(role, type.shape.map(Number))] as const;
    }),
  );
  expect([...arrays.keys()]).toContain("Block35_1_Branch_0_Conv2d_1x1_kernel");
  expect([...arrays.keys()]).toContain("Block8_6_Branch_1_Conv2d_0c_3x1_BatchNorm_beta");
  const layers = (name: string) => name.replace(/^(.*)_(kernel|bias|beta|moving_mean|moving_variance)$/, "$1/$1/$2:0");
  for (const written of [(name: string) => name, layers]) {
    const entries = [...arrays].map(([name, shape]): [string, TensorEntry] => {
      const read = () => Promise.reject(new RangeError("Cannot read values here"));
      return [written(name), { name: written(name), dtype: "float32", shape, read }];
    });
    const report = compareWeights(graph, { format: "listed", metadata: {}, tensors: new Map(entries) }, ours);
    expect(report).toMatchObject({ missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] });
    expect(report.matched.length).toBe(parameters.length);
  }
});

/** Single names of the text of the tables: heads, ends of rows of blocks, and slim's slips. */
describe("names beside the tables", () => {
  test.each([
    ["googlenet.public", "slim", "conv1.conv.weight", "InceptionV1/Conv2d_1a_7x7/weights"],
    ["googlenet.public", "slim", "conv2.bn.bias", "InceptionV1/Conv2d_2b_1x1/BatchNorm/beta"],
    ["googlenet.public", "slim", "conv3.bn.running_var", "InceptionV1/Conv2d_2c_3x3/BatchNorm/moving_variance"],
    ["googlenet.public", "slim", "inception3a.branch1.conv.weight", "InceptionV1/Mixed_3b/Branch_0/Conv2d_0a_1x1/weights"],
    [
      "googlenet.public",
      "slim",
      "inception4e.branch2.1.bn.running_mean",
      "InceptionV1/Mixed_4f/Branch_1/Conv2d_0b_3x3/BatchNorm/moving_mean",
    ],
    ["googlenet.public", "slim", "inception4a.branch3.1.conv.weight", "InceptionV1/Mixed_4b/Branch_2/Conv2d_0b_3x3/weights"],
    ["googlenet.public", "slim", "inception5a.branch3.1.conv.weight", "InceptionV1/Mixed_5b/Branch_2/Conv2d_0a_3x3/weights"],
    ["googlenet.public", "slim", "inception5b.branch3.1.conv.weight", "InceptionV1/Mixed_5c/Branch_2/Conv2d_0b_3x3/weights"],
    ["googlenet.public", "slim", "inception5b.branch4.1.conv.weight", "InceptionV1/Mixed_5c/Branch_3/Conv2d_0b_1x1/weights"],
    ["googlenet.public", "slim", "fc.weight", "InceptionV1/Logits/Conv2d_0c_1x1/weights"],
    ["googlenet.public", "slim", "fc.bias", "InceptionV1/Logits/Conv2d_0c_1x1/biases"],
    ["inception_v2.slim", "slim", "conv1_7x7_s2.depthwise.weight", "InceptionV2/Conv2d_1a_7x7/depthwise_weights"],
    ["inception_v2.slim", "slim", "conv1_7x7_s2.pointwise.weight", "InceptionV2/Conv2d_1a_7x7/pointwise_weights"],
    ["inception_v2.slim", "slim", "conv1_7x7_s2.pointwise.bias", "InceptionV2/Conv2d_1a_7x7/biases"],
    ["inception_v2.slim", "slim", "conv2_3x3_reduce.weight", "InceptionV2/Conv2d_2b_1x1/weights"],
    ["inception_v2.slim", "slim", "conv2_3x3_bn.bias", "InceptionV2/Conv2d_2c_3x3/BatchNorm/beta"],
    ["inception_v2.slim", "slim", "inception_3a_double_3x3_2.weight", "InceptionV2/Mixed_3b/Branch_2/Conv2d_0c_3x3/weights"],
    ["inception_v2.slim", "slim", "inception_3c_3x3.weight", "InceptionV2/Mixed_4a/Branch_0/Conv2d_1a_3x3/weights"],
    [
      "inception_v2.slim",
      "slim",
      "inception_4e_double_3x3_2_bn.running_mean",
      "InceptionV2/Mixed_5a/Branch_1/Conv2d_1a_3x3/BatchNorm/moving_mean",
    ],
    ["inception_v2.slim", "slim", "inception_5b_pool_proj.weight", "InceptionV2/Mixed_5c/Branch_3/Conv2d_0b_1x1/weights"],
    ["inception_v2.slim", "slim", "last_linear.weight", "InceptionV2/Logits/Conv2d_1c_1x1/weights"],
    ["inception_v3.public", "slim", "fc.weight", "InceptionV3/Logits/Conv2d_1c_1x1/weights"],
    ["inception_v3.public", "slim", "AuxLogits.conv1.conv.weight", "InceptionV3/AuxLogits/Conv2d_2a_5x5/weights"],
    ["inception_v3.public", "slim", "AuxLogits.fc.bias", "InceptionV3/AuxLogits/Conv2d_2b_1x1/biases"],
    ["inception_v3.public", "slim", "Mixed_7b.branch3x3_2b.conv.weight", "InceptionV3/Mixed_7b/Branch_1/Conv2d_0b_3x1/weights"],
    ["inception_v4.public", "slim", "features.9.branch3.1.conv.weight", "InceptionV4/Mixed_5e/Branch_3/Conv2d_0b_1x1/weights"],
    ["inception_v4.public", "slim", "features.17.branch0.bn.bias", "InceptionV4/Mixed_6h/Branch_0/Conv2d_0a_1x1/BatchNorm/beta"],
    ["inception_v4.public", "slim", "features.21.branch2_3b.conv.weight", "InceptionV4/Mixed_7d/Branch_2/Conv2d_0e_3x1/weights"],
    ["inception_v4.public", "slim", "last_linear.weight", "InceptionV4/Logits/Logits/weights"],
    ["inception_v4.public", "slim", "AuxLogits.fc.weight", "InceptionV4/AuxLogits/Aux_logits/weights"],
    ["inception_resnet_v1.public", "facenet", "repeat_3.4.conv2d.bias", "InceptionResnetV1/Repeat_2/block8_5/Conv2d_1x1/biases"],
    ["inception_resnet_v1.public", "facenet", "block8.branch1.2.conv.weight", "InceptionResnetV1/Block8/Branch_1/Conv2d_0c_3x1/weights"],
    ["inception_resnet_v1.public", "facenet", "last_linear.weight", "InceptionResnetV1/Bottleneck/weights"],
    ["inception_resnet_v1.public", "facenet", "last_bn.bias", "InceptionResnetV1/Bottleneck/BatchNorm/beta"],
    ["inception_resnet_v1.public", "facenet", "logits.weight", "Logits/weights"],
    [
      "inception_resnet_v2.public",
      "slim",
      "repeat_1.19.branch1.2.conv.weight",
      "InceptionResnetV2/Repeat_1/block17_20/Branch_1/Conv2d_0c_7x1/weights",
    ],
    ["inception_resnet_v2.public", "slim", "classif.bias", "InceptionResnetV2/Logits/Logits/biases"],
    ["inception_resnet_v2.public", "slim", "AuxLogits.fc.weight", "InceptionResnetV2/AuxLogits/Logits/weights"],
  ])("%s, %s: %s", (model, source, path, name) => {
    const aux: OptionInput = path.startsWith("AuxLogits") ? { aux: true } : {};
    const options = path.startsWith("logits") ? { numClasses: 8631 } : aux;
    expect(
      findModel(model)
        .describe(options)
        .parameters.map((parameter) => parameter.path),
    ).toContain(path);
    expect(mapOf(model, source).nameOf(path)).toBe(name);
  });

  test("the optimizer's variables hold nothing for inference, everything else does", () => {
    const isIgnored = (name: string) => SLIM_RESNET_V2.ignore.some((pattern) => pattern.test(name));
    const layer = "InceptionResnetV2/Conv2d_1a_3x3/weights";
    for (const slot of ["RMSProp", "RMSProp_1", "Momentum", "ExponentialMovingAverage"]) expect(isIgnored(`${layer}/${slot}`)).toBe(true);
    for (const name of ["global_step", "InceptionResnetV2/AuxLogits/Logits/biases"]) expect(isIgnored(name)).toBe(true);
    for (const name of [layer, "InceptionResnetV2/Conv2d_9z/weights", "Momentum", "my_global_step"]) expect(isIgnored(name)).toBe(false);
  });
});

interface KerasGolden {
  readonly parameter_count_including_moving_statistics: number;
  readonly layers: readonly {
    readonly class: string;
    readonly name: string;
    readonly auto_named: boolean;
    readonly weights: readonly (readonly [leaf: string, shape: readonly number[]])[];
  }[];
  readonly cases: { readonly native: KerasCase };
}

interface KerasCase {
  readonly input: { readonly key: string; readonly shape_NCHW: readonly number[] };
  readonly stages_NCHW: Readonly<Record<string, Samples>>;
  readonly logits_1000_before_softmax: readonly { readonly first: readonly number[]; readonly argmax: number; readonly l2: number }[];
}

function readGolden(name: string): KerasGolden {
  return JSON.parse(readFileSync(goldenPath(`keras/${name}.json`), "utf8")) as KerasGolden;
}

/** The fill of test/goldens/README.md for Keras' leaves, whose kernels have the inputs of an output in all axes but the last. */
function fillKeras(key: string, shape: readonly number[]): Float32Array {
  const leaf = key.slice(key.lastIndexOf("/") + 1);
  const fanIn = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
  const [center, spread] =
    leaf === "kernel" ? [0, 0.95 * Math.sqrt(6 / fanIn)] : leaf === "gamma" ? [1, 0.2] : leaf === "moving_variance" ? [1, 0.5] : [0, 0.1];
  const draw = mulberry32(fnv1a32(key));
  return Float32Array.from({ length: elementCount(shape) }, () => center + spread * (2 * draw() - 1));
}

/** A weight file of Keras as h5py lays it out, filled; `rename` may name a layer as another session would. */
function kerasFile({ layers }: KerasGolden, rename: (layer: string) => string = (layer) => layer, prefix = ""): WeightFile {
  const entries = layers.flatMap(({ name, weights }) =>
    weights.map(([leaf, shape]): readonly [string, TensorEntry] => {
      const path = `${prefix}${rename(name)}/${rename(name)}/${leaf}:0`;
      const read = async () => float32Tensor(shape, fillKeras(`${name}/${leaf}`, shape));
      return [path, { name: path, dtype: "float32", shape, read }];
    }),
  );
  return { format: "Keras HDF5", metadata: {}, tensors: new Map(entries) };
}

const KERAS = [
  { file: "inception_v3", model: "inception_v3.public", map: KERAS_V3, options: { countIncludePad: false }, layers: 189, gammas: 94 },
  { file: "inception_resnet_v2", model: "inception_resnet_v2.public", map: KERAS_RESNET_V2, options: {}, layers: 449, gammas: 204 },
] as const;

describe.each(KERAS)("Keras Applications' $file", ({ file, model, map, options, layers, gammas }) => {
  const golden = readGolden(file);
  const graph = describeModel(model, options);

  test("every tensor of its layers has its place, and their number is Keras' own", () => {
    const withWeights = golden.layers.filter(({ weights }) => weights.length > 0);
    expect(withWeights.length).toBe(layers);
    const shapes = withWeights.flatMap(({ weights }) => weights.map(([, shape]) => elementCount(shape)));
    const total = shapes.reduce((sum, count) => sum + count, 0);
    expect(total).toBe(golden.parameter_count_including_moving_statistics);
    const report = compareWeights(graph, kerasFile(golden), map);
    expect(report).toMatchObject({ missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] });
    expect(report.matched.length).toBe(shapes.length);
    expect(report.omitted?.length).toBe(gammas);
    // Ours has the scales, which Keras leaves out.
    const scales = graph.parameters.filter(({ role }) => role === "norm_scale").reduce((sum, { type }) => sum + Number(type.shape[0]), 0);
    const ours = graph.parameters.reduce((sum, { type }) => sum + elementCount(type.shape.map(Number)), 0);
    expect(ours - scales).toBe(total);
  });

  test.each([
    [
      "of a session that built another network before",
      (name: string) => name.replace(/^(conv2d|batch_normalization)_(\d+)$/, (_, kind: string, n: string) => `${kind}_${Number(n) + 94}`),
      "",
    ],
    [
      "of tf.keras, which begins without a number",
      (name: string) =>
        name.replace(/^(conv2d|batch_normalization)_(\d+)$/, (_, kind: string, n: string) =>
          n === "1" ? kind : `${kind}_${Number(n) - 1}`,
        ),
      "",
    ],
    ["of a whole model", (name: string) => name, "model_weights/"],
  ])("numbers %s are counted anew", (_, rename, prefix) => {
    const report = compareWeights(graph, kerasFile(golden, rename, prefix), map);
    expect(report).toMatchObject({ missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] });
  });

  test("its weights give its logits", { timeout: 300_000 }, async () => {
    const { parameters } = await loadWeights(graph, kerasFile(golden), map);
    const { input, logits_1000_before_softmax: rows } = golden.cases.native;
    const [row] = rows;
    const feed = { shape: input.shape_NCHW, data: fillUniform(input.key, elementCount(input.shape_NCHW), -1, 1) };
    const logits = await withModel(graph, parameters, {}, async (opened) => (await opened.run({ input: feed }, ["logits"])).logits);
    const values = [...(logits?.data ?? [])];
    // The golden's tolerance: 5e-5 of the spread of the logits, which is near 1.
    const spread = (row?.l2 ?? 0) / Math.sqrt(values.length);
    for (const [index, expected] of (row?.first ?? []).entries())
      expect(Math.abs((values[index] ?? Number.NaN) - expected)).toBeLessThan(5e-5 * spread);
    expect(values.indexOf(Math.max(...values))).toBe(row?.argmax);
  });
});

interface Keras3Layers {
  /** By model and class: the name of the layer that Keras 3 saves as number 0, 1, 2, …. */
  readonly models: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const KERAS3 = JSON.parse(readFileSync(goldenPath("keras/keras3_layers.json"), "utf8")) as Keras3Layers;
const VARIABLES = new Map([
  ["kernel", 0],
  ["bias", 1],
  ["beta", 0],
  ["moving_mean", 1],
  ["moving_variance", 2],
]);

/** Where Keras 3 saved a variable, by the name that older files have for it: `conv2d_1/kernel`. */
function savedByKeras3(model: string, older: string): string {
  const [layer = "", leaf = ""] = older.split("/");
  // Keras 3 begins without a number where Keras 2 began with 1.
  const name = layer.replace(/^(conv2d|batch_normalization)_(\d+)$/, (_, kind: string, n: string) =>
    n === "1" ? kind : `${kind}_${Number(n) - 1}`,
  );
  for (const [kind, layers] of Object.entries(KERAS3.models[model] ?? {})) {
    const number = layers.indexOf(name);
    if (number >= 0) return `layers/${number === 0 ? kind : `${kind}_${number}`}/vars/${VARIABLES.get(leaf)}`;
  }
  throw new RangeError(`Cannot find "${older}" among the layers that Keras 3 saved`);
}

describe.each([
  { file: "inception_v3", model: "inception_v3.public", older: KERAS_V3, map: KERAS_VARS_V3, count: 378 },
  { file: "inception_resnet_v2", model: "inception_resnet_v2.public", older: KERAS_RESNET_V2, map: KERAS_VARS_RESNET_V2, count: 898 },
])("Keras Applications' $file as Keras 3 saves it", ({ file, model, older, map, count }) => {
  const parameters = findModel(model)
    .describe()
    .parameters.filter(({ role }) => role !== "norm_scale");

  test("every variable is where Keras put it", () => {
    expect(parameters.length).toBe(count);
    for (const { path } of parameters) expect([path, map.nameOf(path)]).toEqual([path, savedByKeras3(file, older.nameOf(path))]);
  });

  test.each<[string, (name: string) => string]>([
    ["alone", (name) => name],
    ["inside another model", (name) => (name.startsWith("layers/dense/") ? name : `layers/functional/${name}`)],
    ["before Keras 3", (name) => name.replace(/^layers/, "_layer_checkpoint_dependencies")],
  ])("a file of a small one gives its values, %s", async (_, nested) => {
    const options = { widthMultiplier: 0.0625, inputSize: 75, numClasses: 5 };
    const graph = findModel(model).describe(options);
    const folder = await mkdtemp(path.join(tmpdir(), "inceptionkit-keras3-"));
    try {
      const values = new Map<string, Float32Array>();
      const bytes = await libraryFile((h5) => {
        for (const { path: name, role, type } of graph.parameters) {
          if (role === "norm_scale") continue;
          const theirs = nested(savedByKeras3(file, older.nameOf(name)));
          const shape = tensorflowShape(role, type.shape.map(Number));
          const data = fillUniform(name, elementCount(shape), -1, 1);
          values.set(name, data);
          const parts = theirs.split("/");
          let group: Group = h5;
          for (const part of parts.slice(0, -1)) group = (group.get(part) as Group | null) ?? group.create_group(part);
          group.create_dataset({ name: parts.at(-1) ?? "", data, shape: [...shape] });
        }
        h5.create_group("optimizer")
          .create_group("vars")
          .create_dataset({ name: "0", data: Int32Array.of(7), shape: [] });
      });
      const weights = path.join(folder, "model.weights.h5");
      await writeFile(weights, bytes);
      const prepared = await prepareModel(model, weights, { options });
      expect(prepared.metadata.source).toBe("model.weights.h5, by keras 3 names");
      expect(prepared.report).toMatchObject({ missing: [], unexpected: [], ignored: ["optimizer/vars/0"] });
      for (const { path: name, role } of graph.parameters) {
        const sum = (list: ArrayLike<number>) => Array.from(list).reduce((total, value) => total + value, 0);
        const found = prepared.parameters.get(name)?.data as Float32Array;
        if (role === "norm_scale") expect(found.every((value) => value === 1)).toBe(true);
        // Kernels change the order of their axes, which the tests of conventions check; no two sums are equal.
        else expect(sum(found.toSorted())).toBe(sum(values.get(name)?.toSorted() ?? []));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

function tensorflowShape(role: string, shape: readonly number[]): readonly number[] {
  const [out = 0, inner = 0, height = 0, width = 0] = shape;
  return role === "conv_kernel" ? [height, width, inner, out] : role === "linear_kernel" ? [inner, out] : shape;
}

test("paths of Keras that are no layer's weights stay as they are", () => {
  const names = ["optimizer_weights/adam/iteration", "top_level_model_weights/x/y", "layers/conv2d/vars/0", "alone"];
  expect(names.map(kerasCanonical(names))).toEqual(names);
});
