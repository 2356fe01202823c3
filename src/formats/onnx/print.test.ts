import { expect, test } from "vitest";
import { reluModel } from "./model.cases.js";
import { summarizeOnnx } from "./print.js";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./types.js";

const node = (opType: string, domain = "", attributes: OnnxNode["attributes"] = []): OnnxNode => ({
  opType,
  domain,
  name: "",
  inputs: [],
  outputs: [],
  attributes,
});

test("a summary counts subgraphs, leaves fed initializers out of the inputs, and is plain data", () => {
  const external = new Map([["location", "b.bin"]]);
  const weight: OnnxTensor = { name: "w", dtype: "float16", shape: [3, 2], data: new Uint8Array(12) };
  const far: OnnxTensor = { name: "far", dtype: "float32", shape: [100], data: new Uint8Array(0), external };
  const inner: OnnxGraph = {
    ...reluModel().graph,
    nodes: [
      node("Relu"),
      node("Constant", "ai.onnx", [{ name: "value", type: "tensor", value: { ...far, external: new Map([["location", "a.bin"]]) } }]),
    ],
  };
  const model = {
    ...reluModel({
      nodes: [
        node("If", "", [{ name: "then_branch", type: "graph", value: inner }]),
        node("Scan", "", [{ name: "bodies", type: "graphs", value: [inner] }]),
        node("Relu"),
        node("FusedConv", "com.microsoft"),
      ],
      initializers: [weight, far],
      inputs: [
        { name: "x", dtype: "float32", shape: ["N", 2] },
        { name: "w", dtype: "float16", shape: [3, 2] },
        { name: "s", dtype: null, shape: null, otherType: { kind: "sequence", bytes: new Uint8Array(0) } },
      ],
    }),
    producerName: "tool",
    producerVersion: "1",
    metadata: new Map([
      ["z", "1"],
      ["a", "2"],
    ]),
  };
  const summary = summarizeOnnx(model);
  expect(summary).toEqual({
    irVersion: 10,
    opsets: [{ domain: "", version: 21 }],
    producer: { name: "tool", version: "1" },
    metadataKeys: ["z", "a"],
    graph: "g",
    inputs: [
      { name: "x", dtype: "float32", shape: ["N", 2], kind: "tensor" },
      { name: "s", dtype: null, shape: null, kind: "sequence" },
    ],
    outputs: [{ name: "y", dtype: "float32", shape: ["N", 2], kind: "tensor" }],
    nodes: 8,
    ops: { Constant: 2, If: 1, Relu: 3, Scan: 1, "com.microsoft:FusedConv": 1 },
    initializers: 2,
    parameters: 106,
    parameterBytes: 12,
    externalFiles: ["a.bin", "b.bin"],
    unread: { functions: 0, trainingInfo: 0, sparseInitializers: 0 },
  });
  expect(Object.keys(summary.ops)).toEqual(["Constant", "If", "Relu", "Scan", "com.microsoft:FusedConv"]);
  expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
});

test("an operator may have any name", () => {
  const { ops } = summarizeOnnx(reluModel({ nodes: [node("__proto__"), node("toString")] }));
  expect(Object.entries(ops)).toEqual([
    ["__proto__", 1],
    ["toString", 1],
  ]);
});
