import type { Graph } from "../ir/graph.js";
import type { Shape } from "../tensor/shape.js";
import type { Pair } from "./align.js";
import { type MatchedBlock, matchStructures } from "./match.js";
import {
  type Layer,
  type Structure,
  type StructureBlock,
  type StructureValue,
  structureOfGraph,
  totals,
  unfoldedTogether,
} from "./structure.js";

export type DifferenceValue = null | string | number | boolean | readonly number[] | readonly (readonly number[])[] | readonly string[];

/**
 * One thing in which two networks differ. Kinds:
 *
 * - of the network: `input`, `output`, `parameters`, `macs`;
 * - of a block: `block` (only one network has it), `name`, `repeats` (equal blocks in a row), `shape` (of what leaves it),
 *   `parameters`, `macs`;
 * - of a layer: `layer` (only one network has it), `name`, `op`, `kernel`, `stride`, `padding` (all begins, then all ends),
 *   `dilation`, `bias`, `weights` (their shapes), `shape`, `inputs` (what it reads), and any other attribute by its name.
 */
export interface Difference {
  /** Path of the block or layer in A, or in B where A has none; "" for the whole network. */
  readonly path: string;
  /** Its path in B where that is another. */
  readonly pathB?: string;
  readonly kind: string;
  /** null where A has no such thing. */
  readonly a: DifferenceValue;
  readonly b: DifferenceValue;
}

/** Two blocks side by side, or one that the other network has not. */
export interface ComparedBlock {
  readonly a: StructureBlock | null;
  readonly b: StructureBlock | null;
  /** Of the block itself. */
  readonly own: readonly Difference[];
  /** Of its layers. */
  readonly layers: readonly Difference[];
}

/** The differences of two networks, part by part. */
export interface Comparison {
  readonly equal: boolean;
  readonly a: Structure;
  readonly b: Structure;
  /** Changes made to compare the two, and parts that could not be compared. */
  readonly notes: readonly string[];
  /** In an order that follows both networks. */
  readonly blocks: readonly ComparedBlock[];
  /** Of the network, then block by block with its layers. */
  readonly differences: readonly Difference[];
}

/**
 * In what two described networks differ: blocks and layers are matched by their paths, and those without a namesake by
 * what they do, in order. Comparing the other way round gives the same differences with the sides changed.
 *
 * @example
 * ```ts
 * import { compareGraphs } from "inceptionkit/core";
 * import { describeModel } from "inceptionkit/models";
 * const { differences } = compareGraphs(describeModel("googlenet.paper"), describeModel("googlenet.public"));
 * differences.filter(({ kind }) => kind === "kernel").length; // 10: nine 5×5 branches, and the pool before 5a
 * ```
 */
export function compareGraphs(a: Graph, b: Graph): Comparison {
  return compareStructures(structureOfGraph(a), structureOfGraph(b));
}

/** In what two networks differ, whatever they were read from; their ops must have the same names. */
export function compareStructures(first: Structure, second: Structure, notes: readonly string[] = []): Comparison {
  const [a, b] = unfoldedTogether(first, second);
  // Of several equally good matchings the same one is found whichever network comes first.
  const turned = orderKey(a) > orderKey(b);
  const matched = turned ? matchStructures(b, a).map(turnedBlock) : matchStructures(a, b);
  const twins = new Map(matched.flatMap(({ layers }) => layers.flatMap((pair) => (pair.a && pair.b ? [[pair.a, pair.b] as const] : []))));
  const sources = sourceFinder(a, b, twins);
  const blocks = matched.map((block) => compareBlock(block, sources));
  const differences = [...networkDifferences(a, b), ...blocks.flatMap(({ own, layers }) => [...own, ...layers])];
  return { equal: differences.length === 0, a, b, notes, blocks, differences };
}

/** The same comparison without differences of some kinds. */
export function ignoreKinds(comparison: Comparison, kinds: readonly string[]): Comparison {
  const without = (list: readonly Difference[]): readonly Difference[] => list.filter(({ kind }) => !kinds.includes(kind));
  const differences = without(comparison.differences);
  const blocks = comparison.blocks.map((block) => ({ ...block, own: without(block.own), layers: without(block.layers) }));
  return { ...comparison, equal: differences.length === 0, blocks, differences };
}

function orderKey({ name, blocks, inputs }: Structure): string {
  return JSON.stringify([name, inputs, blocks]);
}

