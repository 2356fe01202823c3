import { describe, expect, test } from "vitest";
import { computeConstants, filled, outputOf, runGraph } from "../../../test/run-graph.js";
import { GraphBuilder } from "../../ops/build.js";
import { goldenParameters } from "../../weights/golden.js";
import { constantGraph, withConstants } from "./constants.js";

/** y = x · (a·b) + c: the product of two parameters is known before the network runs. */
function withProduct() {
  const b = new GraphBuilder("product");
  const x = b.input("x", ["N", 3]);
  const [first, second] = [b.parameter("a.weight", [3, 4], "linear_kernel"), b.parameter("b.weight", [4, 2], "linear_kernel")];
  const plain = { transposeA: false, transposeB: false };
  const kernel = b.module("kernel", b.add("matMul", "kernel", [first, second], plain));
  const y = b.add("matMul", "y", [x, kernel], plain);
  b.output("y", b.stage("s", b.module("s", b.add("add", "s", [y, b.parameter("c.bias", [2], "bias")], {}))));
  return b.finish();
}

describe("what depends on parameters alone", () => {
  test("is a graph of its own, and its values take the place of the nodes", async () => {
    const graph = withProduct();
    const parameters = goldenParameters(graph);
    const constants = constantGraph(graph);
    if (constants === null) throw new RangeError("Cannot find the product");
    expect(constants.inputs).toEqual([]);
    expect(constants.parameters.map(({ path }) => path)).toEqual(["a.weight", "b.weight"]);
    expect(constants.outputs).toEqual([{ name: "kernel", value: "kernel" }]);

    const network = withConstants({ graph, parameters }, await computeConstants(constants, parameters));
    expect(network.graph.nodes.map(({ path }) => path)).toEqual(["y", "s"]);
    expect(network.graph.parameters.map(({ path, role }) => [path, role])).toEqual([
      ["c.bias", "bias"],
      ["kernel", "linear_kernel"],
    ]);
    expect(network.graph.modules).toEqual([
      { path: "kernel", output: "kernel" },
      { path: "s", output: "s" },
    ]);
    const feeds = { x: filled("x", [2, 3]) };
    const expected = outputOf(await runGraph(graph, parameters, feeds), "y");
    const actual = outputOf(await runGraph(network.graph, network.parameters, feeds), "y");
    for (const [index, value] of expected.data.entries()) expect(actual.data[index]).toBeCloseTo(Number(value), 6);
  });

  test("is nothing in most networks", () => {
    const b = new GraphBuilder("plain");
    b.output("y", b.stage("r", b.module("r", b.add("relu", "r", [b.input("x", ["N", 3])], {}))));
    expect(constantGraph(b.finish())).toBe(null);
  });
});
