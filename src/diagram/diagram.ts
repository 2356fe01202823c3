import { nodeCosts } from "../analysis/summary.js";
import { type Graph, type Node, type Parameter, typeOf } from "../ir/graph.js";
import { type Block, findBlock, outermost, outermostBlocks } from "./blocks.js";
import { type DiagramKind, isWithin, shapeText, type Unit, type UnitText, unitsOf, unitText } from "./units.js";

export type { DiagramKind } from "./units.js";

/**
 * A drawing of a network or of one of its blocks, before any format: boxes, and arrows with the shape of the tensor
 * that passes along them.
 */
export interface Diagram {
  readonly title: string;
  readonly nodes: readonly DiagramNode[];
  readonly edges: readonly DiagramEdge[];
}

/** A box of a diagram. */
export interface DiagramNode {
  /** Unique in the diagram: the path, without the block's own inside a block. */
  readonly id: string;
  /** What stands in bold: the name of a part in an overview, the operation inside a block. */
  readonly label: string;
  readonly kind: DiagramKind;
  /** What stands below it, for example `Conv 3x3 /2 valid`, `BN ReLU`. */
  readonly lines: readonly string[];
  /** Path in the graph, which is the prefix of its keys in the weight file. */
  readonly path: string;
  /** How many equal blocks in a row the box stands for; 1 for most. */
  readonly count: number;
  /** The operation as specification documents 001 and 002 write it: `Conv k=3 s=2 BN ReLU`; of a part with several operations its name. */
  readonly notation: string;
  /** Trained values and multiply-adds for one image, of all blocks that the box stands for. */
  readonly params: number;
  readonly macs: number;
}

/** An arrow of a diagram: the output of one box that another reads. */
export interface DiagramEdge {
  /** Node ids. */
  readonly from: string;
  readonly to: string;
  /** Without the batch: `384*35*35`. */
  readonly shape: string;
}

/** Which part of a network is drawn. */
export interface DiagramOptions {
  /**
   * Path of the part to look into, such as `mixed_5b`, `repeat.0` or `stem`; a row of equal blocks, such as `repeat`,
   * means its first. Default: the whole network, one box for each part.
   */
  readonly block?: string | undefined;
}

/**
 * Draws a network, or one of its blocks.
 *
 * Without `block`, each outermost part is a box and a row of equal blocks is one box, as in the papers' overview
 * figures, whether they are numbered parts of one module or follow each other under names of their own. With it, each
 * convolution with its normalization and ReLU is a box, each pool, concatenation and sum.
 *
 * @throws InceptionError OPTION_INVALID naming close blocks when there is no such block
 *
 * @example
 * ```ts
 * import { describeModel } from "inceptionkit/models";
 * import { diagram } from "inceptionkit/core";
 * diagram(describeModel("googlenet"), { block: "inception3a" }).nodes.length; // 10
 * ```
 */
export function diagram(graph: Graph, { block }: DiagramOptions = {}): Diagram {
  const layers = withoutWeightNodes(graph);
  return block === undefined ? overview(layers) : inside(layers, findBlock(layers, block));
}

/** Without the nodes that work on parameters alone, whose results count as parameters: a kernel cut in parts is no layer. */
function withoutWeightNodes(graph: Graph): Graph {
  const weights = new Set(graph.parameters.map(({ path }) => path));
  const nodes: Node[] = [];
  const made: Parameter[] = [];
  for (const node of graph.nodes) {
    if (node.inputs.length > 0 && node.inputs.every((input) => weights.has(input))) {
      for (const path of node.outputs) {
        weights.add(path);
        made.push({ path, type: typeOf(graph, path), role: "conv_kernel", stage: node.stage });
      }
    } else nodes.push(node);
  }
  return { ...graph, nodes, parameters: [...graph.parameters, ...made] };
}

