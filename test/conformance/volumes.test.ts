/** The networks for volumes against their table: every row, every shape, every count, and what each option does. */
import { describe, expect, test } from "vitest";
import { summarize } from "../../src/analysis/summary.js";
import { type Graph, typeOf } from "../../src/ir/graph.js";
import { describeModel, MODELS, type OptionInput } from "../../src/models/index.js";
import { GraphBuilder, type Ref } from "../../src/ops/build.js";
import { goldenParameters } from "../../src/weights/golden.js";
import { initialParameters } from "../../src/weights/initialize.js";
import { architecture } from "../architectures.js";
import { filled, outputOf, runGraph } from "../run-graph.js";

const TABLE = architecture("inception_resnet_3d.table");
const IDS = MODELS.filter(({ family }) => family === "inception_resnet_3d").map(({ id }) => id);

describe("the rows of the table", () => {
  const graph = describeModel("inception_resnet_3d.table");
  const rows = TABLE.layers ?? [];

  test("there are 53, and the network has no others", () => {
    expect(rows.length).toBe(53);
    const kernels = graph.parameters.filter(({ role }) => role === "conv_kernel" || role === "conv_transpose_kernel");
    expect(kernels.map(({ path }) => path).sort()).toEqual(rows.map((row) => `${row.path}${row.batchNorm ? ".conv" : ""}.weight`).sort());
  });

  test.each(rows)("$path", (row) => {
    const { path, kind, inChannels, outChannels, kernel, stride, dilation, out, weights, batchNorm } = row;
    const parameter = (name: string) => graph.types.get(name)?.shape;
    const conv = batchNorm ? `${path}.conv` : path;
    const channels = kind === "conv" ? [outChannels, inChannels] : [inChannels, outChannels];
    expect(parameter(`${conv}.weight`)).toEqual([...channels, ...kernel]);
    expect(elements(parameter(`${conv}.weight`))).toBe(weights);
    expect(parameter(`${conv}.bias`)).toEqual(batchNorm ? undefined : [outChannels]);
    expect(parameter(`${path}.bn.weight`)).toEqual(batchNorm ? [outChannels] : undefined);
    expect(typeOf(graph, conv).shape).toEqual(["N", outChannels, ...out]);
    const node = graph.nodes.find((candidate) => candidate.path === conv);
    expect(node?.op).toBe(path.endsWith(".mixed") ? "add" : kind === "conv" ? "conv" : "convTranspose");
    if (node?.op === "add") return;
    expect(node?.attributes).toMatchObject({ kernelShape: kernel, strides: [stride, stride, stride], groups: 1 });
    // Without effect on an axis of size 1, and written as 1 there.
    expect(node?.attributes.dilations).toEqual(kernel.map((size) => (size === 1 ? 1 : dilation)));
    if (kind === "conv" && stride === 1) {
      const sides = kernel.map((size) => (dilation * (size - 1)) / 2);
      expect(node?.attributes.pads).toEqual([...sides, ...sides]);
    }
  });

  test("scales, activations and skips", () => {
    const factors = graph.nodes.filter(({ op }) => op === "scale").map(({ path, attributes }) => [path, attributes.factor]);
    expect(factors).toEqual([
      ["A0.scale", 0.17],
      ["B0.scale", 0.1],
      ["C0.scale", 0.2],
    ]);
    const ends = ["A0", "B0", "C0", "Cfinal"].map((path) => graph.modules.find((module) => module.path === path)?.output);
    expect(ends).toEqual(["A0.relu", "B0.relu", "C0.relu", "Cfinal.sum"]);
    const reader = (path: string) => graph.nodes.find((node) => node.path === path)?.inputs[0];
    expect([reader("up.skip_c2"), reader("up.skip_c1")]).toEqual(["stem.conv5.relu", "stem.conv3.relu"]);
    expect(graph.nodes.filter(({ op }) => op === "averagePool").map(({ attributes }) => attributes.countIncludePad)).toEqual([false]);
    expect(graph.nodes.filter(({ op }) => op === "batchNormalization").every(({ attributes }) => attributes.epsilon === 1e-3)).toBe(true);
  });
});

