import { expect, test } from "vitest";
import { shapes } from "../../test/op-cases/op-case.js";
import { opGraph, outputName } from "../../test/op-graph.js";
import { asTensor, type Floats, filled, outputOf, runGraph, withModel } from "../../test/run-graph.js";
import { GraphBuilder } from "./build.js";

const TARGETS = ["standard", "ort-cpu", "webgpu"] as const;

test.each(TARGETS)("statistics far from 0 stay exact: %s", async (target) => {
  // Values 1000 + {−1, +1}: mean 1000, variance 1, y = ±1/√(1 + 1e-3).
  const data = Float32Array.from({ length: 2 * 2 * 8 }, (_, index) => 1000 + (index % 2 === 0 ? -1 : 1));
  const graph = opGraph(
    "batchNormalizationTraining",
    shapes(["N", 2, 8], ["N"], ["N"]).map((input, index) => (index === 0 ? input : { shape: [2] })),
    { epsilon: 1e-3 },
  );
  const ones = { dtype: "float32", shape: [2], data: Float32Array.of(1, 1) } as const;
  const zeros = { dtype: "float32", shape: [2], data: Float32Array.of(0, 0) } as const;
  const parameters = new Map([
    ["1", ones],
    ["2", zeros],
  ]);
  const outputs = await runGraph(graph, parameters, { 0: { shape: [2, 2, 8], data } }, { target });
  for (const mean of outputOf(outputs, "y1").data) expect(mean / 1000).toBeCloseTo(1, 6);
  for (const variance of outputOf(outputs, "y2").data) expect(variance).toBeCloseTo(1, 4);
  for (const [index, y] of outputOf(outputs, "y").data.entries()) expect(y).toBeCloseTo((index % 2 === 0 ? -1 : 1) / Math.sqrt(1.001), 3);
});

test.each(TARGETS)("one large image, far from 0: %s", async (target) => {
  // As above, with 2 · 40,000 elements: on the CPU other operators.
  const shape = [1, 2, 200, 200];
  const data = Float32Array.from({ length: 80_000 }, (_, index) => 1000 + (index % 2 === 0 ? -1 : 1));
  const graph = opGraph("batchNormalizationTraining", shapes(shape, [2], [2]), { epsilon: 1e-3 });
  const parameters = new Map(
    [
      { shape, data },
      { shape: [2], data: Float32Array.of(1, -3) },
      { shape: [2], data: Float32Array.of(0, 5) },
    ].map((value, index) => [String(index), asTensor(value)]),
  );
  const outputs = await runGraph(graph, parameters, {}, { target });
  for (const mean of outputOf(outputs, "y1").data) expect(mean / 1000).toBeCloseTo(1, 6);
  for (const variance of outputOf(outputs, "y2").data) expect(variance).toBeCloseTo(1, 4);
  const { data: y } = outputOf(outputs, "y");
  const [first = 0, second = 0, third = 0, fourth = 0] = [y[0], y[1], y[40_000], y[40_001]];
  const deviation = Math.sqrt(1.001);
  for (const [found, expected] of [
    [first, -1 / deviation],
    [second, 1 / deviation],
    [third, 5 + 3 / deviation],
    [fourth, 5 - 3 / deviation],
  ] as const) {
    expect(found).toBeCloseTo(expected, 3);
  }
});