function overview(graph: Graph): Diagram {
  const costOf = costs(graph);
  const blocks = outermostBlocks(graph);
  const parts = blocks.map((block): DiagramNode => {
    const { path, last, count } = block;
    const units = unitsOf(graph, block.nodes);
    if (units.length === 1 && units[0]) {
      const { kind, label, lines, notation } = unitText(graph, units[0]);
      const texts = { label: path, lines: [label, ...lines], notation: `${path}: ${notation}` };
      return { id: path, path, count, kind, ...texts, ...costOf(block.nodes, 1) };
    }
    const name = last === undefined ? path : `${path} to ${last}`;
    const texts = count > 1 ? { label: `${name} (${count} x)`, notation: `${count} x ${name}` } : { label: name, notation: name };
    return { id: path, path, count, ...texts, ...blockText(graph, block, units), ...costOf(block.nodes, count) };
  });
  const holders = new Map(blocks.flatMap(({ path, members }) => members.map((member) => [member, path] as const)));
  const memberPaths = new Set(holders.keys());
  const holderOf = (node: Node): string => holders.get(outermost(memberPaths, node)) ?? node.path;
  const owners = new Map<string, string>();
  for (const node of graph.nodes) for (const output of node.outputs) owners.set(output, holderOf(node));
  const reads = graph.nodes.map((node) => ({ reader: holderOf(node), values: node.inputs }));
  const inputs = graph.inputs.map(({ name }) => ({ id: name, label: name, value: name }));
  const outputs = graph.outputs.map(({ name, value }) => ({ id: name, label: name, value }));
  return assemble(graph, graph.name, parts, { owners, reads, inputs, outputs });
}

function inside(graph: Graph, block: Block): Diagram {
  const costOf = costs(graph);
  const units = unitsOf(graph, block.nodes);
  const parts = units.map((unit): DiagramNode => {
    const below = isWithin({ path: unit.path, stage: unit.nodes[0].stage }, block.path) && unit.path !== block.path;
    const id = below ? unit.path.slice(block.path.length + 1) : unit.path.slice(unit.path.lastIndexOf(".") + 1);
    return { id, path: unit.path, count: 1, ...costOf(unit.nodes, 1), ...unitText(graph, unit) };
  });
  const owners = new Map<string, string>();
  for (const unit of units) for (const node of unit.nodes) for (const output of node.outputs) owners.set(output, unit.path);
  const reads = units.flatMap((unit) => unit.nodes.map((node) => ({ reader: unit.path, values: node.inputs })));
  const parameters = new Set(graph.parameters.map((parameter) => parameter.path));
  const outer = block.nodes.flatMap((node) => node.inputs).filter((value) => !owners.has(value) && !parameters.has(value));
  const inputs = [...new Set(outer)].map((value) => ({ id: "input", label: "Input", value }));
  const outputs = leaving(graph, block).map((value) => ({ id: "output", label: "Output", value }));
  const place = block.count > 1 ? ` (one of ${block.count} equal blocks)` : "";
  return assemble(graph, `${graph.name}: ${block.path}${place}`, parts, { owners, reads, inputs, outputs });
}

/** What `count` times these nodes have to train and to compute. */
function costs(graph: Graph): (nodes: readonly Node[], count: number) => Pick<DiagramNode, "params" | "macs"> {
  const costOf = nodeCosts(graph);
  return (nodes, count) => {
    const own = nodes.map(costOf);
    const total = (key: "params" | "macs"): number => count * own.reduce((sum, cost) => sum + cost[key], 0);
    return { params: total("params"), macs: total("macs") };
  };
}

/** The values that the rest of the network takes from a block. */
function leaving(graph: Graph, block: Block): readonly string[] {
  const within = new Set(block.nodes);
  const wanted = new Set([
    ...graph.nodes.filter((node) => !within.has(node)).flatMap((node) => node.inputs),
    ...graph.outputs.map((output) => output.value),
  ]);
  return block.nodes.flatMap((node) => node.outputs).filter((value) => wanted.has(value));
}

interface Wiring {
  /** The path of the box that makes each value. */
  readonly owners: ReadonlyMap<string, string>;
  /** What each box reads, in order; parameters may be among it. */
  readonly reads: readonly { readonly reader: string; readonly values: readonly string[] }[];
  /** Values that come from outside and go outside; they become boxes of their own. */
  readonly inputs: readonly Boundary[];
  readonly outputs: readonly Boundary[];
}