describe("shapes", () => {
  test.each(TABLE.volumeShapes ?? [])("at $input", ({ input, shapes }) => {
    const { stages } = summarize(describeModel("inception_resnet_3d", { inputSize: input.slice(1) }));
    expect(Object.fromEntries(stages.map(({ path, shape }) => [path, shape]))).toEqual(shapes);
  });

  test.each([
    [1, 1, 1],
    [2, 1, 3],
    [7, 2, 5],
    [8, 9, 15],
    [17, 16, 31],
    [33, 34, 47],
  ])("logits have the size of the input: %d×%d×%d", (...inputSize) => {
    const graph = describeModel("inception_resnet_3d", { inputSize });
    expect(typeOf(graph, "up.logits").shape).toEqual(["N", 2, ...inputSize]);
    const halves = (size: number): number => Math.ceil(size / 2);
    expect(typeOf(graph, "stem.conv3.relu").shape.slice(2)).toEqual(inputSize.map(halves));
    expect(typeOf(graph, "stem.conv5.relu").shape.slice(2)).toEqual(inputSize.map(halves).map(halves));
    expect(typeOf(graph, "Cfinal.sum").shape.slice(2)).toEqual(inputSize.map(halves).map(halves).map(halves));
  });

  test("a crop cuts the last element, and is not there where it would cut nothing", () => {
    const crops = (inputSize: string) =>
      describeModel("inception_resnet_3d", { inputSize }).nodes.flatMap(({ op, path, attributes }) =>
        op === "slice" ? [{ path, axes: attributes.axes, ends: attributes.ends, starts: attributes.starts }] : [],
      );
    expect(crops("64")).toEqual([]);
    expect(crops("35x51x35")).toEqual([
      { path: "up.crop1", axes: [2, 3, 4], starts: [0, 0, 0], ends: [9, 13, 9] },
      { path: "up.crop3", axes: [2, 3, 4], starts: [0, 0, 0], ends: [35, 51, 35] },
    ]);
    expect(crops("63x64x64")).toEqual([{ path: "up.crop3", axes: [2], starts: [0], ends: [63] }]);
  });
});

