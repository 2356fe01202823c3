/** Explanations against what they mean: planted objects, differences of logits, and sums written out here. */
import { describe, expect, test } from "vitest";
import { type Floats, filled, outputOf, runGraph } from "../../test/run-graph.js";
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { convBlock, plainConv } from "../layers/conv-block.js";
import { globalPool, linear } from "../layers/head.js";
import { maxPool } from "../layers/pooling.js";
import { describeModel } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { goldenParameters } from "../weights/golden.js";
import { gradCam, inputGradient, integratedGradients, occlusion } from "./index.js";

const SIDE = 32;

/** Two classes, "red" and "green": how much of that color and not of the others there is, averaged over the picture. */
function colorNetwork(): { readonly graph: Graph; readonly parameters: ReadonlyMap<string, Tensor> } {
  const b = new GraphBuilder("colors");
  const x = b.input("input", ["N", 3, SIDE, SIDE]);
  const color = convBlock(b, "color", x, { outChannels: 2, kernelShape: [1, 1] }, { kind: "bias" });
  const map = b.module("map", maxPool(b, "map", color, { size: 2, stride: 2 }));
  b.output("logits", linear(b, "fc", globalPool(b, "pool", map, "map"), 2));
  b.stage("fc", b.module("head", b.ref("fc")));
  const red = [1, -0.7, -0.7];
  const green = [-0.7, 1, -0.7];
  const parameters = new Map([
    ["color.conv.weight", float32Tensor([2, 3, 1, 1], Float32Array.from([...red, ...green]))],
    ["color.conv.bias", float32Tensor([2], Float32Array.from([-0.4, -0.4]))],
    ["fc.weight", float32Tensor([2, 2], Float32Array.from([1, -0.2, -0.2, 1]))],
    ["fc.bias", float32Tensor([2], new Float32Array(2))],
  ]);
  return { graph: b.finish(), parameters };
}

interface Square {
  readonly top: number;
  readonly left: number;
  readonly side: number;
  readonly channel: 0 | 1 | 2;
}
const RED: Square = { top: 20, left: 5, side: 8, channel: 0 };
const GREEN: Square = { top: 3, left: 19, side: 8, channel: 1 };

/** Gray noise with both squares on it. */
function plantedPicture(): Floats {
  const { shape, data } = filled("noise", [1, 3, SIDE, SIDE], -0.15, 0.15);
  for (const { top, left, side, channel } of [RED, GREEN])
    for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) data[(channel * SIDE + y) * SIDE + x] = 1;
  return { shape, data };
}

const target = (index: number) => ({ shape: [1], data: Int32Array.of(index) });

/** Of a map: the place of its largest value, and the share of its mass in and around a square. */
function look({ shape, data }: Floats, { top, left, side }: Square, margin: number) {
  const width = shape.at(-1) ?? 0;
  const peak = data.indexOf(Math.max(...data));
  const near = (index: number) => {
    const [y, x] = [Math.floor(index / width), index % width];
    return y >= top - margin && y < top + side + margin && x >= left - margin && x < left + side + margin;
  };
  const total = data.reduce((sum, value) => sum + value, 0);
  return { inside: near(peak), share: data.reduce((sum, value, index) => sum + (near(index) ? value : 0), 0) / total };
}

describe("a planted object is what the map shows", () => {
  const { graph, parameters } = colorNetwork();
  const methods: Readonly<Record<string, (network: Graph) => Graph>> = {
    "Grad-CAM": gradCam,
    "input gradient": inputGradient,
    "integrated gradients": (network) => integratedGradients(network, { steps: 8 }),
    occlusion: (network) => occlusion(network, { window: 6, stride: 3 }),
  };
  test.each(Object.entries(methods))("%s", async (name, explain) => {
    const graphs = explain(graph);
    for (const [index, square] of [RED, GREEN].entries()) {
      const outputs = await runGraph(graphs, parameters, { input: plantedPicture(), target: target(index) });
      const map = outputOf(outputs, "map");
      expect(map.shape).toEqual([1, 1, SIDE, SIDE]);
      expect(Math.min(...map.data)).toBeGreaterThanOrEqual(0);
      // An occluding window reaches over the square's border, an enlarged map a pixel or two. Gradients and shares are
      // also those of what speaks against the class: the other square, at a fifth of the weight.
      const { inside, share } = look(map, square, name === "occlusion" ? 6 : 2);
      expect(inside, `${name} of class ${index}`).toBe(true);
      expect(share, `${name} of class ${index}`).toBeGreaterThan(name.includes("radient") ? 0.7 : 0.9);
    }
  });
});

