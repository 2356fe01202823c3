/** Tables and drawings of a network that is known by the operators of its file only, not by a description. */

import type { Summary } from "../analysis/summary.js";
import type { Diagram, DiagramEdge, DiagramKind, DiagramNode, DiagramOptions } from "../diagram/index.js";
import { InceptionError } from "../errors.js";
import { quoted, shortened } from "../formats/quoted.js";
import type { Shape } from "../tensor/shape.js";
import { formatCount } from "../text.js";
import { type Layer, type Structure, type StructureBlock, totals } from "./structure.js";

/**
 * What `summarize` gives, as far as it follows from an ONNX file: sizes that the file leaves open are null, and so is what
 * depends on them. Receptive fields are not computed, running statistics and other parameters not told apart.
 */
export interface StructureSummary extends Pick<Summary, "id" | "params" | "convs"> {
  /** Of the first input; null for a size that the file leaves open, or for all where it states no shape. */
  readonly input: readonly (number | null)[] | null;
  readonly nonTrainable: null;
  readonly macs: number | null;
  readonly stages: readonly StructureStage[];
  readonly layers: readonly StructureLayer[];
}

interface StructureStage {
  readonly path: string;
  /** Without the batch. */
  readonly shape: readonly (number | null)[] | null;
  readonly params: number;
  readonly macs: number | null;
}

interface StructureLayer extends StructureStage {
  /** ONNX's name. */
  readonly op: string;
  readonly receptiveField: null;
}

/** The layers and blocks of an ONNX file with their parameters and multiply-adds; blocks take the place of stages. */
export function summarizeStructure({ name, inputs, blocks, parameters, macs }: Structure): StructureSummary {
  const layers = blocks.flatMap(({ all }) => all);
  return {
    id: name,
    input: knownSizes(inputs[0]?.shape ?? null),
    params: parameters,
    nonTrainable: null,
    macs,
    convs: layers.filter(({ op }) => op === "Conv").length,
    stages: blocks.map((block) => ({ path: block.path, shape: sizesWithoutBatch(lastShape(block)), ...costs(block.all) })),
    layers: layers.map((layer) => ({
      path: layer.path,
      op: layer.op,
      shape: sizesWithoutBatch(layer.shape),
      ...costs([layer]),
      receptiveField: null,
    })),
  };
}

function costs(layers: readonly Layer[]): Pick<StructureStage, "params" | "macs"> {
  const { parameters, macs } = totals(layers);
  return { params: parameters, macs };
}

function lastShape({ all }: StructureBlock): Shape | null {
  return all.at(-1)?.shape ?? null;
}

/** What is not a number is not known. */
function knownSizes(shape: Shape | null): readonly (number | null)[] | null {
  return shape?.map((size) => (typeof size === "number" ? size : null)) ?? null;
}

function sizesWithoutBatch(shape: Shape | null): readonly (number | null)[] | null {
  return knownSizes(shape)?.slice(1) ?? null;
}

/** A drawing of more boxes is not readable, and its layout takes minutes. */
const MAX_BOXES = 2000;

const KINDS: Readonly<Record<string, DiagramKind>> = {
  Add: "sum",
  Sum: "sum",
  AveragePool: "pool",
  MaxPool: "pool",
  GlobalAveragePool: "pool",
  GlobalMaxPool: "pool",
  BatchNormalization: "norm",
  InstanceNormalization: "norm",
  LRN: "norm",
  Concat: "concat",
  Conv: "conv",
  ConvTranspose: "conv",
  Gemm: "head",
  MatMul: "head",
  ReduceMean: "reduction",
  ReduceMax: "reduction",
  ReduceSum: "reduction",
};

/**
 * Draws an ONNX file: a box for each block, that is, nodes whose names begin alike, or for each node where names are only
 * numbers; with `block` the nodes of one block.
 *
 * @throws InceptionError OPTION_INVALID for a block that there is not, or more than 2,000 boxes
 */