interface Boundary {
  readonly id: string;
  readonly label: string;
  readonly value: string;
}

function assemble(graph: Graph, title: string, parts: readonly DiagramNode[], wiring: Wiring): Diagram {
  const taken = new Set<string>();
  const unique = (node: DiagramNode): DiagramNode => {
    let id = node.id;
    for (let i = 2; taken.has(id); i++) id = `${node.id}_${i}`;
    taken.add(id);
    return { ...node, id };
  };
  // Parts come first, so that they have their own names; an output may be called like the part that makes it.
  const drawn = parts.map(unique);
  const ends = (kind: "input" | "output", boundaries: readonly Boundary[]): readonly DiagramNode[] =>
    boundaries.map(({ id, label, value }) => {
      const alone = boundaries.filter((other) => other.label === label).length === 1;
      const lines = alone ? [] : [value];
      return unique({ id, label, kind, lines, path: value, count: 1, notation: [label, ...lines].join(": "), params: 0, macs: 0 });
    });
  const inputs = ends("input", wiring.inputs);
  const outputs = ends("output", wiring.outputs);
  const ids = new Map(drawn.map((node) => [node.path, node.id]));
  const sources = new Map<string, string>(inputs.map((node) => [node.path, node.id]));
  for (const [value, owner] of wiring.owners) sources.set(value, ids.get(owner) ?? owner);
  const arrows = [
    ...wiring.reads.flatMap(({ reader, values }) => values.map((value) => ({ value, to: ids.get(reader) ?? reader }))),
    ...outputs.map((node) => ({ value: node.path, to: node.id })),
  ];
  return { title, nodes: [...inputs, ...drawn, ...outputs], edges: edgesOf(graph, sources, arrows) };
}

/** One arrow for each value that passes between two boxes, however often it is read there. */
function edgesOf(
  graph: Graph,
  sources: ReadonlyMap<string, string>,
  arrows: readonly { readonly value: string; readonly to: string }[],
): readonly DiagramEdge[] {
  const edges = new Map<string, DiagramEdge>();
  for (const { value, to } of arrows) {
    const from = sources.get(value);
    if (from === undefined || from === to) continue;
    edges.set(JSON.stringify([value, to]), { from, to, shape: shapeText(graph, value) });
  }
  return [...edges.values()];
}

/** `7 convs, concat, sum`: what a part of several units is made of. */
function blockText(graph: Graph, block: Block, units: readonly Unit[]): Omit<UnitText, "label" | "notation"> {
  const texts = units.map((unit) => unitText(graph, unit));
  const count = (kind: DiagramKind): number => texts.filter((text) => text.kind === kind).length;
  const linear = units.filter((unit) => unit.nodes[0].op === "gemm").length;
  const counted = [
    [count("conv"), "conv"],
    [count("pool"), "pool"],
    [count("concat"), "concat"],
    [count("sum"), "sum"],
    [linear, "linear layer"],
  ] as const;
  const words = counted.filter(([number]) => number > 0).map(([number, word]) => (number > 1 ? `${number} ${word}s` : word));
  return { kind: blockKind(graph, block), lines: words.length > 0 ? [words.join(", ")] : [] };
}

/** A head loses the spatial axes, a reduction makes them smaller. */
function blockKind(graph: Graph, block: Block): DiagramKind {
  const parameters = new Set(graph.parameters.map((parameter) => parameter.path));
  const input = block.nodes.flatMap((node) => node.inputs).find((value) => !parameters.has(value));
  const output = block.nodes.at(-1)?.outputs[0];
  if (input === undefined || output === undefined) return "block";
  const before = spatialSizes(graph, input);
  const after = spatialSizes(graph, output);
  if (after.length < before.length) return "head";
  return after.some((size, axis) => typeof size === "number" && size < Number(before[axis])) ? "reduction" : "block";
}

function spatialSizes(graph: Graph, value: string): readonly (number | string)[] {
  return typeOf(graph, value).shape.slice(2);
}