function turnedBlock({ a, b, layers }: MatchedBlock): MatchedBlock {
  return { a: b, b: a, layers: layers.map((pair) => ({ a: pair.b, b: pair.a })) };
}

function networkDifferences(a: Structure, b: Structure): readonly Difference[] {
  const ends = (kind: string, ofA: readonly StructureValue[], ofB: readonly StructureValue[]): readonly Difference[] =>
    valuePairs(ofA, ofB).flatMap((pair) => found("", kind, pair.a && endText(pair.a, pair.b), pair.b && endText(pair.b, pair.a)));
  return [
    ...ends("input", a.inputs, b.inputs),
    ...ends("output", a.outputs, b.outputs),
    ...found("", "parameters", a.parameters, b.parameters),
    ...(a.macs === null || b.macs === null ? [] : found("", "macs", a.macs, b.macs)),
  ];
}

/** Outputs and inputs by name; where both sides have one alone, those. */
function valuePairs(a: readonly StructureValue[], b: readonly StructureValue[]): readonly Pair<StructureValue>[] {
  const [onlyA, onlyB] = [a[0], b[0]];
  if (a.length === 1 && b.length === 1 && onlyA && onlyB) return [{ a: onlyA, b: onlyB }];
  const named = (list: readonly StructureValue[], name: string): StructureValue | null => list.find((value) => value.name === name) ?? null;
  return [
    ...a.map((value) => ({ a: value, b: named(b, value.name) })),
    ...b.filter(({ name }) => named(a, name) === null).map((value) => ({ a: null, b: value })),
  ];
}

/** The name and type of an end; without the type where the other side does not know its own. */
function endText({ name, type }: StructureValue, other: StructureValue | null): string {
  return type === null || other?.type === null ? name : `${name}: ${type}`;
}

function compareBlock(matched: MatchedBlock, sources: SourceFinder): ComparedBlock {
  const { a, b, layers } = matched;
  if (a === null || b === null) {
    const path = (a ?? b)?.path ?? "";
    const own = found(path, "block", a && contents(a), b && contents(b));
    return { a, b, own, layers: [] };
  }
  const at = placed(a.path, b.path);
  const [ofA, ofB] = [totals(a.all), totals(b.all)];
  const own = [
    ...(a.path === b.path ? [] : [at("name", a.path, b.path)]),
    ...(a.count === b.count ? [] : [at("repeats", a.count, b.count)]),
    ...changed(at, "shape", outShape(a), outShape(b)),
    ...changed(at, "parameters", ofA.parameters, ofB.parameters),
    ...changed(at, "macs", ofA.macs, ofB.macs),
  ];
  return { a, b, own, layers: layers.flatMap((pair) => compareLayers(pair, { a, b }, sources)) };
}

/** `5 x 7 conv, 7 relu, 1 concat`: what a block that only one network has is made of. */
export function contents({ layers, count }: StructureBlock): string {
  const counts = new Map<string, number>();
  for (const { op } of layers) counts.set(op, (counts.get(op) ?? 0) + 1);
  const text = [...counts].map(([op, number]) => (number === 1 ? op : `${number} ${op}`)).join(", ");
  return count === 1 ? text : `${count} x (${text})`;
}

/** What leaves a block: the shape of its last layer. */
export function outShape({ layers }: StructureBlock): readonly number[] | null {
  return knownShape(layers.at(-1)?.shape ?? null);
}

type At = (kind: string, a: DifferenceValue, b: DifferenceValue) => Difference;

function placed(path: string, pathB: string): At {
  return (kind, a, b) => ({ path, ...(pathB === path ? {} : { pathB }), kind, a, b });
}

function found(path: string, kind: string, a: DifferenceValue, b: DifferenceValue): readonly Difference[] {
  return same(a, b) ? [] : [{ path, kind, a, b }];
}