describe("on a GoogLeNet with weights from a formula", () => {
  const network = describeModel("googlenet.public", { widthMultiplier: 0.125, inputSize: 48, numClasses: 5 });
  const parameters = goldenParameters(network);
  const image = filled("picture", [1, 3, 48, 48]);
  const logitOf = async (picture: Floats, index: number): Promise<number> =>
    outputOf(await runGraph(network, parameters, { input: picture }, { outputs: ["logits"] }), "logits").data[index] ?? Number.NaN;

  test("Grad-CAM of a network that ends in average and linear layer is its class activation map", async () => {
    // Zhou et al., arXiv:1512.04150: then ∂y/∂A = w_c / (h·w), and Grad-CAM is ReLU(Σ_c w_c A_c) / (h·w).
    const outputs = await runGraph(gradCam(network), parameters, { input: image, target: target(3) });
    const last = await runGraph(network, parameters, { input: image }, { outputs: ["inception5b"] });
    const { shape, data } = outputOf(last, "inception5b");
    const [, channels = 0, height = 0, width = 0] = shape;
    const weights = parameters.get("fc.weight")?.data ?? [];
    const area = height * width;
    const expected = Array.from({ length: area }, (_, place) => {
      const sum = Array.from({ length: channels }, (__, c) => Number(weights[3 * channels + c]) * (data[c * area + place] ?? 0));
      return (
        Math.max(
          0,
          sum.reduce((a, value) => a + value, 0),
        ) / area
      );
    });
    const coarse = outputOf(outputs, "coarse");
    expect(coarse.shape).toEqual([1, 1, height, width]);
    for (const [place, value] of expected.entries()) expect(coarse.data[place]).toBeCloseTo(value, 5);
    expect(outputOf(outputs, "logits").data[3]).toBeCloseTo(await logitOf(image, 3), 4);
  });

  test("Grad-CAM at an inner layer has that layer's size", async () => {
    const outputs = await runGraph(gradCam(network, { layer: "inception3b" }), parameters, { input: image, target: target(0) });
    expect(outputOf(outputs, "coarse").shape).toEqual([1, 1, 6, 6]);
  });

  test("the input gradient is the slope of the logit along any direction", async () => {
    const { gradient } = await runGraph(inputGradient(network), parameters, { input: image, target: target(2) });
    const direction = filled("direction", image.shape);
    const slope = gradient?.data.reduce((sum, value, index) => sum + value * (direction.data[index] ?? 0), 0) ?? Number.NaN;
    const step = 2e-4;
    const moved = (by: number): Floats => ({ ...image, data: image.data.map((value, index) => value + by * (direction.data[index] ?? 0)) });
    const difference = ((await logitOf(moved(step), 2)) - (await logitOf(moved(-step), 2))) / (2 * step);
    expect(Math.abs(slope - difference)).toBeLessThan(0.02 * Math.abs(difference) + 4e-3);
  });

  test("integrated gradients sum to what the logit is above the baseline's", async () => {
    const baseline = 0.25;
    const graph = integratedGradients(network, { steps: 64, baseline });
    const { shares, scores } = await runGraph(graph, parameters, { input: image, target: target(1) });
    const sum = shares?.data.reduce((total, value) => total + value, 0) ?? Number.NaN;
    const start = { ...image, data: new Float32Array(image.data.length).fill(baseline) };
    const rise = (await logitOf(image, 1)) - (await logitOf(start, 1));
    expect(Math.abs(sum - rise)).toBeLessThan(0.03 * Math.abs(rise) + 2e-3);
    expect(scores?.shape).toEqual([64, 1]);
  });

  test("occlusion is what covering the picture by hand does", async () => {
    const [window, stride, fill] = [20, 14, 0.5];
    const outputs = await runGraph(occlusion(network, { window, stride, fill }), parameters, { input: image, target: target(4) });
    const whole = await logitOf(image, 4);
    expect(outputOf(outputs, "score").data[0]).toBeCloseTo(whole, 4);
    const starts = [0, 14, 28];
    const sums = new Float64Array(48 * 48);
    const counts = new Float64Array(48 * 48);
    for (const [row, top] of starts.entries())
      for (const [column, left] of starts.entries()) {
        const covered = { ...image, data: image.data.slice() };
        const places = [];
        for (let y = top; y < top + window; y++) for (let x = left; x < left + window; x++) places.push(y * 48 + x);
        for (const place of places) for (let c = 0; c < 3; c++) covered.data[c * 48 * 48 + place] = fill;
        const fall = whole - (await logitOf(covered, 4));
        expect(outputOf(outputs, "falls").data[row * 3 + column]).toBeCloseTo(fall, 4);
        for (const place of places) {
          sums[place] = (sums[place] ?? 0) + fall;
          counts[place] = (counts[place] ?? 0) + 1;
        }
      }
    const map = outputOf(outputs, "map").data;
    for (const [place, count] of counts.entries()) expect(map[place]).toBeCloseTo(Math.max(0, (sums[place] ?? 0) / count), 4);
  });
});

