import { describe, expect, test } from "vitest";
import { windowOf } from "../../test/op-cases/op-case.js";
import type { Graph } from "../ir/graph.js";
import { describeModel, MODELS } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { type Comparison, compareGraphs, type Difference, ignoreKinds } from "./compare.js";
import { blockRows, layerGroups, totalRows, valueText } from "./text.js";

/** A convolution and maybe what follows it, on [N, 2, 6, 6]. */
function small(name: string, size: 1 | 3, more: "relu" | "pool" | "nothing" = "relu", biased = true): Graph {
  const b = new GraphBuilder(name);
  const x = b.input("input", ["N", 2, 6, 6]);
  const weight = b.parameter("conv.weight", [4, 2, size, size], "conv_kernel");
  const weights = biased ? ([weight, b.parameter("conv.bias", [4], "bias")] as const) : ([weight] as const);
  const pad = (size - 1) / 2;
  let y = b.module(
    "conv",
    b.add("conv", "conv", [x, ...weights], { ...windowOf([size, size], { pads: [pad, pad, pad, pad] }), groups: 1 }),
  );
  if (more === "relu") y = b.module("act", b.add("relu", "act", [y], {}));
  if (more === "pool") y = b.module("act", b.add("maxPool", "act", [y], { ...windowOf([2, 2], { strides: [2, 2] }), ceilMode: false }));
  b.output("y", y);
  return b.finish();
}

function of(comparison: Comparison, kind: string): readonly Difference[] {
  return comparison.differences.filter((difference) => difference.kind === kind);
}

/** What the differences must be when the networks change places. */
function mirrored({ path, pathB, kind, a, b }: Difference): Difference {
  return { path: pathB ?? path, ...(pathB === undefined ? {} : { pathB: path }), kind, a: b, b: a };
}

function sorted(differences: readonly Difference[]): readonly string[] {
  return differences.map(({ path, pathB, kind, a, b }) => JSON.stringify([path, pathB, kind, a, b])).sort();
}

describe("by hand", () => {
  test("a kernel of another size, with its padding, weights and costs", () => {
    // 4·2·3·3 + 4 = 76 against 4·2 + 4 = 12 values; 36 places of 72 and of 8 products.
    expect(compareGraphs(small("a", 3), small("b", 1)).differences).toEqual([
      { path: "", kind: "parameters", a: 76, b: 12 },
      { path: "", kind: "macs", a: 2592, b: 288 },
      { path: "conv", kind: "parameters", a: 76, b: 12 },
      { path: "conv", kind: "macs", a: 2592, b: 288 },
      { path: "conv", kind: "kernel", a: [3, 3], b: [1, 1] },
      { path: "conv", kind: "padding", a: [1, 1, 1, 1], b: [0, 0, 0, 0] },
      { path: "conv", kind: "weights", a: [[4, 2, 3, 3], [4]], b: [[4, 2, 1, 1], [4]] },
      { path: "conv", kind: "parameters", a: 76, b: 12 },
      { path: "conv", kind: "macs", a: 2592, b: 288 },
    ]);
  });

  test("a bias", () => {
    expect(compareGraphs(small("a", 1), small("b", 1, "relu", false)).differences).toEqual([
      { path: "", kind: "parameters", a: 12, b: 8 },
      { path: "conv", kind: "parameters", a: 12, b: 8 },
      { path: "conv", kind: "bias", a: true, b: false },
      { path: "conv", kind: "parameters", a: 12, b: 8 },
    ]);
  });

  test("another op at one path, and a layer that one has", () => {
    const replaced = compareGraphs(small("a", 1), small("b", 1, "pool"));
    expect(of(replaced, "op")).toEqual([{ path: "act", kind: "op", a: "relu", b: "maxPool 2x2" }]);
    expect(of(replaced, "shape").map(({ path, a, b }) => [path, a, b])).toEqual([
      ["act", [4, 6, 6], [4, 3, 3]],
      ["act", [4, 6, 6], [4, 3, 3]],
    ]);
    expect(of(replaced, "output")).toEqual([{ path: "", kind: "output", a: "y: float32[N, 4, 6, 6]", b: "y: float32[N, 4, 3, 3]" }]);
    expect(compareGraphs(small("a", 1), small("b", 1, "nothing")).differences).toEqual([
      { path: "act", kind: "block", a: "relu", b: null },
    ]);
  });

  test("what a sum reads, through a layer that one network has", () => {
    const sum = (turned: boolean, active: boolean): Graph => {
      const b = new GraphBuilder("sum");
      const [x, y] = [b.input("x", ["N", 3]), b.input("y", ["N", 3])];
      const first = active ? b.add("relu", "first", [x], {}) : x;
      b.output("z", b.add("sub", "difference", turned ? [y, first] : [first, y], {}));
      return b.finish();
    };
    expect(compareGraphs(sum(false, true), sum(false, false)).differences).toEqual([{ path: "first", kind: "block", a: "relu", b: null }]);
    expect(compareGraphs(sum(false, false), sum(true, false)).differences).toEqual([
      { path: "difference", kind: "inputs", a: ["x", "y"], b: ["y", "x"] },
    ]);
  });

  test("kinds that are ignored are gone everywhere", () => {
    const comparison = compareGraphs(small("a", 1), small("b", 1, "relu", false));
    const left = ignoreKinds(comparison, ["parameters"]);
    expect(left.differences).toEqual([{ path: "conv", kind: "bias", a: true, b: false }]);
    expect(left.blocks.flatMap(({ own }) => own)).toEqual([]);
    expect(ignoreKinds(comparison, ["parameters", "bias"]).equal).toBe(true);
  });
});