describe("counts", () => {
  test.each(IDS)("%s with the averages tiled", (id) => {
    const { macsTiled = [] } = architecture(id);
    expect(macsTiled.map(({ input }) => input[1])).toEqual([64, 128]);
    for (const { input, macs } of macsTiled) {
      const graph = describeModel(id, { inputSize: input.slice(1) });
      expect(summarize(graph).macs + savedBySplitting(graph)).toBe(macs);
    }
  });

  test("parameters for classes and channels", () => {
    const { constant = 0, perInputChannel = 0, perClass = 0 } = TABLE.volumeParams ?? {};
    const paramsOf = (options: OptionInput) => summarize(describeModel("inception_resnet_3d.table", options)).params;
    for (const [inChannels, numClasses] of [
      [1, 2],
      [4, 3],
      [2, 14],
    ] as const) {
      expect(paramsOf({ inChannels, numClasses })).toBe(constant + perInputChannel * inChannels + perClass * numClasses);
    }
  });

  test("a convolution that reduces in front of C's kernels", () => {
    const graph = describeModel("inception_resnet_3d.table", { cReduce1x1: true });
    expect(summarize(graph).params).toBe(TABLE.paramsWithCReduce1x1);
    expect(["b1.0", "b1.1", "b1.2", "b1.3"].map((name) => graph.types.get(`C0.${name}.conv.weight`)?.shape)).toEqual([
      [64, 1600, 1, 1, 1],
      [64, 64, 1, 3, 1],
      [64, 64, 1, 1, 3],
      [64, 64, 3, 1, 1],
    ]);
  });

  test("a third skip, from the input's own size, and heads of the inner maps", () => {
    const plain = describeModel("inception_resnet_3d", { inputSize: [35, 51, 35] });
    const graph = describeModel("inception_resnet_3d", { inputSize: [35, 51, 35], fullResolutionSkip: true, aux: true });
    expect(graph.outputs.map(({ name, value }) => [name, graph.types.get(value)?.shape])).toEqual(
      ["logits", "aux1", "aux2"].map((name) => [name, ["N", 2, 35, 51, 35]]),
    );
    const known = new Set(plain.parameters.map(({ path }) => path));
    const added = graph.parameters.filter(({ path }) => !known.has(path)).map(({ path, type }) => [path, type.shape] as const);
    const normalized = ["weight", "bias", "running_mean", "running_var"].map((name) => [`stem.conv0.bn.${name}`, [32]] as const);
    expect(new Map(added)).toEqual(
      new Map<string, readonly number[]>([
        ["stem.conv0.conv.weight", [32, 1, 3, 3, 3]],
        ...normalized,
        ["up.skip_c0.weight", [64, 32, 1, 1, 1]],
        ["up.skip_c0.bias", [64]],
        ...["aux1.logits", "aux2.logits"].flatMap((path) => [
          [`${path}.weight`, [2, 64, 1, 1, 1]] as const,
          [`${path}.bias`, [2]] as const,
        ]),
        ...["aux1.deconv1", "aux1.deconv2", "aux2.deconv2"].flatMap((path) => [
          [`${path}.weight`, [2, 2, 2, 2, 2]] as const,
          [`${path}.bias`, [2]] as const,
        ]),
      ]),
    );
    expect(graph.nodes.find(({ path }) => path === "up.logits")?.inputs[0]).toBe("up.relu3");
  });

  test("a linear residual has the same parameters and no ReLU before the sum", () => {
    const linear = describeModel("inception_resnet_3d", { mixedActivation: "linear" });
    const listed = describeModel("inception_resnet_3d");
    expect(linear.parameters).toEqual(listed.parameters);
    const left = new Set(linear.nodes.map(({ path }) => path));
    expect(listed.nodes.flatMap(({ path }) => (left.has(path) ? [] : [path]))).toEqual([
      "A0.mixed.relu",
      "B0.mixed.relu",
      "C0.mixed.relu",
      "Cfinal.mixed.relu",
    ]);
  });

  test("repeats, residual scales and width reach the graph", () => {
    const graph = describeModel("inception_resnet_3d", { repeats: "2,0,3", residualScale: "1,0.5,0.9", widthMultiplier: 0.25 });
    const blocks = graph.stages.map(({ path }) => path).filter((path) => /^[ABC](\d+|final)$/.test(path));
    expect(blocks).toEqual(["A0", "A1", "C0", "C1", "C2", "Cfinal"]);
    expect(graph.nodes.filter(({ op }) => op === "scale").map(({ attributes }) => attributes.factor)).toEqual([0.9, 0.9, 0.9]);
    expect(graph.types.get("stem.conv3.conv.weight")?.shape).toEqual([16, 8, 3, 3, 3]);
    expect(graph.types.get("up.deconv1.weight")?.shape).toEqual([16, 16, 2, 2, 2]);
  });
});

const SMALL: OptionInput = { widthMultiplier: 0.1, inputSize: [17, 24, 9], numClasses: 3, inChannels: 2 };

/** Of the largest value: the two forms add the same products in another order, √1728 · 6e-8 = 2.5e-6 for the longest sum. */
const TOLERANCE = 1e-5;

test("a convolution cut in two is that of the tiled average, joined", async () => {
  const graph = describeModel("inception_resnet_3d", SMALL);
  const parameters = goldenParameters(graph);
  const feeds = { input: filled("volume", [2, 2, 17, 24, 9]) };
  for (const path of ["A0", "B0", "C0", "Cfinal"]) {
    const [x, z] = [blockInput(graph, path), `${path}.concat`];
    const outputs = await runGraph(graph, parameters, feeds, { outputs: [x.module, z, `${path}.mixed`] });
    const tiled = await runGraph(tiledBlock(graph, path), new Map(), {
      x: outputOf(outputs, x.module),
      z: outputOf(outputs, z),
      ...Object.fromEntries(
        [...parameters].filter(([name]) => name.startsWith(`${path}.mixed.`)).map(([name, { shape, data }]) => [name, floats(shape, data)]),
      ),
    });
    const [ours, theirs] = [outputOf(outputs, `${path}.mixed`), outputOf(tiled, "y")];
    expect(ours.shape).toEqual(theirs.shape);
    const largest = theirs.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0.01);
    const worst = theirs.data.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(ours.data[index]))), 0);
    expect(worst / largest).toBeLessThan(TOLERANCE);
  }
});

