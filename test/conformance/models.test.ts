/** Every described network against the tables of test/goldens/architectures.json and the key lists of the public code. */
import { describe, expect, test } from "vitest";
import { type StageSummary, type Summary, summarize } from "../../src/analysis/summary.js";
import { type Graph, isTrainable, type Node, typeOf } from "../../src/ir/graph.js";
import { printGraph } from "../../src/ir/print.js";
import { describeModel, findModel, MODELS, type OptionInput } from "../../src/models/index.js";
import { elementsPerImage } from "../../src/tensor/shape.js";
import { ARCHITECTURES, architecture, type Counts, type TableStage } from "../architectures.js";
import { readModelGolden } from "../model-goldens.js";

const IDS = MODELS.map(({ id }) => id);

describe("the list of models", () => {
  test("has the networks of the tables, each once, in families", () => {
    expect([...IDS].sort()).toEqual(Object.keys(ARCHITECTURES).sort());
    expect(new Set(IDS).size).toBe(IDS.length);
    for (const { id, family, variant } of MODELS) expect(id).toBe(`${family}.${variant}`);
    for (const { source } of MODELS) expect(source).not.toBe("");
  });

  test("takes a family's name for its public form, or for its table", () => {
    expect(findModel("inception_resnet_v2").id).toBe("inception_resnet_v2.public");
    expect(findModel("googlenet.paper").id).toBe("googlenet.paper");
    expect(findModel("inception_resnet_3d").id).toBe("inception_resnet_3d.table");
    expect(findModel("inception_v2").id).toBe("inception_v2.slim");
    expect(findModel("inception_v3").id).toBe("inception_v3.public");
  });

  test("refuses another name, listing the ids", () => {
    const message = `Cannot find model "inception_v5": did you mean "inception_v2"? expected one of ${IDS.join(", ")}`;
    expect(() => findModel("inception_v5")).toThrow(expect.objectContaining({ code: "MODEL_UNKNOWN", message }));
  });
});

describe.each(MODELS)("$id", ({ id, task, minInputSize, options, describe: build }) => {
  const table = architecture(id);
  // The table of facenet's trunk has a plain classifier, so that it compares with the others.
  const head: OptionInput = table.head ? { embeddingSize: table.head.embeddingSize ?? 0, numClasses: table.head.classes ?? 0 } : {};
  const native = summarize(build({ ...head, inputSize: table.input.slice(1) }));

  test("counts", () => {
    expect(countsOf(native)).toEqual(pickCounts(table));
    expect(native.input).toEqual([1, ...table.input]);
    expect(native.id).toBe(id);
  });

  test("its default is the usual input, and its outputs fit its task", () => {
    const graph = build();
    const outputs = graph.outputs.map(({ name }) => name);
    expect(outputs).toEqual({ classify: ["logits", "features"], embed: ["embedding", "features"], segment: ["logits"] }[task]);
    const usual = table.heads?.[0]?.input ?? table.input;
    expect(graph.inputs[0]?.type).toEqual({ dtype: "float32", shape: ["N", ...usual] });
    const last = graph.outputs.find(({ name }) => name === (task === "segment" ? "logits" : "features"));
    const shape = task === "segment" ? [table.classes, ...table.input.slice(1)] : [table.headFeatures];
    expect(typeOf(graph, last?.value ?? "").shape).toEqual(["N", ...shape]);
  });

  test("another number of classes changes the head alone", () => {
    const few = summarize(build({ ...head, numClasses: 7, inputSize: table.input.slice(1) }));
    const more = 7 - (table.classes ?? 1000);
    expect(few.params - native.params).toBe((table.headFeatures + 1) * more);
    expect(few.macs - native.macs).toBe(table.headFeatures * (table.headPositions ?? 1) * more);
  });

  test("the smallest input", () => {
    const least = minInputSize;
    expect(least).toBe(smallestInTable(id));
    const graph = build({ inputSize: minInputSize });
    const [channels = 0, ...sizes] = table.input;
    expect(graph.inputs[0]?.type.shape).toEqual(["N", channels, ...sizes.map(() => least)]);
    for (const node of graph.nodes)
      expect(
        typeOf(graph, node.path)
          .shape.slice(1)
          .every((dim) => Number(dim) >= 1),
      ).toBe(true);
    const expected =
      task === "segment"
        ? "from 1 to 1,024 voxels, as in 64 or 64x96x96 (depth first)"
        : `from ${least} to 16,384 pixels, as in 299 or 331x275 (height first)`;
    const message = `Cannot set option inputSize of ${id} to ${least - 1}: expected a size ${expected}`;
    expect(() => build({ inputSize: least - 1 })).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });

  test("a narrow variant", () => {
    const graph = build({ widthMultiplier: 0.25, inputSize: minInputSize });
    const first = graph.nodes.find(({ op }) => op === "conv");
    const full = build({ inputSize: minInputSize }).nodes.find(({ op }) => op === "conv");
    const channels = (from: Graph, node: Node | undefined): number => Number(typeOf(from, node?.path ?? "").shape[1]);
    expect(channels(graph, first)).toBe(channels(build({ inputSize: minInputSize }), full) / 4);
    // Convolutions shrink with the square of the width.
    expect(summarize(graph).params).toBeLessThan(native.params / 4);
  });

  test("modules have paths of their own, and every stage ends in one", () => {
    const graph = build("aux" in options ? { aux: true } : {});
    const paths = graph.modules.map(({ path }) => path);
    expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([]);
    expect(graph.stages.map(({ path }) => path).filter((path) => !paths.includes(path))).toEqual([]);
    expect(graph.nodes.filter(({ stage }) => !graph.stages.some(({ path }) => path === stage)).map(({ path }) => path)).toEqual([]);
  });
});