// ONNX Runtime writes batch statistics into the statistics that it is given, wherever those lie.
test.each(TARGETS)("fed tensors stay untouched, layers on one input and on equal sizes do not disturb each other: %s", async (target) => {
  const b = new GraphBuilder("layers");
  const [x, other] = [b.input("x", ["N", 3, 2, 2]), b.input("other", ["N", 3, 2, 2])];
  const vectors = ["scale", "shift", "second_scale"].map((name) => b.input(name, [3]));
  const [scale, shift, second] = vectors;
  if (!scale || !shift || !second) throw new RangeError("Cannot build");
  const layers = [
    { name: "a", input: x, scale, epsilon: 1e-3 },
    { name: "b", input: x, scale: second, epsilon: 1e-3 },
    { name: "c", input: other, scale, epsilon: 1e-3 },
    { name: "d", input: x, scale, epsilon: 0.5 },
  ];
  for (const layer of layers) {
    const outputs = b.addAll("batchNormalizationTraining", layer.name, [layer.input, layer.scale, shift], { epsilon: layer.epsilon });
    // The statistics are read inside the graph, as a backward graph does.
    const [, mean, variance] = outputs;
    if (!mean || !variance) throw new RangeError("Cannot build");
    b.output(`${layer.name}.read`, b.add("sum", `${layer.name}.read`, [mean, variance], {}));
    for (const [index, output] of outputs.entries()) b.output(`${layer.name}.${outputName(index)}`, output);
  }
  const values: Record<string, Floats> = {
    ...Object.fromEntries(["x", "other"].map((name) => [name, filled(`layers:${name}`, [2, 3, 2, 2])])),
    ...Object.fromEntries(["scale", "shift", "second_scale"].map((name) => [name, filled(`layers:${name}`, [3])])),
  };
  const before = structuredClone(values);
  await withModel(b.finish(), new Map(), { target }, async (model) => {
    for (const run of [1, 2]) {
      const outputs = await model.run(values);
      expect({ run, values }).toEqual({ run, values: before });
      for (const { name, input } of layers) {
        const { means, variances } = momentsPerChannel(values[input.id]);
        for (const c of [0, 1, 2]) {
          expect(outputOf(outputs, `${name}.y1`).data[c]).toBeCloseTo(means[c] ?? 0, 6);
          expect(outputOf(outputs, `${name}.y2`).data[c]).toBeCloseTo(variances[c] ?? 0, 6);
          expect(outputOf(outputs, `${name}.read`).data[c]).toBeCloseTo((means[c] ?? 0) + (variances[c] ?? 0), 6);
        }
      }
    }
  });
});

test.each(TARGETS)("one image of one place: the variance is 0, x is not touched: %s", async (target) => {
  const b = new GraphBuilder("one");
  const x = b.input("x", [1, 2, 1, 1]);
  const [y] = b.addAll("batchNormalizationTraining", "norm", [x, b.input("scale", [2]), b.input("shift", [2])], { epsilon: 1 });
  if (!y) throw new RangeError("Cannot build");
  b.output("sum", b.add("sum", "sum", [x, y], {}));
  const feeds = {
    x: { shape: [1, 2, 1, 1], data: Float32Array.of(3, -5) },
    scale: { shape: [2], data: Float32Array.of(1, 2) },
    shift: { shape: [2], data: Float32Array.of(0.5, 0.25) },
  };
  expect([...outputOf(await runGraph(b.finish(), new Map(), feeds, { target }), "sum").data]).toEqual([3.5, -4.75]);
  expect([...feeds.x.data]).toEqual([3, -5]);
});

test("a loss of the statistics is refused, by name", async () => {
  const { gradients } = await import("../autodiff/gradient.js");
  const b = new GraphBuilder("statistics");
  const x = b.input("x", [2, 3, 2, 2]);
  const [, mean] = b.addAll("batchNormalizationTraining", "block.norm", [x, b.input("scale", [3]), b.input("shift", [3])], { epsilon: 1 });
  if (!mean) throw new RangeError("Cannot build");
  const loss = b.add("reduceSum", "loss", [mean], { axes: [0], keepDims: false });
  expect(() => gradients(b, loss, [x])).toThrow(
    'Cannot infer shape of batchNormalizationTraining "block.norm": the loss depends on its mean or variance as outputs, which have no gradient',
  );
});

function momentsPerChannel(value: Floats | undefined) {
  const [images = 0, channels = 0, ...sizes] = value?.shape ?? [];
  const places = sizes.reduce((total, size) => total * size, 1);
  const perChannel = Array.from({ length: channels }, (_, c) =>
    Array.from({ length: images * places }, (_, i) => Number(value?.data[(Math.floor(i / places) * channels + c) * places + (i % places)])),
  );
  const mean = (list: readonly number[]): number => list.reduce((total, item) => total + item, 0) / list.length;
  const means = perChannel.map(mean);
  return { means, variances: perChannel.map((list, c) => mean(list.map((item) => (item - (means[c] ?? 0)) ** 2))) };
}
