import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { summarize } from "../analysis/summary.js";
import { describeModel, findModel, MODELS } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { type Diagram, type DiagramNode, diagram } from "./diagram.js";
import { diagramMermaid } from "./mermaid.js";

interface Drawing {
  readonly name: string;
  readonly nodes: readonly { readonly id: string; readonly label: string; readonly resolution?: { readonly label?: string } }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly label: string;
    readonly resolution?: { readonly from?: string };
  }[];
}

/** The drawings of a specification document; the committed files have this form. */
function drawings(model: string): readonly Drawing[] {
  return (JSON.parse(readFileSync(goldenPath(`spec/${model}.json`), "utf8")) as { readonly graphs: readonly Drawing[] }).graphs;
}

const BLOCKS: Readonly<Record<string, string | undefined>> = {
  overall: undefined,
  Stem: "stem",
  "Inception-ResNet-A": "inception_a",
  "Inception-ResNet-B": "inception_b",
  "Inception-ResNet-C": "inception_c",
  "Reduction-A": "reduction_a",
  "Reduction-B": "reduction_b",
};

const lines = ({ edges }: Diagram): readonly string[] => edges.map(({ from, to, shape }) => `${from} -> ${to}: ${shape}`);

const nodeOf = (drawn: Diagram, id: string): DiagramNode | undefined => drawn.nodes.find((node) => node.id === id);

/** `Conv k=[1,7] p=[0,3] ReLU` as we write it: the label, and what stands below. */
function ourWords(label: string): readonly string[] {
  const window = /^(Conv|MaxPool) k=\[?(\d+)(?:,(\d+)\])?(?: s=(\d))?(?: p=\S+)?(?: (.+))?$/.exec(label);
  if (!window) return [label.replace("DepthConcat", "Concat")];
  const [, op, height, width = height, stride, after] = window;
  const stays = label.includes("p=") || (height === "1" && width === "1");
  const below = after ?? (op === "Conv" ? "linear" : undefined);
  return [`${op} ${height}x${width}${stride ? ` /${stride}` : ""}${stays ? "" : " valid"}`, ...(below ? [below] : [])];
}

describe.each(["inception_resnet_v1", "inception_resnet_v2"])("%s.spec", (model) => {
  const graph = findModel(`${model}.spec`).describe({ residualScale: [1, 1, 1] });

  test.each(drawings(model))("draws $name with the arrows and shapes of the document", ({ name, nodes, edges }) => {
    const drawn = diagram(graph, { block: BLOCKS[name] });
    const named = (id: string): string => (id === "image" ? "input" : id);
    const expected = edges.map(({ from, to, label, resolution }) => `${named(resolution?.from ?? from)} -> ${named(to)}: ${label}`);
    // The overview names the outputs, which the document leaves out.
    const outputs = name === "overall" ? ["classifier -> logits: 1000", `pool -> features: ${model.endsWith("v1") ? 1792 : 2144}`] : [];
    expect([...lines(drawn)].sort()).toEqual([...expected, ...outputs].sort());
    if (name === "overall") return;
    for (const { id, label, resolution } of nodes.filter((node) => node.id !== "image")) {
      const node = nodeOf(drawn, id);
      expect([node?.label, ...(node?.lines ?? [])], id).toEqual(ourWords(resolution?.label ?? label));
    }
  });

  test.each(drawings(model))("writes $name in Mermaid word for word as the document does", ({ name, nodes, edges }) => {
    const statements = new Set(diagramMermaid(diagram(graph, { block: BLOCKS[name] })).split("\n"));
    const named = (id: string): string => (id === "image" ? "input" : id);
    for (const { from, to, label, resolution } of edges) {
      expect(statements).toContain(`${named(resolution?.from ?? from)} --> |"${label}"| ${named(to)};`);
    }
    // The overview has names where the document has titles.
    if (name === "overall") return;
    for (const { id, label, resolution } of nodes.filter((node) => node.id !== "image")) {
      expect(statements).toContain(`${id}["${resolution?.label ?? label}"];`);
    }
  });

  test("collapses equal blocks as the document does", () => {
    const drawn = diagram(graph);
    expect(drawn.nodes.map(({ label }) => label)).toEqual([
      "input",
      "stem",
      "inception_a (5 x)",
      "reduction_a",
      "inception_b (10 x)",
      "reduction_b",
      "inception_c (5 x)",
      "pool",
      "dropout",
      "classifier",
      "logits",
      "features",
    ]);
    expect(drawn.nodes.filter(({ count }) => count > 1).map(({ path, count }) => [path, count])).toEqual([
      ["inception_a", 5],
      ["inception_b", 10],
      ["inception_c", 5],
    ]);
  });
});

