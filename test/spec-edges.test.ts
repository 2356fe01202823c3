/**
 * The two drawn networks against their drawings (test/goldens/spec), arrow by arrow: the value that leaves a node has the
 * shape on the arrow, and the node at its end reads just the values that the drawing leads to it. What a block repeats is
 * checked in every repeat. Misprints are resolved as the drawings' `resolution`s say, and nothing else is changed.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Graph, type Node, typeOf } from "../src/ir/graph.js";
import { findModel } from "../src/models/index.js";
import { goldenPath } from "./shared.js";

interface DrawnNode {
  readonly id: string;
  readonly label: string;
  readonly resolution?: { readonly erratum: number; readonly label?: string; readonly concat?: readonly string[] };
}

interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly shape: readonly number[];
  readonly resolution?: { readonly erratum: number; readonly from?: string };
}

interface Drawing {
  readonly name: string;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
}

/** A drawing at a place in the graph: the path of its parts, and the values that its input and image stand for. */
interface Placed {
  readonly drawing: Drawing;
  /** "" for the whole network. */
  readonly path: string;
  readonly input: string;
}

const SUBJECTS = [
  { file: "inception_resnet_v1", edges: 78 },
  { file: "inception_resnet_v2", edges: 89 },
];

test("the drawings have 167 arrows", () => {
  const counts = SUBJECTS.map(({ file }) => drawingsOf(file).reduce((sum, { edges }) => sum + edges.length, 0));
  expect(counts).toEqual(SUBJECTS.map(({ edges }) => edges));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(167);
});

describe.each(SUBJECTS)("$file", ({ file, edges }) => {
  // The drawings add without a factor (erratum 4).
  const graph = findModel(`${file}.spec`).describe({ residualScale: [1, 1, 1] });
  const drawings = drawingsOf(file);
  const places = placeAll(graph, drawings);

  test("every arrow, in every repeat", () => {
    // The network, its stem, two reductions, and 5 + 10 + 5 blocks.
    expect(places.length).toBe(24);
    const asserted = new Set<DrawnEdge>();
    for (const place of places) {
      for (const edge of place.drawing.edges) {
        const name = `${place.path}: ${edge.from} → ${edge.to}`;
        const value = valueLeaving(graph, place, resolvedFrom(edge));
        // The value that a drawn arrow starts from has the arrow's shape, whatever a resolution makes of its start.
        expect(typeOf(graph, valueLeaving(graph, place, edge.from)).shape, name).toEqual(["N", ...edge.shape]);
        expect(typeOf(graph, value).shape, name).toEqual(["N", ...edge.shape]);
        expect(valuesRead(graph, place, edge.to), name).toContain(value);
        asserted.add(edge);
      }
    }
    expect(asserted.size).toBe(edges);
  });

  test("every node reads what the arrows lead to it and nothing else", () => {
    for (const place of places) {
      for (const node of place.drawing.nodes) {
        const drawn = place.drawing.edges.filter(({ to }) => to === node.id).map((edge) => valueLeaving(graph, place, resolvedFrom(edge)));
        if (drawn.length > 0) expect(new Set(valuesRead(graph, place, node.id)), `${place.path}: ${node.id}`).toEqual(new Set(drawn));
      }
    }
  });

  test("every node of the graph is drawn", () => {
    const drawn = places.flatMap((place) => place.drawing.nodes.flatMap(({ id }) => nodesOf(graph, pathOf(place, id))));
    expect(graph.nodes.filter((node) => !drawn.includes(node)).map(({ path }) => path)).toEqual([]);
  });

  test("every label: kernels, strides, pads, normalization, ReLU, rates, repeats", () => {
    for (const place of places) for (const node of place.drawing.nodes) checkLabel(graph, place, node);
  });

  test("only errata 1 and 2 change what is drawn", () => {
    const changes = drawings.flatMap(({ nodes, edges: arrows }) => [
      ...nodes.filter(({ resolution }) => resolution?.label !== undefined).map(({ resolution }) => resolution?.erratum),
      ...arrows.filter(({ resolution }) => resolution?.from !== undefined).map(({ resolution }) => resolution?.erratum),
    ]);
    expect(changes.sort()).toEqual(file === "inception_resnet_v2" ? [1, 2] : []);
  });
});

/** All drawings where they apply: the network and its stem once, each block as often as the network's drawing says. */
function placeAll(graph: Graph, drawings: readonly Drawing[]): readonly Placed[] {
  const overall = findDrawing(drawings, "overall");
  const network: Placed = { drawing: overall, path: "", input: "input" };
  return [
    network,
    ...overall.nodes.flatMap(({ id, label }) => {
      const [, repeats, name = ""] = label.match(/^(?:(\d+) x )?(.+)$/) ?? [];
      const drawing = drawings.find((candidate) => candidate.name === name);
      const before = overall.edges.find(({ to }) => to === id)?.from;
      if (drawing === undefined || before === undefined) return [];
      const input = valueLeaving(graph, network, before);
      if (repeats === undefined) return [{ drawing, path: id, input }];
      return Array.from({ length: Number(repeats) }, (_, i) => ({
        drawing,
        path: `${id}.${i}`,
        input: i === 0 ? input : moduleOutput(graph, `${id}.${i - 1}`),
      }));
    }),
  ];
}