describe("stage tables", () => {
  const tabled = MODELS.map(({ id }) => ({ id, table: architecture(id) })).filter(({ table }) => table.stages !== undefined);
  test("there are eleven", () => expect(tabled.length).toBe(11));

  test.each(tabled)("$id", ({ id, table }) => {
    const head: OptionInput = table.head ? { embeddingSize: 0, numClasses: 1000 } : {};
    const { stages } = summarize(describeModel(id, { ...head, inputSize: table.input.slice(1) }));
    expect(stages.map(withoutName)).toEqual(table.stages?.map(withoutName));
    // The public residual networks count their last block among the C blocks; all else has one name for one stage.
    const last = stages.findIndex(({ path }) => path === "block8");
    expect(last).toBe(/^inception_resnet_v\d\.public$/.test(id) ? table.stages?.findIndex(({ stage }) => stage === "blockC*") : -1);
    if (id === "inception_resnet_3d.table") expect(stages.map(({ path }) => path)).toEqual(table.stages?.map(({ stage }) => stage));
  });

  test("stages of googlenet.public are the end points of slim", () => {
    const { featureTaps } = architecture("googlenet.public");
    const stages = new Map(summarize(describeModel("googlenet.public")).stages.map(({ path, shape }) => [path, shape]));
    const paths = ["conv1", "maxpool1", "conv3", "maxpool2", ..."3a 3b 4a 4b 4c 4d 4e 5a 5b".split(" ").map((name) => `inception${name}`)];
    expect(paths.map((path) => stages.get(path))).toEqual(featureTaps?.taps.map(({ shape }) => shape));
  });

  test("stages of inception_v3.table have the sizes of the table's rows", () => {
    const { featureTaps } = architecture("inception_v3.table");
    const graph = describeModel("inception_v3.table");
    const rows = "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_3x3 Conv2d_4a_3x3 Conv2d_4b_3x3".split(" ");
    const blocks = ["Mixed_5d", "Mixed_6a", "Mixed_6f", "Mixed_7a", "Mixed_7c"];
    expect([...rows, ...blocks].map((path) => shapeOfModule(graph, path).slice(1))).toEqual(featureTaps?.taps.map(({ shape }) => shape));
    const modules = graph.modules.map(({ path }) => path).filter((path) => /^Mixed_\d[a-z]$/.test(path));
    expect(modules.map((path) => path[6])).toEqual([..."555666666777"]);
  });

  test.each([
    { id: "inception_v3.public", paths: ["Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c"] },
    { id: "inception_v4.public", paths: ["features.2", "features.3", "features.9", "features.17", "features.21"] },
    { id: "inception_resnet_v2.public", paths: ["conv2d_2b", "conv2d_4a", "repeat", "repeat_1", "conv2d_7b"] },
  ])("features of $id are timm's, channels and reduction", ({ id, paths }) => {
    const { featureTaps } = architecture(id);
    const graph = findModel(id).describe();
    const taps = paths.map((path) => {
      const [, channels, height] = shapeOfModule(graph, path);
      // Valid borders make the maps smaller than 299 / 2ⁿ; the nearest power of two is the product of the strides.
      return { channels, reduction: 2 ** Math.round(Math.log2(299 / Number(height))) };
    });
    expect(taps).toEqual(featureTaps?.taps);
  });

  test("shapes of inception_resnet_v1.public at 160 pixels", () => {
    const graph = describeModel("inception_resnet_v1.public");
    const paths = [
      "conv2d_1a",
      "conv2d_2a",
      "conv2d_2b",
      "maxpool_3a",
      "conv2d_3b",
      "conv2d_4a",
      "repeat_1",
      "repeat_2",
      "repeat_3",
      "avgpool_1a",
    ];
    const shapes = [...paths, "embedding"].map((path) => withoutOnes(shapeOfModule(graph, path).slice(1).map(Number)));
    expect(shapes).toEqual(architecture("inception_resnet_v1.public").shapesAt160?.map(({ shape }) => shape));
  });
});