describe("overview", () => {
  test.each(MODELS)("$id: every box is reached, and boxes and arrows are unique", ({ describe: build }) => {
    const drawn = diagram(build());
    const ids = new Set(drawn.nodes.map(({ id }) => id));
    expect(ids.size).toBe(drawn.nodes.length);
    expect(new Set(lines(drawn)).size).toBe(drawn.edges.length);
    for (const { from, to } of drawn.edges) expect(ids.has(from) && ids.has(to)).toBe(true);
    const reached = new Set(drawn.edges.map(({ to }) => to));
    expect(drawn.nodes.filter(({ id, kind }) => kind !== "input" && !reached.has(id))).toEqual([]);
  });

  test("says what a part is made of, and its kind", () => {
    const drawn = diagram(describeModel("inception_resnet_v2.public"));
    const row = (id: string) => [nodeOf(drawn, id)?.kind, ...(nodeOf(drawn, id)?.lines ?? [])];
    expect(row("conv2d_1a")).toEqual(["conv", "Conv 3x3 /2 valid", "BN ReLU"]);
    expect(row("maxpool_3a")).toEqual(["pool", "MaxPool 3x3 /2 valid"]);
    expect(row("mixed_5b")).toEqual(["block", "7 convs, pool, concat"]);
    expect(row("repeat")).toEqual(["block", "7 convs, concat, sum"]);
    expect(row("mixed_6a")).toEqual(["reduction", "4 convs, pool, concat"]);
    expect(row("global_pool")).toEqual(["pool", "Global AvgPool"]);
    expect(row("classif")).toEqual(["head", "Linear 1000"]);
  });

  test("keeps auxiliary heads and outputs that are called like the part that makes them apart", () => {
    const drawn = diagram(describeModel("googlenet.paper", { aux: true, numClasses: 7 }));
    expect(lines(drawn)).toContain("inception4a -> aux1: 512*14*14");
    expect(lines(drawn)).toContain("aux1 -> aux1_2: 7");
    expect(nodeOf(drawn, "aux1")).toMatchObject({ kind: "head", lines: ["conv, pool, 2 linear layers"] });
    expect(nodeOf(drawn, "aux1_2")).toMatchObject({ kind: "output", label: "aux1" });
    expect(nodeOf(drawn, "norm1")).toMatchObject({ kind: "norm", lines: ["LRN 5"] });
    expect(nodeOf(drawn, "conv1")).toMatchObject({ lines: ["Conv 7x7 /2 pad 3", "ReLU"] });
    expect(nodeOf(drawn, "maxpool1")).toMatchObject({ lines: ["MaxPool 3x3 /2 ceil"] });
  });

  test("draws a row of one block, and of none", () => {
    const drawn = diagram(describeModel("inception_resnet_v2.public", { repeats: [1, 0, 2] }));
    expect(nodeOf(drawn, "repeat")).toMatchObject({ label: "repeat", count: 1 });
    expect(nodeOf(drawn, "repeat_1")).toBeUndefined();
    expect(nodeOf(drawn, "repeat_2")).toMatchObject({ label: "repeat_2 (2 x)", count: 2 });
    expect(lines(drawn)).toContain("mixed_6a -> mixed_7a: 1088*17*17");
  });

  test("folds equal parts that follow each other under names of their own", () => {
    const boxes = (id: string) => diagram(findModel(id).describe()).nodes.filter(({ count }) => count > 1);
    const texts = (id: string) => boxes(id).map(({ id: box, label, notation, count }) => [box, label, notation, count]);
    expect(texts("inception_resnet_3d.paper")).toEqual([
      ["A0", "A0 to A4 (5 x)", "5 x A0 to A4", 5],
      ["B0", "B0 to B9 (10 x)", "10 x B0 to B9", 10],
      ["C0", "C0 to C3 (4 x)", "4 x C0 to C3", 4],
    ]);
    expect(texts("inception_v3.public")).toEqual([["Mixed_6c", "Mixed_6c to Mixed_6d (2 x)", "2 x Mixed_6c to Mixed_6d", 2]]);
    expect(boxes("inception_v4.public").map(({ path, count }) => [path, count])).toEqual([
      ["features.6", 4],
      ["features.11", 7],
      ["features.19", 3],
    ]);
    // What the table of the 3-D network counts for one block, ten times.
    const [a] = boxes("inception_resnet_3d.code");
    expect([a?.count, a?.params]).toEqual([10, 10 * 327_264]);
    expect(lines(diagram(describeModel("inception_resnet_3d.code")))).toContain("A0 -> reductionB: 320*8*8*8");
  });

  test("does not fold a part whose result is an output, or is read by more than the next one", () => {
    const build = (shown: boolean) => {
      const b = new GraphBuilder("net");
      let x = b.input("input", ["N", 2]);
      for (const name of ["p", "q", "r"]) {
        x = b.module(name, b.add("exp", `${name}.exp`, [b.add("relu", `${name}.relu`, [x], {})], {}));
        if (shown && name === "q") b.output("inner", x);
      }
      b.output("out", x);
      return diagram(b.finish()).nodes.map(({ label }) => label);
    };
    expect(build(false)).toEqual(["input", "p to r (3 x)", "out"]);
    expect(build(true)).toEqual(["input", "p to q (2 x)", "r", "inner", "out"]);
  });

  test("groups parts by stage where names are flat", () => {
    const drawn = diagram(describeModel("inception_v2.caffe"));
    expect(drawn.nodes.map(({ id }) => id)).toEqual([
      ...["input", "conv1_7x7_s2", "pool1_3x3_s2", "conv2_3x3_reduce", "conv2_3x3", "pool2_3x3_s2"],
      ...["3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"].map((name) => `inception_${name}`),
      ...["global_pool", "dropout", "last_linear", "logits", "features"],
    ]);
    const block = diagram(describeModel("inception_v2.caffe"), { block: "inception_3c" });
    expect(block.nodes.map(({ id }) => id)).toEqual([
      ...["input", "3x3_reduce", "3x3", "double_3x3_reduce", "double_3x3_1", "double_3x3_2", "pool", "inception_3c", "output"],
    ]);
  });

  test("parameters and multiply-adds of all boxes are those of the network", () => {
    for (const { id, describe: build } of MODELS) {
      const graph = build();
      const { params, macs } = summarize(graph);
      const { nodes } = diagram(graph);
      const total = (key: "params" | "macs"): number => nodes.reduce((sum, node) => sum + node[key], 0);
      expect([total("params"), total("macs")], id).toEqual([params, macs]);
    }
  });

  test("does not collapse numbered parts that differ", () => {
    const b = new GraphBuilder("net");
    let x = b.input("input", ["N", 2, 6, 6]);
    for (const i of [0, 1]) {
      x = b.add("maxPool", `row.${i}.pool`, [x], {
        kernelShape: [2, 2],
        strides: [1, 1],
        pads: [0, 0, 0, 0],
        dilations: [1, 1],
        ceilMode: false,
      });
      x = b.module(`row.${i}`, b.add("concat", `row.${i}.concat`, [x, x], { axis: 1 }));
    }
    b.output("out", b.module("row", x));
    const drawn = diagram(b.finish());
    expect(nodeOf(drawn, "row")).toMatchObject({ label: "row", count: 1, lines: ["2 pools, 2 concats"] });
  });
});