describe("known facts", () => {
  test("GoogLeNet as published and as shipped: 5×5 against 3×3, biases against normalization, LRN, the pool before 5a", () => {
    const comparison = compareGraphs(describeModel("googlenet.paper"), describeModel("googlenet.public"));
    const modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"];
    expect(of(comparison, "kernel").map(({ path, a, b }) => [path, a, b])).toEqual([
      ...modules.slice(0, 7).map((name) => [`inception${name}.branch3.1.conv`, [5, 5], [3, 3]]),
      ["maxpool4", [3, 3], [2, 2]],
      ...modules.slice(7).map((name) => [`inception${name}.branch3.1.conv`, [5, 5], [3, 3]]),
    ]);
    expect(of(comparison, "block").map(({ path, a, b }) => [path, a, b])).toEqual([
      ["norm1", "lrn", null],
      ["norm2", "lrn", null],
    ]);
    expect(of(comparison, "layer").length).toBe(57);
    expect(of(comparison, "layer").every(({ a, b }) => a === null && b === "batchNormalization")).toBe(true);
    expect(of(comparison, "bias").length).toBe(57);
    expect(of(comparison, "dropRate")).toEqual([{ path: "dropout", kind: "dropRate", a: 0.4, b: 0.2 }]);
    // The counts of the published tables.
    expect(comparison.differences.slice(0, 2)).toEqual([
      { path: "", kind: "parameters", a: 6_998_552, b: 6_624_904 },
      { path: "", kind: "macs", a: 1_582_671_872, b: 1_498_376_192 },
    ]);
    expect(of(comparison, "inputs")).toEqual([]);
  });

  test("Inception-ResNet-v2 as published and as shipped: 5, 10, 5 blocks against 10, 20, 9 and one more, and the widths", () => {
    const comparison = compareGraphs(describeModel("inception_resnet_v2.paper"), describeModel("inception_resnet_v2.public"));
    expect(of(comparison, "repeats").map(({ path, pathB, a, b }) => [path, pathB, a, b])).toEqual([
      ["inception_a", "repeat", 5, 10],
      ["inception_b", "repeat_1", 10, 20],
      ["inception_c", "repeat_2", 5, 9],
    ]);
    const shapes = comparison.blocks.flatMap(({ own }) => own.filter(({ kind }) => kind === "shape")).map(({ path, a, b }) => [path, a, b]);
    expect(shapes).toEqual(
      expect.arrayContaining([
        ["reduction_a", [1152, 17, 17], [1088, 17, 17]],
        ["reduction_b", [2144, 8, 8], [2080, 8, 8]],
        ["pool", [2144], [1536]],
      ]),
    );
    const alone = comparison.blocks.filter(({ a, b }) => a === null || b === null).map(({ a, b }) => (a ?? b)?.path);
    expect(alone).toEqual(expect.arrayContaining(["stem", "mixed_5b", "block8", "conv2d_7b"]));
  });

  test("rows of equal blocks under names of their own", () => {
    const comparison = compareGraphs(describeModel("inception_resnet_3d.table"), describeModel("inception_resnet_3d.code"));
    expect(of(comparison, "repeats").map(({ path, a, b }) => [path, a, b])).toEqual([
      ["A0", 1, 10],
      ["B0", 1, 20],
      ["C0", 1, 9],
    ]);
    expect(comparison.blocks.flatMap(({ layers }) => layers)).toEqual([]);
  });

  test("equal blocks of one network that are different ones in the other are compared one by one", () => {
    const comparison = compareGraphs(describeModel("inception_v3.table"), describeModel("inception_v3.public"));
    // The table's first 35×35 block reads 288 channels and projects 64 of its pool, the public one 192 and 32.
    expect(of(comparison, "block").map(({ path, a }) => [path, a === null])).toEqual([
      ["maxpool2", true],
      ["Conv2d_4b_3x3", false],
      ["Mixed_6f", false],
    ]);
    expect(comparison.blocks.find(({ a }) => a?.path === "Mixed_5d")?.own).toEqual([]);
    expect(of(comparison, "inputs")).toEqual([]);
  });

  test("an option: a factor on the residuals changes that and nothing else", () => {
    const id = "inception_resnet_v2.spec";
    const { differences } = compareGraphs(describeModel(id), describeModel(id, { residualScale: [0.17, 0.1, 0.3] }));
    expect(differences).toEqual([{ path: "inception_c.0.scale", kind: "factor", a: 0.2, b: 0.3 }]);
  });

  test("a row of equal blocks against one block", () => {
    const id = "inception_resnet_v2.public";
    const { differences } = compareGraphs(describeModel(id, { repeats: [1, 1, 0] }), describeModel(id, { repeats: [2, 1, 0] }));
    expect(differences.filter(({ kind }) => kind === "repeats")).toEqual([{ path: "repeat", kind: "repeats", a: 1, b: 2 }]);
  });
});