test("35×51×35 runs from first parameters to finite logits", async () => {
  const graph = describeModel("inception_resnet_3d", { inputSize: "35x51x35" });
  const parameters = initialParameters(graph, 1);
  const deconv = parameters.get("up.deconv1.weight");
  // He's normal with 64 products for each output: σ = √(2/64) = 0.177; its 32,768 values miss that by 4·σ/√65,536 at most.
  const squares = deconv?.data instanceof Float32Array ? deconv.data.reduce((sum, value) => sum + value * value, 0) : 0;
  expect(Math.abs(Math.sqrt(squares / 32_768) - Math.sqrt(2 / 64))).toBeLessThan(4 * (Math.sqrt(2 / 64) / 256));
  const logits = outputOf(await runGraph(graph, parameters, { input: filled("volume", [1, 1, 35, 51, 35]) }), "logits");
  expect(logits.shape).toEqual([1, 2, 35, 51, 35]);
  expect(logits.data.every(Number.isFinite)).toBe(true);
  expect(new Set(logits.data.subarray(0, 1000)).size).toBeGreaterThan(900);
});

/** What tiling would add: the kernel's part for the average at all but one voxel. */
function savedBySplitting(graph: Graph): number {
  return graph.nodes
    .filter(({ path }) => path.endsWith(".mixed.conv"))
    .reduce((sum, { path }) => {
      const [, channels = 0, ...sizes] = typeOf(graph, path).shape.map(Number);
      return sum + channels ** 2 * (elements(sizes) - 1);
    }, 0);
}

/** The module whose output a block reads. */
function blockInput(graph: Graph, path: string): { readonly module: string; readonly shape: readonly number[] } {
  const value = graph.nodes.find((node) => node.path === `${path}.sum`)?.inputs[0] ?? "";
  const module = graph.modules.findLast(({ output }) => output === value)?.path ?? "";
  return { module, shape: typeOf(graph, value).shape.slice(1).map(Number) };
}

/** Everything of a block from the joined branches z and its input x to `mixed`, as the table draws it. */
function tiledBlock(graph: Graph, path: string): Graph {
  const b = new GraphBuilder("tiled");
  const x = b.input("x", ["N", ...blockInput(graph, path).shape]);
  const z = b.input("z", ["N", ...typeOf(graph, `${path}.concat`).shape.slice(1)]);
  const given = (name: string): Ref => b.input(`${path}.mixed.${name}`, graph.types.get(`${path}.mixed.${name}`)?.shape ?? []);
  const sizes = x.type.shape.slice(2).map(Number);
  const tiled = b.add("expand", "tile", [b.add("globalAveragePool", "gap", [x], {})], { shape: [1, 1, ...sizes] });
  const joined = b.add("concat", "concat", [z, tiled], { axis: 1 });
  const one = { kernelShape: [1, 1, 1], strides: [1, 1, 1], dilations: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0], groups: 1 };
  const conv = b.add("conv", "conv", [joined, given("conv.weight")], one);
  const statistics = [given("bn.weight"), given("bn.bias"), given("bn.running_mean"), given("bn.running_var")] as const;
  const norm = b.add("batchNormalization", "bn", [conv, ...statistics], { epsilon: 1e-3 });
  b.output("y", b.add("relu", "relu", [norm], {}));
  return b.finish();
}

function floats(shape: readonly number[], data: unknown) {
  if (!(data instanceof Float32Array)) throw new RangeError("Cannot feed what is not float32");
  return { shape, data };
}

function elements(shape: readonly (number | string)[] | undefined): number {
  return (shape ?? []).reduce<number>((product, size) => product * Number(size), 1);
}