describe("block", () => {
  const graph = describeModel("inception_resnet_v2.public");

  test("a row of equal blocks means its first", () => {
    const row = diagram(graph, { block: "repeat_1" });
    const first = diagram(graph, { block: "repeat_1.0" });
    expect(row.title).toBe("inception_resnet_v2.public: repeat_1.0 (one of 20 equal blocks)");
    expect(first.title).toBe("inception_resnet_v2.public: repeat_1.0");
    expect({ ...row, title: "" }).toEqual({ ...first, title: "" });
    expect(lines(first)).toEqual([
      "input -> branch0: 1088*17*17",
      "input -> branch1.0: 1088*17*17",
      "branch1.0 -> branch1.1: 128*17*17",
      "branch1.1 -> branch1.2: 160*17*17",
      "branch0 -> concat: 192*17*17",
      "branch1.2 -> concat: 192*17*17",
      "concat -> conv2d: 384*17*17",
      "input -> sum: 1088*17*17",
      "conv2d -> sum: 1088*17*17",
      "sum -> relu: 1088*17*17",
      "relu -> output: 1088*17*17",
    ]);
    expect(nodeOf(first, "conv2d")).toEqual({
      id: "conv2d",
      label: "Conv 1x1",
      kind: "conv",
      lines: ["linear x 0.1"],
      path: "repeat_1.0.conv2d",
      count: 1,
      notation: "Conv k=1 x 0.1",
      // 384 · 1088 weights, each used at 17 · 17 places, and 1088 biases.
      params: 418_880,
      macs: 120_741_888,
    });
  });

  test("numbered steps of one branch are no row of blocks", () => {
    expect(diagram(graph, { block: "mixed_5b.branch2" }).nodes.map(({ id }) => id)).toEqual(["input", "0", "1", "2", "output"]);
  });

  test("a part that is one unit, and a piece of a unit", () => {
    expect(lines(diagram(graph, { block: "conv2d_1a" }))).toEqual(["input -> conv2d_1a: 3*299*299", "conv2d_1a -> output: 32*149*149"]);
    const piece = diagram(graph, { block: "repeat.0.conv2d" });
    expect(piece.nodes.map(({ label, lines: below }) => [label, ...below])).toEqual([["Input"], ["Conv 1x1", "linear"], ["Output"]]);
  });

  test("several inputs are told apart by what they are", () => {
    const drawn = diagram(graph, { block: "repeat.0.sum" });
    expect(drawn.nodes.map(({ id, label, lines: below }) => [id, label, ...below])).toEqual([
      ["input", "Input", "mixed_5b"],
      ["input_2", "Input", "repeat.0.scale"],
      ["sum", "Sum"],
      ["output", "Output"],
    ]);
    expect(lines(drawn)).toEqual(["input -> sum: 320*35*35", "input_2 -> sum: 320*35*35", "sum -> output: 320*35*35"]);
  });

  test("every module of every network can be drawn", () => {
    for (const { describe: build } of MODELS) {
      const small = build({ widthMultiplier: 0.1 });
      const paths = small.modules.map(({ path }) => path).filter((path) => !/\.[1-9]\d*(\.|$)/.test(path));
      for (const path of paths) {
        const drawn = diagram(small, { block: path });
        expect(drawn.nodes.filter(({ kind }) => kind === "output").length, path).toBe(1);
        expect(drawn.nodes.filter(({ kind }) => kind === "input").length, path).toBeGreaterThan(0);
      }
    }
  });
});