describe("variants of the tables", () => {
  test.each([
    { id: "googlenet.paper", heads: ["aux1", "aux2"] },
    { id: "googlenet.public", heads: ["aux1", "aux2"] },
    { id: "inception_v3.public", heads: ["AuxLogits"] },
    { id: "inception_v4.public", heads: ["AuxLogits"] },
    { id: "inception_resnet_v2.public", heads: ["AuxLogits"] },
  ])("$id with auxiliary heads", ({ id, heads }) => {
    const table = architecture(id);
    const summary = summarize(findModel(id).describe({ aux: true }));
    expect(summary).toMatchObject({ params: table.paramsWithAux, macs: table.macsWithAux });
    const params = new Map(summary.stages.map((stage) => [stage.path, stage.params]));
    expect(heads.map((path) => params.get(path))).toEqual(table.aux?.map((head) => head.params));
    // The heads hang on the stages that the table names: they are counted right behind them.
    const stages = summary.stages.map(({ path }) => path);
    expect(heads.map((path) => stages[stages.indexOf(path) - 1])).toEqual(
      table.aux?.map(({ on }) => AUXILIARY_STAGES[on] ?? on.replace("mixed", "inception")),
    );
  });

  test("inception_v3.table with an auxiliary head", () => {
    const table = architecture("inception_v3.table");
    expect(summarize(describeModel("inception_v3.table", { aux: true }))).toMatchObject({
      params: table.paramsWithAux,
      macs: table.macsWithAux,
    });
  });

  const variants = MODELS.flatMap(({ id }) => (architecture(id).variants ?? []).map((variant) => ({ id, ...variant })));
  test("there are three", () => expect(variants.length).toBe(3));

  test.each(variants)("$id with $options", ({ id, options, ...counts }) => {
    expect(countsOf(summarize(describeModel(id, options)))).toEqual(pickCounts(counts));
  });

  test("the heads of inception_resnet_v1.public", () => {
    const { heads = [] } = architecture("inception_resnet_v1.public");
    expect(heads.length).toBe(3);
    for (const { head, input, ...counts } of heads) {
      const options = { embeddingSize: head.embeddingSize, numClasses: head.classes ?? 0, inputSize: input.slice(1) };
      expect(countsOf(summarize(findModel("inception_resnet_v1.public").describe(options)))).toEqual(pickCounts(counts));
    }
  });

  test.each(["inception_resnet_v1", "inception_resnet_v2"])("%s.spec without some or all biases of its convolutions", (family) => {
    const { biasAlternatives } = architecture(`${family}.spec`);
    const graph = findModel(`${family}.spec`).describe();
    const { params } = summarize(graph);
    const biases = graph.parameters.filter(({ role, path }) => role === "bias" && !path.startsWith("classifier."));
    const [projections, others] = [
      biases.filter(({ path }) => path.includes(".concat_proj.")),
      biases.filter(({ path }) => !path.includes(".concat_proj.")),
    ];
    const values = (list: typeof biases) => list.reduce((sum, { type }) => sum + elementsPerImage(type.shape), 0);
    expect(params - values(others)).toBe(biasAlternatives?.biasOnProjectionsOnly);
    expect(params - values(others) - values(projections)).toBe(biasAlternatives?.noConvBias);
  });

  test("the two forms of a drawing differ in the placement of normalization and the stem alone", () => {
    const asText = (id: string, options: OptionInput) => printGraph(findModel(id).describe(options)).replace(/^graph .*\n/, "");
    const v1 = { normPlacement: "sum", stemDownsample: "conv" };
    expect(asText("inception_resnet_v1.paper", v1)).toBe(asText("inception_resnet_v1.spec", {}));
    expect(asText("inception_resnet_v2.paper", { normPlacement: "sum" })).toBe(asText("inception_resnet_v2.spec", {}));
  });
});

