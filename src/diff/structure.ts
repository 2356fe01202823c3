import { nodeCosts } from "../analysis/summary.js";
import { type Block, outermostBlocks } from "../diagram/blocks.js";
import { isWithin } from "../diagram/units.js";
import { type Attributes, type Graph, isTrainable, type Node, typeOf } from "../ir/graph.js";
import { elementsPerImage, formatType, type Shape } from "../tensor/shape.js";

/**
 * A network as it is compared: blocks of layers, whatever it was read from. Described networks and ONNX files become
 * this; layers of a described network have our ops, those of a file ONNX's operators.
 */
export interface Structure {
  readonly name: string;
  readonly inputs: readonly StructureValue[];
  readonly outputs: readonly StructureValue[];
  /** In the order of their first layers. */
  readonly blocks: readonly StructureBlock[];
  /** Whether names say what belongs together; an exporter may have counted its nodes. */
  readonly named: boolean;
  /** The layer that makes each value; for values of equal blocks in a row the layer of the first block. */
  readonly makers: ReadonlyMap<string, Layer>;
  readonly layers: number;
  /** Trained values: kernels, biases, scales and shifts. */
  readonly parameters: number;
  /** Multiply-adds for one input; null where a shape that counts is not known. */
  readonly macs: number | null;
}

export interface StructureValue {
  readonly name: string;
  /** `float32[N, 3, 224, 224]`; null where a file does not say. */
  readonly type: string | null;
  /** With the batch; null where a file does not say. */
  readonly shape: Shape | null;
}

/** A part of a network that is compared as a whole, or a row of equal ones. */
export interface StructureBlock {
  readonly path: string;
  /** What the paths of `layers` begin with: `path`, or that of the first block of a row such as `repeat.0`. */
  readonly root: string;
  /** How many equal blocks in a row it stands for. */
  readonly count: number;
  /** Those of the first of the equal blocks. */
  readonly layers: readonly Layer[];
  /** Those of all of them. */
  readonly all: readonly Layer[];
  /** The equal blocks one by one where they have names of their own, as `A0`, `A1`; else empty. */
  readonly members: readonly StructureBlock[];
}

export interface Layer {
  readonly path: string;
  readonly op: string;
  readonly attributes: Attributes;
  /** Names of the values that it reads, without weights. */
  readonly reads: readonly string[];
  /** Names of the values that it makes. */
  readonly makes: readonly string[];
  /** Shapes of the weights that it reads, in order. */
  readonly weights: readonly (readonly number[])[];
  /** Of its first output, with the batch; null where it is not known. */
  readonly shape: Shape | null;
  readonly parameters: number;
  readonly macs: number | null;
}

/** Parameters and multiply-adds of several layers; multiply-adds are null where those of one are not known. */
export function totals(layers: readonly Layer[]): Pick<Layer, "parameters" | "macs"> {
  return {
    parameters: layers.reduce((sum, { parameters }) => sum + parameters, 0),
    macs: layers.reduce<number | null>((sum, { macs }) => (sum === null || macs === null ? null : sum + macs), 0),
  };
}

/** A described network as it is compared: its blocks are the parts of its overview drawing. */
export function structureOfGraph(graph: Graph): Structure {
  const costOf = nodeCosts(graph);
  const weights = new Set(graph.parameters.map(({ path }) => path));
  const layerOf = (node: Node): Layer => {
    const { params, macs } = costOf(node);
    return {
      path: node.path,
      op: node.op,
      attributes: node.attributes,
      reads: node.inputs.filter((input) => !weights.has(input)),
      makes: node.outputs,
      weights: node.inputs.flatMap((input) => (weights.has(input) ? [typeOf(graph, input).shape.map(Number)] : [])),
      shape: typeOf(graph, node.outputs[0] ?? "").shape,
      parameters: params,
      macs,
    };
  };
  const layers = new Map(graph.nodes.map((node) => [node.path, layerOf(node)]));
  const parts = outermostBlocks(graph).map((block) => blockOf(graph, block, layers));
  const values = (list: readonly { readonly name: string; readonly value: string }[]): readonly StructureValue[] =>
    list.map(({ name, value }) => {
      const type = typeOf(graph, value);
      return { name, type: formatType(type), shape: type.shape };
    });
  const all = [...layers.values()];
  return {
    name: graph.name,
    inputs: values(graph.inputs.map(({ name }) => ({ name, value: name }))),
    outputs: values(graph.outputs),
    blocks: parts.map(({ block }) => block),
    named: true,
    makers: new Map(parts.flatMap(({ makers }) => [...makers])),
    layers: all.length,
    parameters: graph.parameters.filter(isTrainable).reduce((sum, { type }) => sum + elementsPerImage(type.shape), 0),
    macs: all.reduce((sum, { macs }) => sum + (macs ?? 0), 0),
  };
}

function blockOf(graph: Graph, block: Block, layers: ReadonlyMap<string, Layer>) {
  const { path, root, members, count } = block;
  const listed = (nodes: readonly Node[]): readonly Layer[] => nodes.flatMap((node) => layers.get(node.path) ?? []);
  const all = graph.nodes.filter((node) => members.some((member) => isWithin(node, member)));
  const first = new Map(block.nodes.map((node) => [node.path.slice(root.length), node]));
  // `repeat.3.sum` stands where `repeat.0.sum` does, and `A3.sum` where `A0.sum` does.
  const placeOf = (node: Node): string => {
    if (root !== path) return node.path.slice(path.length).replace(/^\.\d+/, "");
    return node.path.slice((members.find((member) => isWithin(node, member)) ?? path).length);
  };
  const makers = all.flatMap((node) => {
    const layer = layers.get(first.get(placeOf(node))?.path ?? "");
    return layer ? node.outputs.map((output) => [output, layer] as const) : [];
  });
  const alone =
    members.length < 2 ? [] : members.map((member) => singleBlock(member, listed(all.filter((node) => isWithin(node, member)))));
  const structure: StructureBlock = { path, root, count, layers: listed(block.nodes), all: listed(all), members: alone };
  return { block: structure, makers };
}

/** A block that stands for itself alone. */
export function singleBlock(path: string, layers: readonly Layer[]): StructureBlock {
  return { path, root: path, count: 1, layers, all: layers, members: [] };
}

/** Both networks with those of their folded blocks one by one that the other one has one by one. */
export function unfoldedTogether(a: Structure, b: Structure): readonly [Structure, Structure] {
  const [nextA, nextB] = [unfoldedFor(a, b), unfoldedFor(b, a)];
  // What one side unfolds may be folded on the other; there are fewer folded blocks each time.
  return nextA === a && nextB === b ? [a, b] : unfoldedTogether(nextA, nextB);
}

function unfoldedFor(structure: Structure, other: Structure): Structure {
  const paths = new Set(other.blocks.map(({ path }) => path));
  const isSplit = ({ members }: StructureBlock): boolean => members.slice(1).some(({ path }) => paths.has(path));
  const split = structure.blocks.filter(isSplit);
  if (split.length === 0) return structure;
  const layers = split.flatMap(({ all }) => all);
  return {
    ...structure,
    blocks: structure.blocks.flatMap((block) => (isSplit(block) ? block.members : [block])),
    makers: new Map([...structure.makers, ...layers.flatMap((layer) => layer.makes.map((value) => [value, layer] as const))]),
  };
}
