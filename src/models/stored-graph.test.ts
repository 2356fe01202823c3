import { describe, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { printGraph } from "../ir/print.js";
import { GraphBuilder } from "../ops/build.js";
import { MODELS } from "./index.js";
import { decodeGraph, encodeGraph } from "./stored-graph.js";

test.each(MODELS.map(({ id, describe }) => [id, describe] as const))("%s is the same after it was stored", (_, describe) => {
  const graph = describe();
  const read = decodeGraph(encodeGraph(graph), "a graph");
  expect(read).toEqual(graph);
  expect(printGraph(read)).toBe(printGraph(graph));
});

test("an attribute that holds for one size of the input keeps its mark", () => {
  const b = new GraphBuilder("padded");
  const x = b.input("input", ["N", 3, 7, 7]);
  b.output("y", b.add("pad", "y", [x], { pads: [0, 0, 0, 0, 0, 0, 1, 1], value: -0.5 }, true));
  const graph = b.finish();
  expect(decodeGraph(encodeGraph(graph), "a graph")).toEqual(graph);
});

function small(): string {
  const b = new GraphBuilder("small");
  const x = b.input("input", ["N", 2, 4, 4]);
  const kernel = b.parameter("c.weight", [3, 2, 1, 1], "conv_kernel");
  const spec = { kernelShape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1 };
  const y = b.stage("c", b.module("c", b.add("conv", "c", [x, kernel], spec)));
  b.output("logits", b.add("flatten", "flat", [b.add("globalAveragePool", "pool", [y], {})], {}));
  return encodeGraph(b.finish());
}

describe("rejects", () => {
  test.each([
    ["FILE_CORRUPT", "[1, 2]", 'its format is not "inceptionkit-graph"'],
    ["FILE_CORRUPT", small().replace("inceptionkit-graph", "graph"), 'its format is not "inceptionkit-graph"'],
    ["FILE_UNSUPPORTED", small().replace('"version":1', '"version":2'), "its version is 2, expected 1"],
    ["FILE_CORRUPT", small().replace('"name":"small"', '"name":3'), "it has no name"],
    ["FILE_CORRUPT", small().replace('"nodes":[', '"nodes":7,"more":['), "its nodes are not a list"],
    ["FILE_CORRUPT", small().replace('"op":"conv"', '"op":"toString"'), 'node "c" is of op "toString", which does not exist'],
    [
      "FILE_CORRUPT",
      small().replace('"strides":[1,1]', '"strides":["1",1]'),
      'attribute "strides" of node "c" is not a number, text, true, false or list of numbers',
    ],
    ["FILE_CORRUPT", small().replace(',"kernelShape":[1,1]', "").replace('"kernelShape":[1,1],', ""), "Cannot read network.json: "],
    ["FILE_CORRUPT", small().replace(',"groups":1', ""), 'Cannot infer shape of conv "c"'],
    ["FILE_CORRUPT", small().replace('"groups":1', '"groups":0.5'), 'Cannot infer shape of conv "c"'],
    ["FILE_CORRUPT", small().replace('"inputs":["c"]', '"inputs":["d"]'), 'node "pool" reads "d", which is not defined before it'],
    ["FILE_CORRUPT", small().replace('"outputs":["c"]', '"outputs":["d"]'), 'the first output of node "c" has another name'],
    ["FILE_CORRUPT", small().replace('["logits","flat"]', '["logits"]'), "one of its outputs is not a pair of names"],
    ["FILE_CORRUPT", small().replace('["logits","flat"]', '["logits","pool"]'), 'Cannot use graph "small": nothing reads "flat"'],
    [
      "FILE_CORRUPT",
      small().replace('"role":"conv_kernel"', '"role":"kernel"'),
      "a parameter is not a path with a shape, a role and a stage",
    ],
    ["FILE_CORRUPT", small().replace("[3,2,1,1]", "[3,2,1,-1]"), "a parameter is not a path with a shape, a role and a stage"],
    ["FILE_CORRUPT", small().replace('["N",2,4,4]', '["N",2,4,"w"]'), "an input is not a name with a type and a shape"],
    ["FILE_LIMIT", small().replace('["N",2,4,4]', '["N",2,65536,65536]'), "the limits are 8 axes and 536870912 elements"],
  ])("%s %#", (code, text, fact) => {
    const read = () => decodeGraph(text, "network.json");
    expect(read).toThrow(InceptionError);
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(fact) as string }));
  });
});
