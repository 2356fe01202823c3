import { describe, expect, test } from "vitest";
import { thrownBy } from "../../test/failures.js";
import { filled, outputOf, runGraph, withModel } from "../../test/run-graph.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { decodeModel } from "../formats/onnx/decode.js";
import type { Graph } from "../ir/graph.js";
import { convBlock } from "../layers/conv-block.js";
import { globalPool, linear } from "../layers/head.js";
import { describeModel, MODELS } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { goldenParameters } from "../weights/golden.js";
import { supportsDynamicSize } from "./any-size.js";
import { compileInference, lowerInference } from "./compile.js";

/** A classifier of volumes: two strided convolutions, the mean of the map, a linear layer. */
function volumeClassifier(sizes: readonly number[], padding: "symmetric" | "same" = "symmetric"): Graph {
  const b = new GraphBuilder("volumes");
  const style = { kind: "bias" } as const;
  const spec = { outChannels: 4, kernelShape: [3, 3, 3], strides: [2, 2, 2], padding };
  const x = convBlock(b, "conv2", convBlock(b, "conv1", b.input("input", ["N", 1, ...sizes]), spec, style), spec, style);
  b.output("logits", linear(b, "fc", globalPool(b, "pool", x, "map"), 3));
  return b.finish();
}

describe("a network for volumes compiled for any size", () => {
  test("has depth, height and width open, each under its name", () => {
    const graph = volumeClassifier([8, 9, 10]);
    const { chunks } = compileInference(graph, goldenParameters(graph), { dynamicSize: true, outputs: ["conv1", "logits"] });
    const { inputs, outputs } = decodeModel(concatChunks(chunks)).graph;
    expect(inputs.map(({ shape }) => shape)).toEqual([["N", 1, "depth", "height", "width"]]);
    expect(outputs.map(({ shape }) => shape)).toEqual([
      ["N", 4, null, null, null],
      ["N", 3],
    ]);
  });

  test("gives at other sizes, in onnxruntime-node, what it gives when built for them", async () => {
    const graph = volumeClassifier([8, 9, 10]);
    const parameters = goldenParameters(graph);
    await withModel(graph, parameters, { dynamicSize: true }, async (model) => {
      for (const sizes of [
        [8, 9, 10],
        [11, 7, 16],
      ]) {
        const feeds = { input: filled(sizes.join(), [2, 1, ...sizes]) };
        const built = outputOf(await runGraph(volumeClassifier(sizes), parameters, feeds), "logits");
        const open = outputOf(await model.run(feeds), "logits");
        expect(open.shape).toEqual([2, 3]);
        expect([...open.data].map((value, index) => Math.abs(value - built.data[index]!) < 1e-6)).toEqual(Array(6).fill(true));
      }
    });
  });

  test("is refused with SAME padding, in the words of volumes", () => {
    const graph = volumeClassifier([8, 8, 8], "same");
    expect(thrownBy(() => compileInference(graph, goldenParameters(graph), { dynamicSize: true }))).toMatchObject({
      code: "OPTION_INVALID",
      message:
        'Cannot compile "volumes" for any depth, height and width: the padding of "conv1.conv" depends on the input size (SAME); describe it with padding symmetric if it has that option, or compile it for one size',
    });
    expect(compileInference(graph, goldenParameters(graph)).byteLength).toBeGreaterThan(0);
  });
});

describe("a network for images compiled for any size", () => {
  const lower = (graph: Graph) => thrownBy(() => lowerInference(graph, { dynamicSize: true }));

  test("is refused with SAME padding", () => {
    for (const [id, options, layer] of [
      ["inception_v2.slim", {}, "conv1_7x7_s2.depthwise"],
      ["googlenet.public", { padding: "same" }, "conv1.conv"],
    ] as const) {
      expect(lower(describeModel(id, options))).toMatchObject({
        code: "OPTION_INVALID",
        message: `Cannot compile "${id}" for any height and width: the padding of "${layer}" depends on the input size (SAME); describe it with padding symmetric if it has that option, or compile it for one size`,
      });
    }
    expect(lower(describeModel("googlenet.public"))).toBeNull();
  });

  test("is refused with an auxiliary classifier that reads a whole map, unless its outputs are left out", () => {
    const graph = describeModel("googlenet.public", { aux: true });
    expect(lower(graph)).toMatchObject({
      code: "OPTION_INVALID",
      message:
        'Cannot compile "googlenet.public" for any height and width: a layer is lowered differently for each size; choose outputs that do not need it, or compile it for one size',
    });
    expect(thrownBy(() => lowerInference(graph, { dynamicSize: true, outputs: ["logits"] }))).toBeNull();
  });
});

const SIZES = { image: [299, 299], volume: [64, 64, 64] } as const;

describe("the verdict from one description", () => {
  const cases = MODELS.flatMap(({ id, options }) =>
    [
      {},
      ...("aux" in options ? [{ aux: true }] : []),
      ...("padding" in options ? [{ padding: "same" }, { padding: "symmetric" }] : []),
    ].map((given) => ({ id, given })),
  );

  test.each(cases)("of $id with $given is the one from two", ({ id, given }) => {
    const model = MODELS.find((each) => each.id === id);
    const sizes = model?.task === "segment" ? SIZES.volume : SIZES.image;
    const describeAt = (inputSize: readonly number[]) => describeModel(id, { ...given, inputSize });
    const own = thrownBy(() => lowerInference(describeAt(sizes), { dynamicSize: true })) === null;
    const larger = sizes.map((size, axis) => size + 33 + axis);
    const fromTwo = thrownBy(() => describeAt(larger)) === null && supportsDynamicSize(describeAt, [sizes, larger]);
    expect(own).toBe(fromTwo);
  });
});
