import { describe, expect, test } from "vitest";
import { isTrainable } from "../ir/graph.js";
import { GraphBuilder } from "./build.js";

describe("GraphBuilder", () => {
  test("names values by paths, types them as it goes, and puts everything into the stage that ends behind it", () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", ["N", 4]);
    const weight = b.parameter("fc.weight", [3, 4], "linear_kernel");
    const fc = b.add("gemm", "fc", [x, weight], {});
    expect(fc).toEqual({ id: "fc", type: { dtype: "float32", shape: ["N", 3] } });
    expect(b.stage("fc", b.module("fc", fc))).toBe(fc);
    const relu = b.add("relu", "relu", [fc], {});
    b.stage("relu", relu);
    const last = b.add("scale", "last", [relu], { factor: 2 });
    b.output("y", last);
    const graph = b.finish();
    expect(graph.parameters).toEqual([
      { path: "fc.weight", type: { dtype: "float32", shape: [3, 4] }, role: "linear_kernel", stage: "fc" },
    ]);
    // What follows the last stage belongs to none.
    expect(graph.nodes.map(({ path, stage }) => [path, stage])).toEqual([
      ["fc", "fc"],
      ["relu", "relu"],
      ["last", ""],
    ]);
    expect(graph.modules).toEqual([{ path: "fc", output: "fc" }]);
    expect(graph.stages).toEqual([
      { path: "fc", output: "fc" },
      { path: "relu", output: "relu" },
    ]);
    expect(graph.nodes[2]).toEqual({
      op: "scale",
      path: "last",
      inputs: ["relu"],
      outputs: ["last"],
      attributes: { factor: 2 },
      stage: "",
    });
    expect([...graph.types.keys()]).toEqual(["x", "fc.weight", "fc", "relu", "last"]);
  });

  test("an error names the layer as it is added, not later", () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", ["N", 4]);
    const weight = b.parameter("fc.weight", [3, 5], "linear_kernel");
    const message = 'Cannot infer shape of gemm "fc": input has 4 features, weight [3, 5] expects 5';
    expect(() => b.add("gemm", "fc", [x, weight], {})).toThrow(expect.objectContaining({ code: "SHAPE_INVALID", message }));
  });

  test("a finished graph is checked", () => {
    const twice = new GraphBuilder("g");
    const x = twice.input("x", ["N", 4]);
    twice.output("y", twice.add("add", "sum", [twice.add("relu", "r", [x], {}), twice.add("relu", "r", [x], {})], {}));
    expect(() => twice.finish()).toThrow(expect.objectContaining({ message: 'Cannot use graph "g": node "r" is defined twice' }));
    const lost = new GraphBuilder("g");
    lost.output("y", lost.input("x", ["N", 4]));
    lost.parameter("w", [4], "bias");
    expect(() => lost.finish()).toThrow(expect.objectContaining({ message: 'Cannot use graph "g": nothing reads "w"' }));
  });
});

test("running statistics are not trained", () => {
  const roles = ["conv_kernel", "linear_kernel", "bias", "norm_scale", "norm_shift", "running_mean", "running_var"] as const;
  const type = { dtype: "float32", shape: [1] } as const;
  expect(roles.filter((role) => !isTrainable({ path: "p", type, role, stage: "" }))).toEqual(["running_mean", "running_var"]);
});
