import { expect, test } from "vitest";
import { describeModel, MODELS } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { dropInferenceIdentities } from "./simplify.js";

test("what reads a dropout reads its input; outputs, modules and stages too", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", ["N", 4]);
  const relu = b.add("relu", "relu", [x], {});
  const first = b.module("first", b.add("dropout", "first", [relu], { dropRate: 0.5 }));
  const second = b.stage("second", b.add("dropout", "second", [first], { dropRate: 0.1 }));
  const sum = b.add("add", "sum", [first, second], {});
  b.output("y", sum);
  b.output("dropped", second);
  const graph = dropInferenceIdentities(b.finish());
  expect(graph.nodes.map(({ path, inputs }) => [path, inputs])).toEqual([
    ["relu", ["x"]],
    ["sum", ["relu", "relu"]],
  ]);
  expect(graph.outputs).toEqual([
    { name: "y", value: "sum" },
    { name: "dropped", value: "relu" },
  ]);
  expect(graph.modules).toEqual([{ path: "first", output: "relu" }]);
  expect(graph.stages).toEqual([{ path: "second", output: "relu" }]);
  expect([...graph.types.keys()]).toEqual(["x", "relu", "sum"]);
});

test("a dropout of the input alone leaves the input as the output", () => {
  const b = new GraphBuilder("g");
  b.output("y", b.add("dropout", "drop", [b.input("x", ["N", 4])], { dropRate: 0.5 }));
  expect(dropInferenceIdentities(b.finish())).toMatchObject({ nodes: [], outputs: [{ name: "y", value: "x" }] });
});

test("of every network nothing but the dropouts goes", () => {
  for (const { id, options, describe: build } of MODELS) {
    const graph = build();
    const simplified = dropInferenceIdentities(graph);
    const dropouts = graph.nodes.filter(({ op }) => op === "dropout").length;
    expect(dropouts, id).toBe("dropRate" in options ? 1 : 0);
    expect(simplified.nodes.length, id).toBe(graph.nodes.length - dropouts);
    expect(simplified.parameters, id).toEqual(graph.parameters);
    expect(dropInferenceIdentities(simplified), id).toEqual(simplified);
  }
  expect(dropInferenceIdentities(describeModel("googlenet", { aux: true })).nodes.filter(({ op }) => op === "dropout")).toEqual([]);
});
