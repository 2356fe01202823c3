import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelGolden } from "../../test/model-goldens.js";
import { PREPROCESSING, type Preprocessing } from "../data/index.js";
import type { InceptionError } from "../errors.js";
import { readSafetensorsHeader } from "../formats/safetensors.js";
import { findModel, type OptionInput } from "../models/index.js";
import type { ModelMetadata } from "../predict/model-metadata.js";
import type { PreparedModel } from "../tasks/prepare-model.js";
import { elementCount, float32Tensor } from "../tensor/tensor.js";
import { exportTimm } from "./export-timm.js";
import { openFileSource } from "./file-source.js";
import { prepareModel } from "./prepare-model.js";

const RECIPE: Preprocessing = PREPROCESSING.timm_inception_resnet_v2;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-timm-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A network whose parameters are all 0 but the classifier's bias. */
function prepared(model: string, options: OptionInput, changes: Partial<ModelMetadata> = {}): PreparedModel {
  const graph = findModel(model).describe(options);
  const parameters = new Map(
    graph.parameters.map(({ path: name, type }) => {
      const shape = type.shape.map(Number);
      return [name, float32Tensor(shape, new Float32Array(elementCount(shape)))] as const;
    }),
  );
  const bias = parameters.get("classif.bias")?.data;
  if (bias instanceof Float32Array) bias.set(Array.from(bias, (_, index) => index / 8));
  const metadata = {
    model: findModel(model).id,
    options,
    preprocessing: RECIPE,
    labels: null,
    source: "test",
    licence: "none",
    weightsSha256: null,
    golden: null,
  };
  const report = { source: "test", matched: [], missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] };
  return { graph, parameters, metadata: { ...metadata, ...changes }, report };
}

const SMALL = { numClasses: 10, widthMultiplier: 0.05 } as const;

/** A narrow network that says it is not, where its weights do not matter: the whole one takes 220 MB. */
function small(preprocessing: Preprocessing | null): PreparedModel {
  return prepared("inception_resnet_v2", SMALL, { options: { numClasses: 10 }, preprocessing });
}

describe("inception_resnet_v2", () => {
  test("has timm's keys and shapes at another number of classes, and reads back", async () => {
    const golden = readModelGolden("timm.inception_resnet_v2");
    const other = new Map(golden.state_dict_10_differs);
    const labels = Array.from({ length: 10 }, (_, index) => `class ${index}`);
    const target = path.join(folder, "new", "ten");
    const done = await exportTimm(prepared("inception_resnet_v2", { numClasses: 10, aux: true }, { labels }), target);

    const file = path.join(target, "model.safetensors");
    expect(done).toEqual({ architecture: "inception_resnet_v2", bytes: statSync(file).size });
    const source = await openFileSource(file);
    const { tensors, metadata } = await readSafetensorsHeader(source);
    await source.close();
    const written = tensors.map(({ name, shape, dtype }) => [name, shape, dtype] as const);
    const listed = golden.state_dict.map(([name, shape]) => {
      return [name, other.get(name) ?? shape, name.endsWith("num_batches_tracked") ? "int64" : "float32"] as const;
    });
    expect(other.size).toBe(2);
    expect(sorted(written)).toEqual(sorted(listed));
    expect(metadata.get("format")).toBe("pt");

    expect(JSON.parse(readFileSync(path.join(target, "config.json"), "utf8"))).toEqual({
      architecture: "inception_resnet_v2",
      num_classes: 10,
      num_features: 1536,
      label_names: labels,
      pretrained_cfg: {
        custom_load: false,
        input_size: [3, 299, 299],
        fixed_input_size: false,
        interpolation: "bicubic",
        crop_pct: 0.897,
        crop_mode: "center",
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
        num_classes: 10,
        first_conv: "conv2d_1a.conv",
        classifier: "classif",
      },
    });
    // timm computes the size before the crop so; its own configuration, 0.8975, gives 333 as well.
    expect([Math.floor(299 / 0.897), Math.floor(299 / 0.8975)]).toEqual([333, 333]);

    const again = await prepareModel("inception_resnet_v2", file, { options: { aux: false } });
    expect(again.metadata.labels).toEqual(labels);
    expect(Array.from(again.parameters.get("classif.bias")?.data ?? [], Number)).toEqual(
      Array.from({ length: 10 }, (_, index) => index / 8),
    );
  });

  test.each([
    [
      { ...RECIPE, resize: { kind: "warp", size: 299, filter: "bilinear" }, crop: null },
      { crop_pct: 1, crop_mode: "squash", interpolation: "bilinear" },
    ],
    [
      { ...RECIPE, resize: { kind: "shorter_side", size: 341, filter: "lanczos" } },
      { crop_pct: 0.876, crop_mode: "center", interpolation: "lanczos" },
    ],
  ] as const)("says in timm's words %j", async (preprocessing, expected) => {
    const target = path.join(folder, String(expected.crop_pct));
    await exportTimm(small(preprocessing), target);
    expect(JSON.parse(readFileSync(path.join(target, "config.json"), "utf8"))).toMatchObject({ pretrained_cfg: expected });
  });
});

describe("refuses, by name, and writes nothing", () => {
  const cannot = 'Cannot export "inception_resnet_v2.public" for timm';
  test.each<[string, PreparedModel, string]>([
    [
      "a network that timm does not have",
      prepared("googlenet.public", SMALL),
      'Cannot export "googlenet.public" for timm: timm does not have this network, expected one of inception_resnet_v2.public',
    ],
    ["another width", prepared("inception_resnet_v2", SMALL), `${cannot} with widthMultiplier 0.05: timm's inception_resnet_v2 has 1`],
    [
      "another number of blocks",
      prepared("inception_resnet_v2", SMALL, { options: { repeats: [1, 1, 1] } }),
      `${cannot} with repeats [1,1,1]: timm's inception_resnet_v2 has [10,20,9]`,
    ],
    ["no preprocessing", small(null), `${cannot}: its preprocessing is not known, expected one to be given`],
    [
      "a filter that timm does not have",
      small({ ...RECIPE, resize: { ...RECIPE.resize, filter: "torch_bilinear" } }),
      `${cannot}: its preprocessing resizes by torch_bilinear, expected one of nearest, box, bilinear, hamming, bicubic, lanczos`,
    ],
    ["BGR", small({ ...RECIPE, channelOrder: "BGR" }), `${cannot}: its preprocessing has channels in the order BGR, expected RGB or L`],
    [
      "whitening",
      small({ ...RECIPE, perImageWhitening: true }),
      `${cannot}: its preprocessing whitens each image, expected fixed mean and std`,
    ],
    [
      "slim's crop",
      small(PREPROCESSING.slim_299),
      `${cannot}: its preprocessing does not give a square of 299×299 pixels by shorter_side and crop, or by warp, expected what timm can do`,
    ],
  ])("%s", async (name, model, message) => {
    const target = path.join(folder, name);
    await expect(exportTimm(model, target)).rejects.toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }) as InceptionError);
    expect(existsSync(target)).toBe(false);
  });

  test("a file where the folder should be", async () => {
    const target = path.join(folder, "file");
    writeFileSync(target, "");
    await expect(exportTimm(small(RECIPE), target)).rejects.toThrow(
      expect.objectContaining({
        code: "WRITE_FAILED",
        message: `Cannot write "${target}": it is a file, not a directory`,
      }) as InceptionError,
    );
  });
});

function sorted<T extends readonly [string, ...unknown[]]>(entries: readonly T[]): readonly T[] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