describe("laws", () => {
  test.each(MODELS)("$id equals itself", ({ describe: build }) => {
    const comparison = compareGraphs(build(), build());
    expect(comparison.differences).toEqual([]);
    expect(comparison.equal).toBe(true);
  });

  test("the other way round the sides change and nothing else", () => {
    const graphs = MODELS.map(({ describe: build }) => build({ widthMultiplier: 0.1 }));
    for (const [index, a] of graphs.entries()) {
      const b = graphs[(index + 1) % graphs.length] ?? a;
      expect(sorted(compareGraphs(b, a).differences), `${a.name} and ${b.name}`).toEqual(
        sorted(compareGraphs(a, b).differences.map(mirrored)),
      );
    }
  });
});

describe("in words", () => {
  const comparison = compareGraphs(describeModel("googlenet.paper"), describeModel("googlenet.public"));

  test("layers with one and the same difference are named together", () => {
    const groups = layerGroups(comparison.blocks.flatMap(({ layers }) => layers));
    expect(groups.map(({ rows, paths }) => [rows, paths.length])).toEqual([
      [[["layer", "none", "batchNormalization"]], 57],
      [[["bias", "yes", "no"]], 48],
      [
        [
          ["kernel", "5×5", "3×3"],
          ["padding", "2", "1"],
          ["bias", "yes", "no"],
        ],
        9,
      ],
      [[["kernel", "3×3", "2×2"]], 1],
      [[["drop rate", "0.4", "0.2"]], 1],
    ]);
  });

  test("blocks and totals", () => {
    const rows = comparison.blocks.filter(({ a }) => a?.path === "inception3a").flatMap(blockRows);
    expect(rows).toEqual([
      ["parameters", "163,696", "155,872"],
      ["MACs", "128,049,152", "121,626,624"],
    ]);
    expect(totalRows(comparison).slice(2)).toEqual([
      ["parameters", "6,998,552", "6,624,904"],
      ["MACs", "1,582,671,872", "1,498,376,192"],
      ["layers", "142", "197"],
    ]);
  });

  test("values", () => {
    expect(valueText("padding", [0, 3, 0, 3])).toBe("0×3");
    expect(valueText("padding", [0, 0, 1, 1])).toBe("0,0,1,1");
    expect(valueText("weights", [[4, 2, 3, 3], [4]])).toBe("[4, 2, 3, 3] [4]");
    expect(valueText("inputs", ["a", "b"])).toBe("a b");
    expect(valueText("layer", null)).toBe("none");
  });
});
