/** Which networks a file fits, and what a classifier that is another one says. Names and shapes alone; no value is ever read. */
import { describe, expect, test } from "vitest";
import type { Graph } from "../ir/graph.js";
import { compareWeights } from "../weights/apply.js";
import type { NameMap } from "../weights/name-map.js";
import type { TensorEntry, WeightFile } from "../weights/weight-file.js";
import { classifierDifference } from "./classifier.js";
import { weightFits } from "./fits.js";
import { describeModel, findModel, type OptionInput } from "./index.js";
import { OWN_NAMES, weightSetsOf } from "./weights.js";

type Shapes = ReadonlyMap<string, readonly number[]>;

function listed(shapes: Shapes): WeightFile {
  const entries = [...shapes].map(([name, shape]): [string, TensorEntry] => {
    const read = () => Promise.reject(new RangeError(`Cannot read "${name}": no value may be read`));
    return [name, { name, dtype: "float32", shape, read }];
  });
  return { format: "listed", metadata: {}, tensors: new Map(entries) };
}

/** The tensors of a network by a source's names, in PyTorch's order of axes. */
function shapesOf(graph: Graph, { nameOf }: NameMap = OWN_NAMES): Map<string, readonly number[]> {
  return new Map(graph.parameters.map(({ path, type }) => [nameOf(path), type.shape.map(Number)]));
}

function mapOf(model: string, weightSet: string): NameMap {
  const map = weightSetsOf(model).find(({ id }) => id === weightSet)?.map;
  if (map === undefined) throw new RangeError(`Cannot find ${weightSet}`);
  return map;
}

const fitsOf = (model: string, options: OptionInput = {}, map: NameMap = OWN_NAMES) =>
  weightFits(listed(shapesOf(findModel(model).describe(options), map))).map(({ model: id, weightSet, classes }) => [
    id,
    weightSet,
    classes,
  ]);

describe("the networks that a file fits", () => {
  test.each<[string, OptionInput, NameMap, readonly (readonly [string, string | null, number])[]]>([
    ["googlenet.paper", {}, mapOf("googlenet.paper", "bvlc_googlenet"), [["googlenet.paper", "bvlc_googlenet", 1000]]],
    ["googlenet.public", { aux: true }, OWN_NAMES, [["googlenet.public", "torchvision_googlenet", 1000]]],
    [
      "inception_v3.public",
      { numClasses: 1001 },
      OWN_NAMES,
      [
        ["inception_v3.public", "timm_inception_v3", 1001],
        ["inception_v3.public", "torchvision_inception_v3", 1001],
      ],
    ],
    ["inception_v3.fid", {}, OWN_NAMES, [["inception_v3.fid", "pytorch_fid_inception_v3", 1008]]],
    [
      "inception_v4.public",
      { numClasses: 7 },
      OWN_NAMES,
      [
        ["inception_v4.public", "timm_inception_v4", 7],
        ["inception_v4.public", "cadene_inception_v4", 7],
      ],
    ],
    ["inception_resnet_v1.public", {}, OWN_NAMES, [["inception_resnet_v1.public", "facenet", 0]]],
    ["inception_resnet_v1.spec", {}, OWN_NAMES, [["inception_resnet_v1.spec", null, 1000]]],
    ["inception_resnet_3d.table", {}, OWN_NAMES, [["inception_resnet_3d.table", null, 2]]],
  ])("%s %o", (model, options, map, expected) => expect(fitsOf(model, options, map)).toEqual(expected));

  test("a file of other widths fits none, unless its metadata has them; metadata that no network has is not believed", () => {
    const options = { widthMultiplier: 0.125, numClasses: 10 };
    const file = listed(shapesOf(describeModel("inception_v3", options)));
    expect(weightFits(file)).toEqual([]);
    const fit = { model: "inception_v3.public", weightSet: "timm_inception_v3", names: "timm", classes: 10, foreign: [] };
    expect(weightFits(file, { model: "inception_v3.public", options })[0]).toEqual(fit);
    for (const wrong of [{ widthMultiplier: "x" }, { repeats: [1e9] }, { widthMultiplier: 1e9 }])
      expect(weightFits(file, { model: "inception_v3.public", options: wrong })).toEqual([]);
  });

  test("a file of something else fits none", () => expect(weightFits(listed(new Map([["conv.weight", [8, 3, 3, 3]]])))).toEqual([]));
});

describe("a classifier that is another one", () => {
  const graph = describeModel("inception_v3", { widthMultiplier: 0.125, aux: true, numClasses: 10 });
  const whole = shapesOf(graph);
  const differenceOf = (shapes: Shapes) => {
    const file = listed(shapes);
    return classifierDifference(graph, file, OWN_NAMES, compareWeights(graph, file, OWN_NAMES));
  };
  const without = (pattern: RegExp, more: Readonly<Record<string, readonly number[]>> = {}) =>
    new Map([...[...whole].filter(([name]) => !pattern.test(name)), ...Object.entries(more)]);
  const auxiliary = [...whole.keys()].filter((name) => name.startsWith("AuxLogits."));
  const HEAD = ["fc.weight", "fc.bias"];

  test("is missing, with the auxiliary one or without it", () => {
    expect(differenceOf(without(/^fc\./))).toEqual({ outputs: ["logits"], missing: HEAD, foreign: [], classes: 0 });
    expect(differenceOf(without(/^AuxLogits\./))).toEqual({ outputs: ["aux"], missing: auxiliary, foreign: [], classes: 0 });
    expect(differenceOf(without(/^(fc|AuxLogits)\./))).toMatchObject({ outputs: ["aux", "logits"], classes: 0 });
  });

  test("has other names", () => {
    const foreign = { "dense_1/kernel": [256, 64], "dense_1/bias": [64], "head.0.bn.weight": [64] };
    expect(differenceOf(without(/^fc\./, foreign))).toEqual({
      outputs: ["logits"],
      missing: HEAD,
      foreign: Object.keys(foreign),
      classes: 0,
    });
  });

  test("has another number of classes", () => {
    const five = { "fc.weight": [5, 256], "fc.bias": [5] };
    expect(differenceOf(without(/^fc\./, five))).toEqual({ outputs: ["logits"], missing: HEAD, foreign: [], classes: 5 });
  });

  test.each<[string, Shapes]>([
    ["nothing differs", whole],
    ["a part of the classifier is missing", without(/^fc\.bias$/)],
    ["a part of the auxiliary classifier is missing", without(/^(fc\.|AuxLogits\.conv0\.bn\.weight$)/)],
    ["a parameter of the backbone is missing", without(/^(fc\.|Mixed_5b\.branch1x1\.bn\.bias$)/)],
    ["a parameter of the backbone has another shape", without(/^fc\./, { "Mixed_5b.branch1x1.bn.bias": [9] })],
    ["another classifier is beside the network's own", new Map([...whole, ["dense_1/kernel", [256, 64]]])],
    ["a convolution is left over", without(/^fc\./, { "extra/kernel": [3, 3, 256, 64] })],
    ["a layer of the backbone has a bias that the network does not have", without(/^fc\./, { "Mixed_5b.branch1x1.conv.bias": [8] })],
    ["the classifier reads another number of features", without(/^fc\./, { "fc.weight": [5, 257], "fc.bias": [5] })],
    ["weight and bias have different numbers of classes", without(/^fc\./, { "fc.weight": [5, 256], "fc.bias": [6] })],
  ])("is not the only difference where %s", (_, shapes) => expect(differenceOf(shapes)).toBeNull());
});
