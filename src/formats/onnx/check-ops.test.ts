import { expect, test } from "vitest";
import { allNodes, checkOps } from "./check-ops.js";
import { reluModel } from "./model.cases.js";
import type { OnnxGraph, OnnxNode } from "./types.js";

const node = (opType: string, domain = "", body?: OnnxGraph): OnnxNode => ({
  opType,
  domain,
  name: "",
  inputs: [],
  outputs: [],
  attributes: body
    ? [
        { name: "n", type: "int", value: 1 },
        { name: "body", type: "graph", value: body },
        { name: "more", type: "graphs", value: [body] },
      ]
    : [],
});

const graphOf = (...nodes: readonly OnnxNode[]): OnnxGraph => reluModel({ nodes }).graph;

test("a model whose operators are all listed passes, whichever way the default domain is written", () => {
  checkOps(
    reluModel({ nodes: [node("Relu"), node("Conv", "ai.onnx"), node("Gelu", "com.microsoft")] }),
    new Set(["Relu", "Conv", "com.microsoft:Gelu"]),
  );
});

test("the first foreign operator is named with its place, in subgraphs too", () => {
  const model = reluModel({ nodes: [node("Relu"), node("Loop", "", graphOf(node("Relu"), node("Evil\n", "a.b")))] });
  expect(() => checkOps(model, new Set(["Relu", "Loop"]), "m.onnx")).toThrow(
    expect.objectContaining({
      code: "FILE_UNSAFE",
      message:
        'Cannot accept "m.onnx": graph.node[1].attribute[1].g.node[1] uses operator "a.b:Evil ", which is not in the list of 2 allowed ones',
      details: { name: "m.onnx", place: "graph.node[1].attribute[1].g.node[1]", op: "a.b:Evil\n" },
    }),
  );
});

test("an operator of another domain is not the listed one of the same name", () => {
  expect(() => checkOps(reluModel({ nodes: [node("Relu", "evil")] }), new Set(["Relu"]))).toThrow(
    'Cannot accept "model.onnx": graph.node[0] uses operator "evil:Relu", which is not in the list of 1 allowed ones',
  );
});

test("every node is visited, with its place", () => {
  const graph = graphOf(node("Loop", "", graphOf(node("Relu"))), node("Abs"));
  expect([...allNodes(graph)].map(({ node, place }) => [node.opType, place])).toEqual([
    ["Loop", "graph.node[0]"],
    ["Relu", "graph.node[0].attribute[1].g.node[0]"],
    ["Relu", "graph.node[0].attribute[2].graphs[0].node[0]"],
    ["Abs", "graph.node[1]"],
  ]);
});
