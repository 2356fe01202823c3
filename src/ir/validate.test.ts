import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../ops/build.js";
import { checkGraph } from "../ops/index.js";
import type { TensorType } from "../tensor/shape.js";
import type { Graph, Node } from "./graph.js";

/** x → conv "c" (weight "c.weight") → relu "r" → output y; module and stage "r". */
function valid(): Graph {
  const b = new GraphBuilder("tiny");
  const weight = b.parameter("c.weight", [2, 1, 1, 1], "conv_kernel");
  const c = b.add("conv", "c", [b.input("x", ["N", 1, 3, 3]), weight], {
    kernelShape: [1, 1],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    groups: 1,
  });
  b.output("y", b.stage("r", b.module("r", b.add("relu", "r", [c], {}))));
  return b.finish();
}

const GRAPH = valid();
// valid() adds two nodes.
const [CONV, RELU] = GRAPH.nodes as readonly [Node, Node];
const MAP: TensorType = { dtype: "float32", shape: ["N", 2, 3, 3] };

function withTypes(...entries: readonly (readonly [string, TensorType])[]): Graph["types"] {
  return new Map([...GRAPH.types, ...entries]);
}

describe("a graph is refused", () => {
  const broken: readonly (readonly [fact: string, graph: Graph])[] = [
    ['node "c" reads "z", which is not defined before it', { ...GRAPH, nodes: [{ ...CONV, inputs: ["z", "c.weight"] }, RELU] }],
    // A node that comes too early.
    ['node "r" reads "c", which is not defined before it', { ...GRAPH, nodes: [RELU, CONV] }],
    // One that reads itself.
    ['node "r" reads "r", which is not defined before it', { ...GRAPH, nodes: [CONV, { ...RELU, inputs: ["r"] }] }],
    ['node "c" is defined twice', { ...GRAPH, nodes: [CONV, CONV, RELU] }],
    ['value "c" is defined twice', { ...GRAPH, nodes: [CONV, { ...RELU, outputs: ["c"] }] }],
    ['value "x" is defined twice', { ...GRAPH, nodes: [{ ...CONV, outputs: ["x"] }, RELU] }],
    ['parameter "x" is defined twice', { ...GRAPH, parameters: [{ path: "x", type: MAP, role: "bias", stage: "r" }] }],
    ['input "x" is defined twice', { ...GRAPH, inputs: [...GRAPH.inputs, ...GRAPH.inputs] }],
    ['output "y" is defined twice', { ...GRAPH, outputs: [...GRAPH.outputs, { name: "y", value: "c" }] }],
    [
      'value "r" is declared float32[N, 2, 3, 4], expected float32[N, 2, 3, 3]',
      { ...GRAPH, types: withTypes(["r", { dtype: "float32", shape: ["N", 2, 3, 4] }]) },
    ],
    [
      'value "r" is declared float16[N, 2, 3, 3], expected float32[N, 2, 3, 3]',
      { ...GRAPH, types: withTypes(["r", { dtype: "float16", shape: ["N", 2, 3, 3] }]) },
    ],
    [
      'value "r" is declared float32[M, 2, 3, 3], expected float32[N, 2, 3, 3]',
      { ...GRAPH, types: withTypes(["r", { dtype: "float32", shape: ["M", 2, 3, 3] }]) },
    ],
    ['input "x" is declared float32[N, 2, 3, 3], expected float32[N, 1, 3, 3]', { ...GRAPH, types: withTypes(["x", MAP]) }],
    [
      'value "r" is declared without a type, expected float32[N, 2, 3, 3]',
      { ...GRAPH, types: new Map([...GRAPH.types].filter(([value]) => value !== "r")) },
    ],
    [
      'node "r" has 2 outputs, op relu gives 1',
      { ...GRAPH, nodes: [CONV, { ...RELU, outputs: ["r", "r:mask"] }], types: withTypes(["r:mask", MAP]) },
    ],
    ['nothing reads "r"', { ...GRAPH, outputs: [{ name: "y", value: "c" }] }],
    [
      'nothing reads "lost", "dead"',
      {
        ...GRAPH,
        parameters: [...GRAPH.parameters, { path: "lost", type: MAP, role: "bias", stage: "r" }],
        nodes: [...GRAPH.nodes, { ...RELU, path: "dead", outputs: ["dead"] }],
        types: withTypes(["lost", MAP], ["dead", MAP]),
      },
    ],
    ["it has no output", { ...GRAPH, outputs: [] }],
    ['output "y" names "z", which is not defined', { ...GRAPH, outputs: [{ name: "y", value: "z" }] }],
    ['module "m" names "z", which is not defined', { ...GRAPH, modules: [...GRAPH.modules, { path: "m", output: "z" }] }],
    ['stage "s" names "z", which is not defined', { ...GRAPH, stages: [...GRAPH.stages, { path: "s", output: "z" }] }],
  ];

  for (const [fact, graph] of broken) {
    test(fact, () => {
      const message = `Cannot use graph "tiny": ${fact}`;
      expect(() => checkGraph(graph)).toThrow(expect.objectContaining({ name: "InceptionError", code: "GRAPH_INVALID", message }));
    });
  }

  test("where an op's law is broken, in the op's words", () => {
    const graph: Graph = { ...GRAPH, nodes: [{ ...CONV, attributes: { ...CONV.attributes, groups: 2 } }, RELU] };
    const message = 'Cannot infer shape of conv "c": input has 1 channels, weight [2, 1, 1, 1] with groups 2 expects 2';
    expect(() => checkGraph(graph)).toThrow(expect.objectContaining({ code: "SHAPE_INVALID", message }));
    const unknown: Graph = { ...GRAPH, nodes: [{ ...CONV, op: "conv9" }, RELU] };
    expect(() => checkGraph(unknown)).toThrow(expect.objectContaining({ code: "SHAPE_INVALID" }));
  });
});

test("a valid graph passes and is returned itself", () => {
  expect(checkGraph(GRAPH)).toBe(GRAPH);
});

test("a value that is read twice, or by an output alone, is used", () => {
  const graph: Graph = { ...GRAPH, outputs: [...GRAPH.outputs, { name: "map", value: "c" }, { name: "again", value: "r" }] };
  expect(checkGraph(graph)).toBe(graph);
});