/** A difference where both sides are known and not the same. */
function changed(at: At, kind: string, a: DifferenceValue, b: DifferenceValue): readonly Difference[] {
  return a === null || b === null || same(a, b) ? [] : [at(kind, a, b)];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

// Attributes that every window has, under the words of the differences.
const KINDS: Readonly<Record<string, string>> = { kernelShape: "kernel", strides: "stride", pads: "padding", dilations: "dilation" };
/** Ops whose second weight is a bias. */
const BIASED = new Set(["conv", "convTranspose", "gemm", "Conv", "ConvTranspose", "Gemm"]);

function compareLayers(
  { a, b }: Pair<Layer>,
  blocks: { readonly a: StructureBlock; readonly b: StructureBlock },
  sources: SourceFinder,
): readonly Difference[] {
  if (a === null || b === null) return found((a ?? b)?.path ?? "", "layer", a && layerText(a), b && layerText(b));
  const at = placed(a.path, b.path);
  const renamed = a.path.slice(blocks.a.root.length) !== b.path.slice(blocks.b.root.length);
  const name = renamed ? [at("name", a.path, b.path)] : [];
  const rest = [
    ...changed(at, "shape", knownShape(a.shape), knownShape(b.shape)),
    ...changed(at, "parameters", a.parameters, b.parameters),
    ...changed(at, "macs", a.macs, b.macs),
  ];
  if (a.op !== b.op) return [...name, at("op", layerText(a), layerText(b)), ...rest];
  return [...name, ...compareAttributes(a, b, at), ...compareWeights(a, b, at), ...sources(a, b, at), ...rest];
}

function compareAttributes(a: Layer, b: Layer, at: At): readonly Difference[] {
  const names = [...new Set([...Object.keys(a.attributes), ...Object.keys(b.attributes)])];
  return names.flatMap((name) => {
    const [ofA, ofB] = [a.attributes[name] ?? null, b.attributes[name] ?? null];
    return same(ofA, ofB) ? [] : [at(KINDS[name] ?? name, ofA, ofB)];
  });
}

function compareWeights(a: Layer, b: Layer, at: At): readonly Difference[] {
  if (same(a.weights, b.weights)) return [];
  const biased = BIASED.has(a.op) && a.weights.length !== b.weights.length;
  const bias = biased ? [at("bias", a.weights.length > 1, b.weights.length > 1)] : [];
  const shared = Math.min(a.weights.length, b.weights.length);
  const [ofA, ofB] = biased ? [a.weights.slice(0, shared), b.weights.slice(0, shared)] : [a.weights, b.weights];
  return same(ofA, ofB) ? bias : [...bias, at("weights", ofA, ofB)];
}

/** `maxPool 3x3`, `conv 1x1`, `lrn`: a layer in a few words. */
function layerText({ op, attributes: { kernelShape } }: Layer): string {
  return Array.isArray(kernelShape) ? `${op} ${kernelShape.join("x")}` : op;
}

/** A shape without the batch; null where a size is not known. */
function knownShape(shape: Shape | null): readonly number[] | null {
  if (shape === null || shape.length === 0) return null;
  const sizes = shape.slice(1).filter((size) => typeof size === "number");
  return sizes.length === shape.length - 1 ? sizes : null;
}

type SourceFinder = (a: Layer, b: Layer, at: At) => readonly Difference[];

/**
 * Whether two layers read what belongs together. A layer that only one network has is looked through where it reads one
 * value: a normalization in between does not make a ReLU read something else.
 */
function sourceFinder(a: Structure, b: Structure, twins: ReadonlyMap<Layer, Layer>): SourceFinder {
  const matchedB = new Set(twins.values());
  const sourceOf = (side: Structure, isMatched: (layer: Layer) => boolean, value: string): Layer | string | null => {
    let name = value;
    // A value is made before it is read, so that a step back never comes to the same layer again; files may break that law.
    for (let steps = 0; steps <= side.layers; steps++) {
      const maker = side.makers.get(name);
      if (maker === undefined) return `input ${side.inputs.findIndex((input) => input.name === name)}`;
      if (isMatched(maker)) return maker;
      const [only, ...others] = maker.reads;
      if (only === undefined || others.length > 0) return null;
      name = only;
    }
    return null;
  };
  return (layerA, layerB, at) => {
    const sourcesA = layerA.reads.map((value) => sourceOf(a, (layer) => twins.has(layer), value));
    const sourcesB = layerB.reads.map((value) => sourceOf(b, (layer) => matchedB.has(layer), value));
    const agrees = sourcesA.every((source, index) => {
      const other = sourcesB[index];
      if (source === null || other === null) return true;
      return typeof source === "string" ? source === other : twins.get(source) === other;
    });
    return agrees && sourcesA.length === sourcesB.length ? [] : [at("inputs", layerA.reads, layerB.reads)];
  };
}
