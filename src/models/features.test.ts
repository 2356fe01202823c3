import { describe, expect, test } from "vitest";
import { filled, runGraph } from "../../test/run-graph.js";
import { goldenParameters } from "../weights/golden.js";
import { features, stageFeatures } from "./features.js";
import { describeModel, findModel, MODELS } from "./index.js";

/** Name, channels and reduction of each output. */
function listed(id: string): readonly (readonly [string, number, number])[] {
  const graph = findModel(id).describe();
  const known = new Map(stageFeatures(graph).map((feature) => [feature.stage, feature]));
  return features(graph).outputs.map(({ name }) => [name, known.get(name)?.channels ?? 0, known.get(name)?.reduction ?? 0]);
}

describe("features", () => {
  // feature_info of timm's inception_v3.py and inception_resnet_v2.py.
  test.each([
    [
      "inception_v3.public",
      [
        ["Conv2d_2b_3x3", 64, 2],
        ["Conv2d_4a_3x3", 192, 4],
        ["Mixed_5d", 288, 8],
        ["Mixed_6e", 768, 16],
        ["Mixed_7c", 2048, 32],
      ],
    ],
    [
      "inception_resnet_v2.public",
      [
        ["conv2d_2b", 64, 2],
        ["conv2d_4a", 192, 4],
        ["repeat", 320, 8],
        ["repeat_1", 1088, 16],
        ["conv2d_7b", 1536, 32],
      ],
    ],
  ])("%s: those of timm's features_only", (id, expected) => {
    expect(listed(id)).toEqual(expected);
  });

  test.each(MODELS.map(({ id, task }) => [id, task] as const))("%s: one map of each reduction, none of a pool or a decoder", (id, task) => {
    expect(listed(id).map(([, , reduction]) => reduction)).toEqual(task === "segment" ? [2, 4, 8] : [2, 4, 8, 16, 32]);
  });

  test("run as any network, and hold no more than they need", async () => {
    const graph = describeModel("inception_resnet_v1.public", { widthMultiplier: 0.125 });
    const parameters = goldenParameters(graph);
    const pyramid = features(graph);
    const outputs = await runGraph(pyramid, parameters, { input: filled("features", [2, 3, 160, 160]) });
    const shapes = Object.fromEntries(stageFeatures(graph).map(({ stage, channels, sizes }) => [stage, [2, channels, ...sizes]]));
    for (const { name } of pyramid.outputs) expect(outputs[name]?.shape).toEqual(shapes[name]);
    expect(Object.keys(outputs)).toEqual(["conv2d_2b", "conv2d_4a", "repeat_1", "repeat_2", "block8"]);
    expect(pyramid.parameters.some(({ path }) => path.startsWith("last_linear"))).toBe(false);
  });

  test("stages, modules and outputs may be named together", () => {
    const graph = describeModel("inception_v3");
    const chosen = features(graph, { stages: ["logits", "Mixed_6e", "Mixed_5b.branch1x1", "features"] });
    expect(chosen.outputs.map(({ name }) => name)).toEqual(["logits", "Mixed_6e", "Mixed_5b.branch1x1", "features"]);
    const message = 'Cannot select output "Mixed_9z" of "inception_v3.public": expected logits, features or the path of a module';
    expect(() => features(graph, { stages: ["Mixed_9z"] })).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});

test("a map of a volume has three sizes", () => {
  const [first, ...more] = stageFeatures(describeModel("inception_resnet_3d.table", { inputSize: [64, 32, 48] }));
  expect(first).toEqual({ stage: "stem.conv1", channels: 32, sizes: [32, 16, 24], reduction: 2 });
  expect(more.at(-1)).toEqual({ stage: "up.logits", channels: 2, sizes: [64, 32, 48], reduction: 1 });
});