describe("public checkpoints", () => {
  test.each([
    { file: "torchvision.googlenet", id: "googlenet.public", options: {}, without: /^aux[12]\./ },
    { file: "torchvision.inception_v3", id: "inception_v3.public", options: {}, without: /^AuxLogits\./ },
    { file: "torchvision.inception_v3", id: "inception_v3.public", options: { aux: true }, without: null },
    { file: "fid.inception_v3", id: "inception_v3.fid", options: {}, without: null },
    { file: "timm.inception_v4", id: "inception_v4.public", options: {}, without: null },
    { file: "timm.inception_resnet_v2", id: "inception_resnet_v2.public", options: {}, without: null },
    { file: "facenet.inception_resnet_v1", id: "inception_resnet_v1.public", options: { numClasses: 1000 }, without: null },
    { file: "facenet.inception_resnet_v1", id: "inception_resnet_v1.public", options: {}, without: /^logits\./ },
  ])("$id has the keys of $file in their order, and their shapes ($options)", ({ file, id, options, without }) => {
    const { state_dict } = readModelGolden(file);
    const keys = state_dict.filter(([key]) => !key.endsWith(".num_batches_tracked") && !without?.test(key));
    expect(
      findModel(id)
        .describe(options)
        .parameters.map(({ path, type }) => [path, type.shape]),
    ).toEqual(keys);
  });

  test("googlenet.public with auxiliary heads has every key of torchvision's", () => {
    const keys = readModelGolden("torchvision.googlenet").state_dict.filter(([key]) => !key.endsWith(".num_batches_tracked"));
    const parameters = describeModel("googlenet.public", { aux: true }).parameters.map(({ path, type }) => [path, type.shape]);
    expect(parameters.sort()).toEqual(keys.sort());
    expect(parameters.length).toBe(architecture("googlenet.public").tensorCount?.count);
  });

  test("tensor and value counts", () => {
    const v1 = describeModel("inception_resnet_v1.public", { numClasses: 8631 });
    expect(v1.parameters.length).toBe(architecture("inception_resnet_v1.public").tensorCount?.count);
    for (const id of ["inception_v2.caffe", "inception_v3.public", "inception_v4.public", "inception_resnet_v2.public"]) {
      const { tensorCount, tensorCountWithAux, valuesInFile } = architecture(id);
      const graph = findModel(id).describe();
      expect(graph.parameters.length, id).toBe(tensorCount?.count);
      if (valuesInFile)
        expect(
          valuesOf(graph, () => true),
          id,
        ).toBe(valuesInFile.values);
      if (tensorCountWithAux) expect(findModel(id).describe({ aux: true }).parameters.length, id).toBe(tensorCountWithAux.count);
    }
  });

  test.each([
    { id: "googlenet.public", head: "fc." },
    { id: "inception_v2.slim", head: "last_linear." },
    { id: "inception_v3.public", head: "fc." },
  ])("slim counts the base of $id the same: no logits, no gamma, running statistics included", ({ id, head }) => {
    const base = valuesOf(findModel(id).describe(), ({ path, role }) => !path.startsWith(head) && role !== "norm_scale");
    expect(base).toBe(architecture(id).slimBase?.values);
  });

  test.each([
    { file: "torchvision.googlenet", id: "googlenet.public", options: { aux: true }, counted: 2 },
    { file: "torchvision.inception_v3", id: "inception_v3.public", options: { aux: true }, counted: 2 },
    { file: "fid.inception_v3", id: "inception_v3.fid", options: {}, counted: 1 },
    { file: "timm.inception_v4", id: "inception_v4.public", options: {}, counted: 2 },
    { file: "timm.inception_resnet_v2", id: "inception_resnet_v2.public", options: {}, counted: 2 },
    { file: "facenet.inception_resnet_v1", id: "inception_resnet_v1.public", options: {}, counted: 2 },
  ])("$file counts its parameters the same", ({ file, id, options, counted }) => {
    const golden = readModelGolden(file);
    const counts = Object.entries(golden.parameter_count).filter(([classes]) => /^\d+$/.test(classes));
    expect(counts.length).toBe(counted);
    for (const [classes, count] of counts) {
      const graph = findModel(id).describe({ ...options, numClasses: Number(classes) });
      expect(valuesOf(graph, isTrainable)).toBe(count);
      expect(summarize(graph).nonTrainable).toBe(golden.buffer_count_without_num_batches_tracked);
    }
  });
});

