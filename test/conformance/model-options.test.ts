/** Every option of every model: documented, its default acceptable, read from text as from values, anything else refused with the whole message. */
import { describe, expect, test } from "vitest";
import { summarize } from "../../src/analysis/summary.js";
import { type Graph, typeOf } from "../../src/ir/graph.js";
import { printGraph } from "../../src/ir/print.js";
import { describeModel, findModel, MODELS, type OptionInput, type OptionValue } from "../../src/models/index.js";

const VOLUMES = "inception_resnet_3d.";

/** Their default numbers of blocks. */
const REPEATS: Readonly<Record<string, string>> = {
  "inception_v4.public": "4,7,3",
  "inception_resnet_v2.public": "10,20,9",
  "inception_resnet_3d.table": "1,1,1",
  "inception_resnet_3d.paper": "5,10,4",
  "inception_resnet_3d.code": "10,20,9",
};

/** Where the smallest input is not 75. */
const LEAST: Readonly<Record<string, number>> = {
  "googlenet.public": 15,
  "googlenet.paper": 31,
  "inception_v2.slim": 1,
  "inception_v2.caffe": 31,
};

const NUMBERS = "3 numbers from 0 to 10, as in 0.17,0.1,0.2";

/** What messages say is accepted, and values that are not, by the option's name. */
const REFUSED: Readonly<Record<string, { readonly expected: string | ((id: string) => string); readonly bad: readonly unknown[] }>> = {
  numClasses: {
    expected: (id) => `an integer from ${id === "inception_resnet_v1.public" ? 0 : 1} to 1,000,000`,
    bad: [-1, 1.5, 1_000_001, "many", "", "1e9", true, null, [10], Number.NaN],
  },
  inChannels: { expected: "an integer from 1 to 1,024", bad: [0, 2.5, 1025, "RGB", Number.POSITIVE_INFINITY] },
  inputSize: {
    expected: (id) =>
      id.startsWith(VOLUMES)
        ? "a size from 1 to 1,024 voxels, as in 64 or 64x96x96 (depth first)"
        : `a size from ${LEAST[id] ?? 75} to 16,384 pixels, as in 299 or 331x275 (height first)`,
    bad: [0, 0.5, 299.5, 16_385, "299x", "x299", "299x299x0", [], [299, 0], [1, 2, 3, 4], "large", null, true, {}],
  },
  dropRate: { expected: "a number in [0, 1)", bad: [1, -0.1, "half", Number.NaN, [0.5]] },
  auxDropRate: { expected: "a number in [0, 1)", bad: [1, -0.1, "half"] },
  widthMultiplier: { expected: "a number in [0.01, 8)", bad: [0, -1, 8, "wide"] },
  aux: { expected: "true or false", bad: [1, 0, "yes", null, ""] },
  embeddingSize: { expected: "an integer from 0 to 65,536", bad: [-1, 65_537, 12.5, "none"] },
  residualScale: { expected: NUMBERS, bad: ["1,1", "1,1,1,1", "1,1,x", [1, 1], [1, 1, -1], [1, 1, 11], 1, "", null] },
  repeats: {
    expected: (id) => `3 integers from 0 to 100, as in ${REPEATS[id] ?? "5,10,5"}`,
    bad: ["5,10", [5, 10, 5.5], [5, 10, 101], [-1, 1, 1], "a,b,c", 5],
  },
  mixedActivation: { expected: '"relu" or "linear"', bad: ["ReLU", "none", true, null] },
  cReduce1x1: { expected: "true or false", bad: [1, 0, "yes"] },
  fullResolutionSkip: { expected: "true or false", bad: [1, 0, "yes", null] },
  normPlacement: { expected: '"sum" or "conv"', bad: ["Sum", "none", true, 1, ["sum"]] },
  stemDownsample: { expected: '"conv" or "maxpool"', bad: ["max", "", null] },
  countIncludePad: { expected: "true or false", bad: [1, 0, "yes"] },
  lastPool: { expected: '"average" or "max"', bad: ["mean", "", null] },
  stem: { expected: '"separable" or "separable_batch_norm" or "dense"', bad: ["7x7", "", null] },
  padding: {
    expected: (id) => (id.startsWith("googlenet") ? '"symmetric" or "same"' : '"same" or "symmetric"'),
    bad: ["SAME", "valid", null],
  },
  convBias: { expected: "true or false", bad: [1, 0, "yes"] },
  epsilon: { expected: "a number from 1e-8 to 0.1", bad: [0, 1, "small"] },
};

