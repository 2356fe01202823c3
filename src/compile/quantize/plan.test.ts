import { describe, expect, test } from "vitest";
import type { Graph } from "../../ir/graph.js";
import { describeModel } from "../../models/index.js";
import { MINI_MODELS } from "../../models/mini.js";
import { goldenParameters } from "../../weights/golden.js";
import { foldNetwork } from "./fold.js";
import { type PlanOptions, planQuantization } from "./plan.js";

function planOf(graph: Graph, options: PlanOptions = {}) {
  const folded = foldNetwork({ graph, parameters: goldenParameters(graph) }).graph;
  return { folded, ...planQuantization(folded, options) };
}

function mini(id: string): Graph {
  const describeMini = MINI_MODELS.get(id);
  if (describeMini === undefined) throw new RangeError(`Cannot find ${id}`);
  return describeMini({ numClasses: 10, inputSize: [33, 35] });
}

describe("planQuantization", () => {
  test("all of a small GoogLeNet becomes integers but the reading out of the features", () => {
    const { folded, nodes, rectified, ranges, kept } = planOf(mini("mini.googlenet"));
    const rest = folded.nodes.map(({ path }) => path).filter((path) => !nodes.has(path) && ![...rectified.values()].includes(path));
    expect(rest).toEqual([]);
    expect(kept).toEqual([]);
    expect(rectified.size).toBe(13);
    // The last layer may give floats, so its result has no levels.
    expect(ranges.has("fc")).toBe(false);
    expect(ranges.get("input")).toBe("input");
  });

  test("a pool has the range of what it reads, branches that of their concatenation", () => {
    const { ranges } = planOf(mini("mini.googlenet"));
    expect(ranges.get("pool1")).toBe("stem.relu");
    expect(ranges.get("mix1.branch1.relu")).toBe("mix1");
    expect(ranges.get("mix1.branch2.1.relu")).toBe("mix1");
    expect(ranges.get("mix1.branch2.0.relu")).toBe("mix1.branch2.0.relu");
    expect(ranges.get("pool2")).toBe("mix1");
    // A flattened average keeps the levels of the average.
    expect(ranges.get("avgpool.flatten")).toBe("avgpool");
  });

  test("sums of residual blocks pass levels on, rectified by their range", () => {
    const { nodes, rectified, ranges } = planOf(mini("mini.inception_resnet_v1"));
    expect(nodes.has("block35.sum")).toBe(true);
    expect(rectified.get("block35.sum")).toBe("block35.relu");
    expect(ranges.get("block35.relu")).toBe("block35.relu");
    expect(ranges.get("block35.conv2d")).toBe("block35.conv2d");
  });

  test("local response normalization stays float, with levels before and behind it", () => {
    const { nodes, ranges } = planOf(describeModel("googlenet.paper", { widthMultiplier: 0.1, inputSize: 64 }));
    expect(["norm1", "norm2", "maxpool2"].map((path) => nodes.has(path))).toEqual([false, false, false]);
    expect(["conv1.relu", "norm1", "maxpool2"].map((value) => ranges.get(value))).toEqual(["conv1.relu", "norm1", "maxpool2"]);
    // Nothing on levels reads the pool before a float part.
    expect(nodes.has("maxpool1")).toBe(false);
    expect(ranges.has("maxpool1")).toBe(false);
  });

  test("kept layers stay float, and so does what only they read", () => {
    const first = planOf(mini("mini.googlenet"), { keepFirst: true, keepLast: true });
    expect(first.kept).toEqual(["stem.conv", "fc"]);
    expect(["pool1", "avgpool", "avgpool.flatten"].map((path) => first.nodes.has(path))).toEqual([false, false, false]);
    expect(first.ranges.get("pool1")).toBe("pool1");
    expect(first.ranges.has("input")).toBe(false);
    const block = planOf(mini("mini.googlenet"), { keep: ["mix1.branch2", "mix2.branch1.conv"] });
    expect(block.kept).toEqual(["mix1.branch2.0.conv", "mix1.branch2.1.conv", "mix2.branch1.conv"]);
    // A concatenation with a float branch is float.
    expect(block.nodes.has("mix1")).toBe(false);
  });

  test("refuses a path that is none, and a network of which nothing is left", () => {
    expect(() => planOf(mini("mini.googlenet"), { keep: ["mix3"] })).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: 'Cannot keep "mix3" of "mini.googlenet" in float32: expected the path of a layer or module',
      }),
    );
    expect(() => planOf(mini("mini.googlenet"), { keep: ["stem", "mix1", "mix2", "fc"] })).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: 'Cannot quantize "mini.googlenet": all of its layers with weights stay in float32, expected at least one int8 layer',
      }),
    );
  });
});