describe("the rows of the name tables", () => {
  const tabled = MODELS.map(({ id }) => id).filter((id) => architecture(id).names !== undefined);
  const rows = tabled.flatMap((id) =>
    (architecture(id).names ?? []).map((row) => ({ id, key: row.facenetPytorch ?? row.timm ?? row.torchvision ?? "", ...row })),
  );
  const graphs = new Map(tabled.map((id) => [id, describeModel(id, { inputSize: 299 })]));
  test("there are 217", () => expect(rows.length).toBe(217));

  test.each(rows)("$id $path is $key, $conv", ({ id, key, conv, out }) => {
    const graph = graphs.get(id);
    const [, inChannels, outChannels, height, width, stride, padding, note] =
      conv.match(/^(\d+)→(\d+) (\d+)×(\d+)(?: \/(\d))?(?: (valid|same))?(?: (\(no BN, bias, linear\)))?$/) ?? [];
    const projection = note !== undefined;
    const path = projection ? key : `${key}.conv`;
    const node = graph?.nodes.find((candidate) => candidate.path === path);
    if (graph === undefined || node === undefined) throw new RangeError(`Cannot find convolution ${path}`);
    const kernelShape = [Number(height), Number(width)];
    const pads = padding === "same" ? kernelShape.map((size) => (size - 1) / 2) : [0, 0];
    expect(node.attributes).toMatchObject({ kernelShape, strides: [Number(stride ?? 1), Number(stride ?? 1)], pads: [...pads, ...pads] });
    expect(graph.types.get(`${path}.weight`)?.shape).toEqual([Number(outChannels), Number(inChannels), ...kernelShape]);
    expect(typeOf(graph, path).shape.slice(2)).toEqual(out);
    const reader = graph.nodes.find(({ inputs }) => inputs[0] === path);
    expect(reader?.op).toBe(projection ? (key === "block8.conv2d" ? "add" : "scale") : "batchNormalization");
    expect(node.inputs.length).toBe(projection ? 3 : 2);
  });
});

/**
 * The table gives 15 for both GoogLeNets, which the paper's last pool, 3×3 where the public one is 2×2, does not allow:
 * 15 pixels become 8, 4, 2, 1 behind the stem and the first pools, and a 3×3 /2 window over 1 sticks out by a whole
 * stride. It needs a map of 2 there, so 4, 8, 16 and 31 before.
 */
function smallestInTable(id: string): number {
  const { smallestSquareInput } = architecture(id);
  if (typeof smallestSquareInput === "number") return smallestSquareInput;
  return id === "googlenet.paper" ? 31 : smallestSquareInput.ceilPools;
}

/** What the tables call the stage that an auxiliary head hangs on, where it is not GoogLeNet's. */
const AUXILIARY_STAGES: Readonly<Record<string, string>> = { "blockB*": "repeat_1", mixed6e: "Mixed_6e", mixed6h: "features.17" };

function countsOf({ params, macs, nonTrainable, convs }: Summary): Counts {
  return { params, macs, nonTrainable, convs };
}

function pickCounts({ params, macs, nonTrainable, convs }: Counts): Counts {
  return { params, macs, nonTrainable, convs };
}

/** A classifier's [1000] and [1000, 1, 1] are one shape in the tables. */
function withoutName({ shape, params, macs }: StageSummary | TableStage) {
  return { shape: withoutOnes(shape), params, macs };
}

function withoutOnes(shape: readonly number[]): readonly number[] {
  const last = shape.findLastIndex((size) => size !== 1);
  return shape.slice(0, last + 1);
}

function shapeOfModule(graph: Graph, path: string) {
  const module = graph.modules.find((candidate) => candidate.path === path);
  return typeOf(graph, module?.output ?? "").shape;
}

function valuesOf(graph: Graph, counts: (parameter: Graph["parameters"][number]) => boolean): number {
  return graph.parameters.filter(counts).reduce((sum, { type }) => sum + elementsPerImage(type.shape), 0);
}