/** Text of a command line and the value that it stands for. */
const READ: Readonly<Record<string, readonly (readonly [given: unknown, value: OptionValue])[]>> = {
  numClasses: [
    ["5", 5],
    [1, 1],
    [1_000_000, 1_000_000],
  ],
  inChannels: [
    ["1", 1],
    [1024, 1024],
  ],
  inputSize: [
    ["299", [299, 299]],
    ["331x275", [331, 275]],
    ["331,275", [331, 275]],
    [160, [160, 160]],
    [
      [331, 275],
      [331, 275],
    ],
    [[299], [299, 299]],
  ],
  dropRate: [
    ["0", 0],
    [0.999, 0.999],
  ],
  auxDropRate: [["0.5", 0.5]],
  widthMultiplier: [
    ["0.25", 0.25],
    [7.99, 7.99],
  ],
  aux: [
    ["true", true],
    ["false", false],
    [true, true],
  ],
  embeddingSize: [
    ["128", 128],
    [0, 0],
  ],
  residualScale: [
    ["1,1,1", [1, 1, 1]],
    ["0.1, 0.2,10", [0.1, 0.2, 10]],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  ],
  repeats: [
    ["1,2,3", [1, 2, 3]],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    [
      ["1", 2, 3],
      [1, 2, 3],
    ],
  ],
  mixedActivation: [
    ["relu", "relu"],
    ["linear", "linear"],
  ],
  fullResolutionSkip: [
    ["true", true],
    [false, false],
  ],
  cReduce1x1: [
    ["true", true],
    [false, false],
  ],
  normPlacement: [
    ["sum", "sum"],
    ["conv", "conv"],
  ],
  stemDownsample: [
    ["conv", "conv"],
    ["maxpool", "maxpool"],
  ],
  countIncludePad: [
    ["true", true],
    [false, false],
  ],
  lastPool: [
    ["average", "average"],
    ["max", "max"],
  ],
  stem: [
    ["separable", "separable"],
    ["dense", "dense"],
  ],
  padding: [
    ["same", "same"],
    ["symmetric", "symmetric"],
  ],
  convBias: [
    ["true", true],
    [false, false],
  ],
  epsilon: [
    ["1e-3", 1e-3],
    [0.1, 0.1],
  ],
};

const VOLUME_SIZES: (typeof READ)[string] = [
  ["64", [64, 64, 64]],
  ["35x51x35", [35, 51, 35]],
  ["35,51,35", [35, 51, 35]],
  [1, [1, 1, 1]],
  [
    [96, 96, "64"],
    [96, 96, 64],
  ],
  [[128], [128, 128, 128]],
];

describe.each(MODELS)("options of $id", ({ id, options, describe: build }) => {
  const names = Object.keys(options);

  test("are documented, and their defaults are acceptable", () => {
    for (const [name, option] of Object.entries(options)) {
      expect(option.doc, name).toMatch(/^[A-Z].*\.$/s);
      expect(option.parse(option.default), name).toEqual(option.default);
      // Exported files hold options as JSON, command lines as text.
      expect(option.parse(JSON.parse(JSON.stringify(option.default))), name).toEqual(option.default);
      expect(option.parse(String(option.default)), name).toEqual(option.default);
    }
    expect(names.filter((name) => !(name in REFUSED) || !(name in READ))).toEqual([]);
  });

  test("are read from text as from values", () => {
    const read = id.startsWith(VOLUMES) ? { ...READ, inputSize: VOLUME_SIZES } : READ;
    for (const name of names)
      for (const [given, value] of read[name] ?? []) expect(options[name]?.parse(given), `${name} ${JSON.stringify(given)}`).toEqual(value);
  });

  test("refuse everything else, saying what is accepted", () => {
    for (const name of names) {
      const { expected = "", bad = [] } = REFUSED[name] ?? {};
      const accepted = typeof expected === "string" ? expected : expected(id);
      expect(bad.length).toBeGreaterThan(2);
      for (const given of bad) {
        const text = typeof given === "number" ? String(given) : JSON.stringify(given);
        const message = `Cannot set option ${name} of ${id} to ${text}: expected ${accepted}`;
        expect(() => build({ [name]: given }), message).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
      }
    }
  });

  test("do not include others", () => {
    const message = `Cannot set option "width" of ${id}: expected one of ${names.join(", ")}`;
    expect(() => build({ width: 2 })).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
    expect(() => build({ toString: 1 })).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });

  test("that are undefined have their defaults", () => {
    expect(printGraph(build(Object.fromEntries(names.map((name) => [name, undefined]))))).toBe(printGraph(build()));
  });
});