describe("an unknown block", () => {
  const expectMessage = (id: string, block: string, message: string): void => {
    expect(() => diagram(findModel(id).describe(), { block })).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  };

  test("lists close paths, closest first", () => {
    expectMessage(
      "inception_resnet_v2",
      "mixed_5c",
      'Cannot draw block "mixed_5c" of "inception_resnet_v2.public": expected the path of a module, such as "mixed_5b", "mixed_6a", "mixed_7a"',
    );
    expectMessage(
      "googlenet.paper",
      "Inception3A ",
      'Cannot draw block "Inception3A " of "googlenet.paper": expected the path of a module, such as "inception3a", "inception3b", "inception4a", "inception5a", "inception4b", "inception4c", "inception4d", "inception4e" and 1 more',
    );
  });

  test("lists the parts where none is close", () => {
    expectMessage(
      "inception_resnet_v1.spec",
      "",
      'Cannot draw block "" of "inception_resnet_v1.spec": expected the path of a module, such as "stem", "inception_a", "reduction_a", "inception_b", "reduction_b", "inception_c"',
    );
    expectMessage(
      "googlenet",
      "x\n\u001b[31m".repeat(100),
      `Cannot draw block ${JSON.stringify(`${"x\n\u001b[31m".repeat(100).slice(0, 100)}...`)} of "googlenet.public": expected the path of a module, such as "inception3a", "inception3b", "inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "inception5a" and 1 more`,
    );
  });

  test("lists all parts where none is composed", () => {
    const b = new GraphBuilder("one");
    b.output("out", b.module("act", b.add("relu", "act", [b.input("input", ["N", 2])], {})));
    const graph = b.finish();
    const message = 'Cannot draw block "nothing" of "one": expected the path of a module, such as "act"';
    expect(() => diagram(graph, { block: "nothing" })).toThrow(expect.objectContaining({ message }));
  });
});