function resolvedFrom({ from, resolution }: DrawnEdge): string {
  return resolution?.from ?? from;
}

function pathOf({ path }: Placed, id: string): string {
  return path === "" ? id : `${path}.${id}`;
}

/** The graph's value for a drawn node: "input" and "image" are what the drawing starts from. */
function valueLeaving(graph: Graph, place: Placed, id: string): string {
  return id === "input" || id === "image" ? place.input : moduleOutput(graph, pathOf(place, id));
}

/** What the nodes of a drawn node read from outside, apart from parameters; "output" reads what leaves the drawn module. */
function valuesRead(graph: Graph, place: Placed, id: string): readonly string[] {
  if (id === "output") return [moduleOutput(graph, place.path)];
  const nodes = nodesOf(graph, pathOf(place, id));
  const own = new Set([...nodes.flatMap(({ outputs }) => outputs), ...graph.parameters.map(({ path }) => path)]);
  return nodes.flatMap(({ inputs }) => inputs).filter((value) => !own.has(value));
}

function nodesOf(graph: Graph, path: string): readonly Node[] {
  return graph.nodes.filter((node) => node.path === path || node.path.startsWith(`${path}.`));
}

function moduleOutput(graph: Graph, path: string): string {
  const module = graph.modules.find((candidate) => candidate.path === path);
  if (module === undefined) throw new RangeError(`Cannot find drawn node "${path}" in ${graph.name}`);
  return module.output;
}

function checkLabel(graph: Graph, place: Placed, node: DrawnNode): void {
  const label = node.resolution?.label ?? node.label;
  const path = pathOf(place, node.id);
  const nodes = nodesOf(graph, path);
  const ops = nodes.map(({ op }) => op);
  const [kind = ""] = label.split(" ");
  if (["Image", "Input", "Output", "Stem", "Reduction-A", "Reduction-B"].includes(kind)) return;
  if (/^\d+$/.test(kind)) {
    const repeats = graph.modules.filter((module) => new RegExp(`^${path}\\.\\d+$`).test(module.path));
    expect(repeats.length, path).toBe(Number(kind));
  } else if (kind === "Conv") {
    const normalized = label.includes(" BN");
    expect(ops, path).toEqual(["conv", ...(normalized ? ["batchNormalization"] : []), ...(label.includes(" ReLU") ? ["relu"] : [])]);
    expect(nodes[0]?.attributes, path).toEqual({ ...windowOfLabel(label), groups: 1 });
    // Erratum 5: a bias where no normalization follows directly.
    expect(nodes[0]?.inputs.length, path).toBe(normalized ? 2 : 3);
  } else if (kind === "MaxPool") {
    expect(ops, path).toEqual(["maxPool"]);
    expect(nodes[0]?.attributes, path).toEqual({ ...windowOfLabel(label), ceilMode: false });
  } else if (kind === "DepthConcat") {
    expect(ops, path).toEqual(["concat"]);
    expect(nodes[0]?.attributes, path).toEqual({ axis: 1 });
    expect(nodes[0]?.inputs, path).toEqual(node.resolution?.concat?.map((id) => valueLeaving(graph, place, id)));
  } else if (kind === "AvgPool") {
    // Erratum 14: over the whole map, which has the side of the drawn window.
    expect(ops, path).toEqual(["globalAveragePool", "flatten"]);
    const side = Number(label.match(/k=(\d+)/)?.[1]);
    expect(typeOf(graph, nodes[0]?.inputs[0] ?? "").shape.slice(2), path).toEqual([side, side]);
  } else if (kind === "Dropout") {
    expect(
      nodes.map(({ op, attributes }) => [op, attributes]),
      path,
    ).toEqual([["dropout", { dropRate: Number(label.split(" ")[1]) }]]);
  } else {
    const simple: Readonly<Record<string, readonly string[]>> = {
      "BN ReLU": ["batchNormalization", "relu"],
      Sum: ["add"],
      "softmax classifier": ["gemm"],
    };
    expect(ops, path).toEqual(simple[label]);
  }
}

/** "k=[1,7] s=2 p=[0,3]", height before width (errata 9 and 10: no pads and stride 1 where nothing is said). */
function windowOfLabel(label: string) {
  const pair = (name: string, absent: number): readonly [number, number] => {
    const [, both, height, width] = label.match(new RegExp(` ${name}=(?:(\\d+)|\\[(\\d+),(\\d+)\\])`)) ?? [];
    return both === undefined && height === undefined ? [absent, absent] : [Number(both ?? height), Number(both ?? width)];
  };
  const pads = pair("p", 0);
  return { kernelShape: pair("k", Number.NaN), strides: pair("s", 1), pads: [...pads, ...pads], dilations: [1, 1] };
}

function drawingsOf(file: string): readonly Drawing[] {
  return (JSON.parse(readFileSync(goldenPath(`spec/${file}.json`), "utf8")) as { readonly graphs: readonly Drawing[] }).graphs;
}

function findDrawing(drawings: readonly Drawing[], name: string): Drawing {
  const found = drawings.find((candidate) => candidate.name === name);
  if (found === undefined) throw new RangeError(`Cannot find drawing "${name}"`);
  return found;
}