describe("what options do", () => {
  test("odd values are named as they were written", () => {
    expect(() => findModel("googlenet").describe({ numClasses: 5n })).toThrow(
      "Cannot set option numClasses of googlenet.public to 5: expected an integer from 1 to 1,000,000",
    );
    expect(() => findModel("googlenet").describe({ numClasses: () => 5 })).toThrow(
      "Cannot set option numClasses of googlenet.public to function: expected an integer from 1 to 1,000,000",
    );
  });

  test("inception_resnet_v1.public needs one head at least", () => {
    const message = "Cannot build inception_resnet_v1.public with numClasses 0 and embeddingSize 0: expected one of them to be positive";
    expect(() => describeModel("inception_resnet_v1", { embeddingSize: 0 })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message }),
    );
    const heads = (options: OptionInput) => describeModel("inception_resnet_v1", options).outputs.map(({ name }) => name);
    expect(heads({ numClasses: 7 })).toEqual(["embedding", "logits", "features"]);
    expect(heads({ numClasses: 7, embeddingSize: 0 })).toEqual(["logits", "features"]);
  });

  test("classes, channels and size reach the graph", () => {
    for (const { id, task, describe: build } of MODELS) {
      const inputSize = task === "segment" ? [47, 35, 51] : [97, 129];
      const graph = build({ numClasses: 7, inChannels: 4, inputSize });
      expect(graph.inputs, id).toEqual([{ name: "input", type: { dtype: "float32", shape: ["N", 4, ...inputSize] } }]);
      expect(outputShape(graph, "logits"), id).toEqual(["N", 7, ...(task === "segment" ? inputSize : [])]);
    }
  });

  test.each(MODELS.filter(({ family }) => /^inception_resnet_v\d$/.test(family)))(
    "$id repeats blocks and scales residuals as told",
    ({ describe: build }) => {
      const small = { inputSize: 75, repeats: [1, 2, 3], residualScale: [1, 0.9, 1.5] };
      const graph = build(small);
      const groups = graph.modules.map(({ path }) => path.match(/^(\w+)\.\d+$/)?.[1]).filter((group) => group !== undefined);
      const counts = [...new Set(groups)].map((group) => groups.filter((other) => other === group).length);
      expect(counts).toEqual([1, 2, 3]);
      // A scale of 1 needs no node.
      expect(graph.nodes.filter(({ op }) => op === "scale").map(({ attributes }) => attributes.factor)).toEqual([0.9, 0.9, 1.5, 1.5, 1.5]);
      expect(summarize(build({ ...small, repeats: [0, 0, 0] })).convs).toBeLessThan(summarize(graph).convs);
    },
  );

  test("dropout rates", () => {
    const rates = (id: string, options: OptionInput) =>
      findModel(id)
        .describe(options)
        .nodes.filter(({ op }) => op === "dropout")
        .map(({ path, attributes }) => [path, attributes.dropRate]);
    expect(rates("googlenet.paper", { aux: true })).toEqual([
      ["aux1.dropout", 0.7],
      ["aux2.dropout", 0.7],
      ["dropout", 0.4],
    ]);
    expect(rates("googlenet.public", { aux: true, auxDropRate: 0.1, dropRate: 0.3 })).toEqual([
      ["aux1.dropout", 0.1],
      ["aux2.dropout", 0.1],
      ["dropout", 0.3],
    ]);
    expect(rates("inception_resnet_v1.public", {})).toEqual([["dropout", 0.6]]);
    const slim = ["inception_v2.slim", "inception_v3.table", "inception_v3.fid", "inception_v4.public"];
    for (const id of [...slim, "inception_resnet_v1.spec", "inception_resnet_v2.paper", "inception_resnet_v2.public"])
      expect(rates(id, {}), id).toEqual([["dropout", 0.2]]);
    expect(rates("inception_v3.public", { aux: true })).toEqual([["dropout", 0.5]]);
    expect(rates("inception_v2.caffe", {})).toEqual([["dropout", 0]]);
  });

  test("padding of GoogLeNet and Inception-v2: the same sizes, other alignment", () => {
    const pads = (id: string, padding: string) =>
      findModel(id)
        .describe({ padding })
        .nodes.filter(({ attributes: { strides } }) => Array.isArray(strides) && strides[0] === 2)
        .map(({ attributes }) => attributes.pads);
    expect(pads("googlenet.public", "symmetric")[0]).toEqual([3, 3, 3, 3]);
    // architectures of TensorFlow: 7×7 /2 on 224 pixels pads (2, 3), 3×3 /2 on an even map (0, 1), 2×2 /2 on 14 nothing.
    expect(pads("googlenet.public", "same")).toEqual([
      [2, 2, 3, 3],
      [0, 0, 1, 1],
      [0, 0, 1, 1],
      [0, 0, 1, 1],
      [0, 0, 0, 0],
    ]);
    expect(pads("inception_v2.slim", "same").slice(0, 2)).toEqual([
      [2, 2, 3, 3],
      [0, 0, 1, 1],
    ]);
    for (const id of ["googlenet.public", "inception_v2.slim"]) {
      const shapes = (padding: string) => summarize(findModel(id).describe({ padding })).stages.map(({ path, shape }) => [path, shape]);
      expect(shapes("same")).toEqual(shapes("symmetric"));
    }
    // slim's unit tests: BN-Inception's last map at 112×112 and at 250×300.
    const last = (inputSize: readonly number[]) => {
      const { stages } = summarize(describeModel("inception_v2.slim", { inputSize }));
      return stages.find(({ path }) => path === "inception_5b")?.shape;
    };
    expect(last([112, 112])).toEqual([1024, 4, 4]);
    expect(last([250, 300])).toEqual([1024, 8, 10]);
  });

  test("average pools of Inception-v3 count their padding or not; the last pool is as told", () => {
    const pools = (options: OptionInput) =>
      describeModel("inception_v3.public", options)
        .nodes.filter(({ path }) => /^Mixed_\d[a-e]\.pool$/.test(path) && !/a\.pool$/.test(path))
        .map(({ op, attributes }) => [op, attributes.countIncludePad]);
    expect(pools({})).toEqual(new Array(9).fill(["averagePool", true]));
    expect(pools({ countIncludePad: false, lastPool: "max" })).toEqual([
      ...new Array<unknown>(8).fill(["averagePool", false]),
      ["maxPool", undefined],
    ]);
    const as = (id: string, options: OptionInput) => printGraph(findModel(id).describe(options)).replace(/^graph .*\n/, "");
    const fid = { countIncludePad: false, lastPool: "max", numClasses: 1008, dropRate: 0.2 };
    expect(as("inception_v3.public", fid)).toBe(as("inception_v3.fid", {}));
  });

  test("auxiliary heads need a map that their pool fits", () => {
    const message = 'Cannot infer shape of averagePool "AuxLogits.pool": window of 5 does not fit size 3 with padding 0 on spatial axis 0';
    for (const id of ["inception_v3.public", "inception_v4.public", "inception_resnet_v2.public"]) {
      expect(() => findModel(id).describe({ aux: true, inputSize: 75 }), id).toThrow(
        expect.objectContaining({ code: "SHAPE_INVALID", message }),
      );
    }
    // slim's last kernel is what is left of the map; torchvision's is 5×5, then averaged.
    expect(outputShape(describeModel("inception_v4.public", { aux: true, inputSize: 139 }), "aux")).toEqual(["N", 1000]);
    expect(outputShape(describeModel("inception_v3.public", { aux: true, inputSize: 363 }), "aux")).toEqual(["N", 1000]);
    const small = 'Cannot infer shape of conv "AuxLogits.conv1.conv": window of 5 does not fit size 2 with padding 0 on spatial axis 0';
    expect(() => describeModel("inception_v3.public", { aux: true, inputSize: 171 })).toThrow(
      expect.objectContaining({ code: "SHAPE_INVALID", message: small }),
    );
    // torchvision's pool fits any map.
    expect(outputShape(describeModel("googlenet.public", { aux: true, inputSize: 15 }), "aux2")).toEqual(["N", 1000]);
  });
});

function outputShape(graph: Graph, name: string) {
  return typeOf(graph, graph.outputs.find((output) => output.name === name)?.value ?? "").shape;
}
