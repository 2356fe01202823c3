import { expect, test } from "vitest";
import { allNodes, checkOps } from "./check-ops.js";
import { reluModel } from "./model.cases.js";
import { int, ints } from "./onnx-graphs.cases.js";
import { OPSETS, SCHEMAS } from "./schemas.js";
import type { OnnxGraph, OnnxNode } from "./types.js";

const node = (opType: string, domain = "", body?: OnnxGraph): OnnxNode => ({
  opType,
  domain,
  name: "",
  inputs: opType === "Conv" ? ["x", "w"] : ["x"],
  outputs: ["y"],
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
        'Cannot load "m.onnx": graph.node[1].attribute[1].g.node[1] uses operator "a.b:Evil ", which is not on the list of 2 allowed operators',
      details: { name: "m.onnx", place: "graph.node[1].attribute[1].g.node[1]", op: "a.b:Evil\n" },
    }),
  );
});

test("an operator of another domain is not the listed one of the same name", () => {
  expect(() => checkOps(reluModel({ nodes: [node("Relu", "evil")] }), new Set(["Relu"]))).toThrow(
    'Cannot load "model.onnx": graph.node[0] uses operator "evil:Relu", which is not on the list of 1 allowed operators',
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

function checkNode(changes: Partial<OnnxNode>, opset = 17): void {
  const one: OnnxNode = { opType: "Relu", domain: "", name: "", inputs: ["x"], outputs: ["y"], attributes: [], ...changes };
  checkOps({ ...reluModel({ nodes: [one] }), opsets: [{ domain: "", version: opset }] }, undefined, "m.onnx");
}

const statistics = ["x", "s", "b", "m", "v"];

test.each<[what: string, node: Partial<OnnxNode>, opset: number, fault: string]>([
  [
    "batch normalization for training",
    { opType: "BatchNormalization", inputs: statistics, attributes: [int("training_mode", 1)] },
    17,
    'has attribute "training_mode" 1, expected 0',
  ],
  ["its further outputs", { opType: "BatchNormalization", inputs: statistics, outputs: ["y", "", ""] }, 17, "has 3 outputs, expected 1"],
  ["too few inputs", { opType: "Conv", inputs: ["x"] }, 17, "has 1 inputs, expected 2 to 3"],
  ["an input that is left out", { opType: "Conv", inputs: ["x", "", "b"] }, 17, "has no name for input 1, which is required"],
  ["no variadic input", { opType: "Concat", inputs: [], attributes: [int("axis", 0)] }, 17, "has 0 inputs, expected 1 or more"],
  [
    "an attribute of another operator set",
    { opType: "Softmax", attributes: [int("axis", 0), int("k", 0)] },
    17,
    'has attribute "k", which the operator does not have in operator set 17',
  ],
  [
    "an attribute that later sets have",
    { opType: "Split", attributes: [int("num_outputs", 2)] },
    13,
    'has attribute "num_outputs", which the operator does not have in operator set 13',
  ],
  [
    "an attribute named like a property of objects",
    { attributes: [int("__proto__", 1)] },
    17,
    'has attribute "__proto__", which the operator does not have in operator set 17',
  ],
  ["an attribute twice", { opType: "Softmax", attributes: [int("axis", 0), int("axis", 1)] }, 17, 'has attribute "axis" twice'],
  [
    "an attribute of another type",
    { opType: "Softmax", attributes: [ints("axis", 0)] },
    17,
    'has attribute "axis" of type ints, expected int',
  ],
  [
    "a stride of 0",
    { opType: "MaxPool", attributes: [ints("kernel_shape", 2, 2), ints("strides", 1, 0)] },
    17,
    'has attribute "strides" 0, expected an integer from 1 to 2147483647',
  ],
  ["no kernel", { opType: "MaxPool" }, 17, 'has no attribute "kernel_shape"'],
  [
    "a mode that does not exist",
    { opType: "Resize", attributes: [{ name: "mode", type: "string", value: "area\u001b" }] },
    17,
    'has attribute "mode" "area ", expected nearest, linear, cubic',
  ],
  [
    "not a number",
    { opType: "LeakyRelu", attributes: [{ name: "alpha", type: "float", value: Number.NaN }] },
    17,
    'has attribute "alpha" NaN, expected a number',
  ],
  [
    "another number of parts than there are outputs",
    { opType: "Split", outputs: ["a", "b", "c"], attributes: [int("num_outputs", 2)] },
    18,
    'has attribute "num_outputs" 2, expected 3, its number of outputs',
  ],
  ["an operator that is younger than the set", { opType: "Where", inputs: ["c", "x", "y"] }, 8, "does not exist in operator set 8"],
])("%s is refused", (_what, changes, opset, fault) => {
  const op = changes.opType ?? "Relu";
  expect(() => checkNode(changes, opset)).toThrow(
    expect.objectContaining({ code: "FILE_UNSAFE", message: `Cannot load "m.onnx": graph.node[0] (${op}) ${fault}` }),
  );
});

test("a transposition beside integers states its axes", () => {
  const quantized: OnnxNode = { opType: "DequantizeLinear", domain: "", name: "", inputs: ["x", "s"], outputs: ["y"], attributes: [] };
  const transpose: OnnxNode = { opType: "Transpose", domain: "", name: "", inputs: ["y"], outputs: ["z"], attributes: [] };
  const check = (...nodes: readonly OnnxNode[]): void =>
    checkOps({ ...reluModel({ nodes }), opsets: [{ domain: "", version: 21 }] }, undefined, "m.onnx");
  check(transpose);
  check(quantized, { ...transpose, attributes: [ints("perm", 1, 0)] });
  expect(() => check(quantized, transpose)).toThrow(
    'Cannot load "m.onnx": graph.node[1] (Transpose) has no attribute "perm", which is required in models with DequantizeLinear',
  );
});

test("what moved between attributes and inputs is checked by the model's operator set", () => {
  const axes: Partial<OnnxNode> = { opType: "Squeeze", attributes: [ints("axes", 0)] };
  const input: Partial<OnnxNode> = { opType: "Squeeze", inputs: ["x", "axes"] };
  checkNode(axes, 12);
  checkNode(input, 13);
  expect(() => checkNode(axes, 13)).toThrow(
    'Cannot load "m.onnx": graph.node[0] (Squeeze) has attribute "axes", which the operator does not have in operator set 13',
  );
  expect(() => checkNode(input, 12)).toThrow('Cannot load "m.onnx": graph.node[0] (Squeeze) has 2 inputs, expected 1');
});

test.each([
  [[], "no ONNX operator set"],
  [[{ domain: "", version: 6 }], "ONNX operator set 6"],
  [[{ domain: "ai.onnx", version: 27 }], "ONNX operator set 27"],
  [
    [
      { domain: "", version: 17 },
      { domain: "ai.onnx", version: 18 },
    ],
    "ONNX operator set 17 and 18",
  ],
])("operator sets that do not run are refused: %j", (opsets, stated) => {
  expect(() => checkOps({ ...reluModel(), opsets }, undefined, "m.onnx")).toThrow(
    expect.objectContaining({ code: "FILE_UNSUPPORTED", message: `Cannot load "m.onnx": it uses ${stated}, expected one from 7 to 26` }),
  );
});

test("the schemas are sorted, and the forms of each operator too", () => {
  const names = Object.keys(SCHEMAS);
  expect(names).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
  for (const forms of Object.values(SCHEMAS)) {
    const since = forms.map((form) => form.since);
    expect(since).toEqual(since.toSorted((a, b) => a - b));
    expect(since.every((version) => version <= OPSETS.most)).toBe(true);
  }
});
