import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../ops/build.js";
import { checkGraph } from "../ops/index.js";
import type { Graph, Node } from "./graph.js";
import { rewriteGraph } from "./rewrite.js";

/** x → scale "s" → batchNormalization-like chain of relus "r1" → "r2", each the end of a module, "r2" of a stage. */
function chain(): Graph {
  const b = new GraphBuilder("chain");
  const scaled = b.module("s", b.add("mul", "s", [b.input("x", ["N", 3]), b.parameter("s.weight", [3], "norm_scale")], {}));
  const first = b.module("r1", b.add("relu", "r1", [scaled], {}));
  b.output("y", b.stage("r2", b.module("r2", b.add("relu", "r2", [first], {}))));
  return b.finish();
}

const GRAPH = chain();

describe("rewriteGraph", () => {
  test("dropped nodes: readers, outputs, modules and stages follow, over several steps", () => {
    const change = {
      pieces: new Map([["r1", []] as const, ["r2", []] as const]),
      replaced: new Map([["r1", "s"] as const, ["r2", "r1"] as const]),
    };
    const graph = checkGraph(rewriteGraph(GRAPH, change));
    expect(graph.nodes.map(({ path }) => path)).toEqual(["s"]);
    expect(graph.outputs).toEqual([{ name: "y", value: "s" }]);
    expect(graph.modules.map(({ path, output }) => [path, output])).toEqual([
      ["s", "s"],
      ["r1", "s"],
      ["r2", "s"],
    ]);
    expect(graph.stages).toEqual([{ path: "r2", output: "s" }]);
    expect([...graph.types.keys()].sort()).toEqual(["s", "s.weight", "x"]);
  });

  test("a node in place of another: what nothing reads any more is gone, with its types and modules", () => {
    const [, first] = GRAPH.nodes;
    if (first === undefined) throw new RangeError("the chain has three nodes");
    const piece: readonly Node[] = [{ ...first, inputs: ["x"] }];
    const graph = checkGraph(rewriteGraph(GRAPH, { pieces: new Map([["r1", piece] as const, ["s", []] as const]) }));
    expect(graph.parameters).toEqual([]);
    expect(graph.modules.map(({ path }) => path)).toEqual(["r1", "r2"]);
    expect([...graph.types.keys()].sort()).toEqual(["r1", "r2", "x"]);
  });

  test("all nodes anew, with another type: they are taken as they are", () => {
    const type = { dtype: "float32", shape: ["N", 5] } as const;
    const b = new GraphBuilder("other");
    b.output("y", b.add("relu", "r2", [b.input("x", type.shape)], {}));
    const { nodes } = b.finish();
    const inputs = [{ name: "x", type }];
    const types = [["x", type] as const, ["r2", type] as const];
    const graph = checkGraph(rewriteGraph(GRAPH, { nodes, inputs, types, replaced: new Map([["x", "nothing"]]) }));
    expect(graph.nodes).toEqual(nodes);
    expect(graph.types).toEqual(new Map(types));
    expect(graph.modules).toEqual([{ path: "r2", output: "r2" }]);
  });

  test("the graph that it is given stays as it was", () => {
    rewriteGraph(GRAPH, { pieces: new Map([["r2", []]]), replaced: new Map([["r2", "r1"]]) });
    expect(checkGraph(GRAPH).nodes.length).toBe(3);
  });
});