export function structureDiagram(structure: Structure, { block }: DiagramOptions = {}): Diagram {
  const chosen = block === undefined ? null : findBlock(structure, block);
  const groups =
    chosen === null && structure.named
      ? structure.blocks.map(({ path, all }) => ({ path, layers: all }))
      : (chosen === null ? structure.blocks.flatMap(({ all }) => all) : chosen.all).map((layer) => ({ path: layer.path, layers: [layer] }));
  if (groups.length > MAX_BOXES) {
    const message = `Cannot draw "${shortened(structure.name)}": it has ${formatCount(groups.length)} parts, the limit is ${formatCount(MAX_BOXES)}; draw one of its blocks`;
    throw new InceptionError("OPTION_INVALID", message, { parts: groups.length, limit: MAX_BOXES });
  }
  const ends = chosen === null ? endsOf(structure) : { inputs: [], outputs: [] };
  return {
    title: chosen === null ? structure.name : `${structure.name}: ${chosen.path}`,
    nodes: [
      ...ends.inputs.map((name) => endBox("input", name)),
      ...groups.map(boxOf),
      ...ends.outputs.map((name) => endBox("output", name)),
    ],
    edges: edgesOf(groups, ends),
  };
}

interface Group {
  readonly path: string;
  readonly layers: readonly Layer[];
}

interface Ends {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

function endsOf({ inputs, outputs }: Structure): Ends {
  return { inputs: inputs.map(({ name }) => name), outputs: outputs.map(({ name }) => name) };
}

function findBlock({ name, blocks }: Structure, path: string): StructureBlock {
  const found = blocks.find((block) => block.path === path);
  if (found !== undefined) return found;
  const known = blocks.slice(0, 10).map((block) => quoted(block.path));
  const message = `Cannot draw block ${quoted(path)} of "${shortened(name)}": it has ${known.join(", ")}${blocks.length > known.length ? ` and ${blocks.length - known.length} more` : ""}`;
  throw new InceptionError("OPTION_INVALID", message, { block: path });
}

function boxOf({ path, layers }: Group): DiagramNode {
  const [only, ...more] = layers;
  const { params, macs } = costs(layers);
  const common = { id: path, path, count: 1, params, macs: macs ?? 0 };
  if (only === undefined || more.length > 0)
    return { ...common, kind: "block", label: path, lines: [`${layers.length} nodes`], notation: path };
  const text = layerText(only);
  return { ...common, kind: KINDS[only.op] ?? "activation", label: path, lines: [text], notation: `${path}: ${text}` };
}

/** `Conv 3x3 /2` */
function layerText({ op, attributes: { kernelShape, strides } }: Layer): string {
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  const [kernel, steps] = [list(kernelShape), list(strides)];
  const stride = steps.some((step) => step !== 1) ? ` /${[...new Set(steps)].join("x")}` : "";
  return `${op}${kernel.length > 0 ? ` ${kernel.join("x")}` : ""}${stride}`;
}

function endBox(kind: "input" | "output", name: string): DiagramNode {
  return { id: `${kind} ${name}`, path: name, count: 1, kind, label: name, lines: [], notation: name, params: 0, macs: 0 };
}

/** An arrow for each value that goes from one box to another; of several between two boxes the first. */
function edgesOf(groups: readonly Group[], { inputs, outputs }: Ends): readonly DiagramEdge[] {
  const makers = new Map<string, { readonly id: string; readonly shape: string }>();
  for (const name of inputs) makers.set(name, { id: `input ${name}`, shape: "" });
  for (const { path, layers } of groups) {
    for (const { makes, shape } of layers) {
      for (const [index, value] of makes.entries()) makers.set(value, { id: path, shape: index === 0 ? edgeText(shape) : "" });
    }
  }
  const edges = new Map<string, DiagramEdge>();
  const connect = (value: string, to: string): void => {
    const from = makers.get(value);
    if (from === undefined || from.id === to) return;
    const key = JSON.stringify([from.id, to]);
    if (!edges.has(key)) edges.set(key, { from: from.id, to, shape: from.shape });
  };
  for (const { path, layers } of groups) for (const { reads } of layers) for (const value of reads) connect(value, path);
  for (const name of outputs) connect(name, `output ${name}`);
  return [...edges.values()];
}

/** `384*35*35`; nothing where the shape is not known. */
function edgeText(shape: Shape | null): string {
  return shape?.slice(1).join("*") ?? "";
}
