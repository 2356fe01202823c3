import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../ops/build.js";
import type { Graph } from "./graph.js";
import { consumersOf, neededFor, onlyConsumer, producersOf, reachedFrom } from "./uses.js";

/** x → relu "a" → split "s" → "s", "s:1" → add "b"; "b" is shown, "s" twice read. */
function branches(): Graph {
  const b = new GraphBuilder("branches");
  const a = b.add("relu", "a", [b.input("x", ["N", 4])], {});
  const [first, second] = b.addAll("split", "s", [a], { axis: 1, sizes: [2, 2] });
  if (first === undefined || second === undefined) throw new RangeError("split gives two values");
  b.output("y", b.add("add", "b", [first, second], {}));
  b.output("z", b.add("add", "c", [first, first], {}));
  return b.finish();
}

const GRAPH = branches();
const paths = (list: readonly (Graph["nodes"][number] | "output")[] = []) => list.map((each) => (each === "output" ? each : each.path));

describe("uses", () => {
  test("producers: each output of a node, no input", () => {
    expect([...producersOf(GRAPH.nodes)].map(([value, { path }]) => [value, path])).toEqual([
      ["a", "a"],
      ["s", "s"],
      ["s:1", "s"],
      ["b", "b"],
      ["c", "c"],
    ]);
  });

  test("consumers: once for each time that a value is read or shown", () => {
    const consumers = consumersOf(GRAPH);
    expect(Object.fromEntries([...consumers].map(([value, list]) => [value, paths(list)]))).toEqual({
      x: ["a"],
      a: ["s"],
      s: ["b", "c", "c"],
      "s:1": ["b"],
      b: ["output"],
      c: ["output"],
    });
    expect(GRAPH.nodes.map((node) => onlyConsumer(consumers, node)?.path ?? null)).toEqual(["s", null, null, null]);
  });

  test("what values need, and what is reached from them", () => {
    const needed = neededFor(GRAPH.nodes, ["b"]);
    expect(paths(needed.nodes)).toEqual(["a", "s", "b"]);
    expect([...needed.values].sort()).toEqual(["a", "b", "s", "s:1", "x"]);
    expect([...reachedFrom(GRAPH.nodes, ["s:1"])]).toEqual(["s:1", "b"]);
    expect([...reachedFrom(GRAPH.nodes, [], ({ op }) => op === "split")]).toEqual(["s", "s:1", "b", "c"]);
  });
});