describe("refuses", () => {
  const googlenet = describeModel("googlenet.public", { widthMultiplier: 0.125, inputSize: 48 });
  test.each<[string, () => Graph]>([
    [
      'Cannot explain "inception_resnet_v1.public": it has no logits, expected an image classifier',
      () => gradCam(describeModel("inception_resnet_v1.public", { widthMultiplier: 0.125 })),
    ],
    [
      'Cannot explain "inception_resnet_3d.table": it does not classify images as a whole, expected an image classifier',
      () => inputGradient(describeModel("inception_resnet_3d.table", { widthMultiplier: 0.125, inputSize: 16 })),
    ],
    [
      'Cannot explain "googlenet.public" at layer "fc": it is not a module with a feature map, expected one such as inception4d, inception4e, maxpool4, inception5a, inception5b, avgpool',
      () => gradCam(googlenet, { layer: "fc" }),
    ],
    [
      'Cannot explain "googlenet.public" with 1 steps, expected an integer from 2 to 256',
      () => integratedGradients(googlenet, { steps: 1 }),
    ],
    [
      'Cannot explain "googlenet.public" with baseline NaN, expected a finite number',
      () => integratedGradients(googlenet, { baseline: Number.NaN }),
    ],
    [
      'Cannot explain "googlenet.public" by occlusion: a window of 49 pixels, expected an integer from 1 to 48',
      () => occlusion(googlenet, { window: 49 }),
    ],
    [
      'Cannot explain "googlenet.public" by occlusion: a stride of 5 pixels, expected an integer from 1 to 4',
      () => occlusion(googlenet, { window: 4, stride: 5 }),
    ],
    [
      'Cannot explain "googlenet.public" by occlusion: 529 positions of the window, the limit is 256; pass a larger stride',
      () => occlusion(googlenet, { window: 4, stride: 2 }),
    ],
    [
      'Cannot explain "googlenet.public" by occlusion: fill Infinity, expected a finite number',
      () => occlusion(googlenet, { fill: Number.POSITIVE_INFINITY }),
    ],
  ])("%s", (message, build) => {
    expect(build).toThrow(InceptionError);
    expect(build).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });

  test("a layer that nothing leads from to the logits", () => {
    const b = new GraphBuilder("loose");
    const x = b.input("input", ["N", 1, 4, 4]);
    b.module("loose", plainConv(b, "loose", x, { outChannels: 1, kernelShape: [1, 1] }, false));
    const map = b.module("map", plainConv(b, "map", x, { outChannels: 1, kernelShape: [1, 1] }, false));
    b.output("logits", linear(b, "fc", globalPool(b, "pool", map, "map"), 2));
    b.output("loose", b.ref("loose"));
    expect(() => gradCam(b.draft(), { layer: "loose" })).toThrow(/Cannot explain "loose" at layer "loose"/);
  });
});

test("parameters are those of the network, under their names", () => {
  const network = describeModel("inception_v3.public", { widthMultiplier: 0.125, inputSize: 75 });
  for (const graph of [gradCam(network), inputGradient(network), integratedGradients(network, { steps: 2 }), occlusion(network)]) {
    expect(graph.parameters.map(({ path }) => path)).toEqual(network.parameters.map(({ path }) => path));
    expect(graph.inputs.map(({ name, type }) => [name, type.dtype, type.shape])).toEqual([
      ["input", "float32", [1, 3, 75, 75]],
      ["target", "int32", [1]],
    ]);
  }
});
