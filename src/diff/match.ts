import { align, type Pair } from "./align.js";
import { type Layer, type Structure, type StructureBlock, singleBlock } from "./structure.js";

/** Two blocks that belong together, or one that the other network has not, and their layers. */
export interface MatchedBlock {
  readonly a: StructureBlock | null;
  readonly b: StructureBlock | null;
  /** Empty where one of the blocks is missing. */
  readonly layers: readonly Pair<Layer>[];
}

/**
 * Blocks by path, then by what they are made of; within two blocks layers by path below the block, then by what they do.
 * Where the names of one network are numbers, paths are not looked at.
 */
export function matchStructures(a: Structure, b: Structure): readonly MatchedBlock[] {
  const named = a.named && b.named;
  const [ofA, ofB] = named ? [a.blocks, b.blocks] : [singleLayers(a), singleLayers(b)];
  const profiles = new Map([...ofA, ...ofB].map((block) => [block, profileOf(block)]));
  const pairs = align(ofA, ofB, {
    keyOf: ({ path }, side) => (named ? path : `${side} ${path}`),
    likeness: (one, other) =>
      named ? blockLikeness(profiles.get(one), profiles.get(other)) : layerLikeness(one.layers[0], other.layers[0]),
  });
  return pairs.map((pair): MatchedBlock => ({ ...pair, layers: pair.a && pair.b ? matchLayers(pair.a, pair.b) : [] }));
}

/** Every layer as a block of its own: names that are numbers group nothing. */
function singleLayers({ blocks }: Structure): readonly StructureBlock[] {
  return blocks.flatMap(({ all }) => all.map((layer) => singleBlock(layer.path, [layer])));
}

function matchLayers(a: StructureBlock, b: StructureBlock): readonly Pair<Layer>[] {
  // A row of equal blocks against one that is none is compared as a whole.
  const whole = isRow(a) !== isRow(b);
  const nameOf = (layer: Layer, side: "a" | "b"): string => {
    const block = side === "a" ? a : b;
    return layer.path.slice((whole ? block.path : block.root).length);
  };
  return align(whole ? a.all : a.layers, whole ? b.all : b.layers, { keyOf: nameOf, likeness: layerLikeness });
}

function isRow({ root, path }: StructureBlock): boolean {
  return root !== path;
}

/** What a block is made of: how often it has each op, and each op with its window, and the size of its map. */
interface Profile {
  readonly ops: ReadonlyMap<string, number>;
  readonly windows: ReadonlyMap<string, number>;
  readonly map: string;
}

/** Blocks that have less in common than this are called different ones. */
const MIN_LIKENESS = 0.7;

function profileOf({ layers }: StructureBlock): Profile {
  return {
    ops: counted(layers.map(({ op }) => op)),
    windows: counted(layers.map((layer) => `${layer.op} ${windowOf(layer)} ${String(layer.attributes.strides)}`)),
    map: (layers.at(-1)?.shape ?? []).slice(2).join(),
  };
}

function blockLikeness(a: Profile | undefined, b: Profile | undefined): number {
  if (a === undefined || b === undefined) return 0;
  const likeness = (common(a.ops, b.ops) + common(a.windows, b.windows)) / 2;
  return likeness < MIN_LIKENESS ? 0 : likeness + (a.map === b.map ? 0.1 : 0);
}

function layerLikeness(a: Layer | undefined, b: Layer | undefined): number {
  if (a === undefined || b === undefined || a.op !== b.op) return 0;
  return 1 + (windowOf(a) === windowOf(b) ? 0.5 : 0) + (String(a.shape) === String(b.shape) ? 0.25 : 0);
}

function windowOf({ attributes }: Layer): string {
  return String(attributes.kernelShape);
}

function counted(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Share of what two bags have in common (Dice), 0 to 1. */
function common(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const size = (bag: ReadonlyMap<string, number>): number => [...bag.values()].reduce((sum, count) => sum + count, 0);
  const shared = [...a].reduce((sum, [text, count]) => sum + Math.min(count, b.get(text) ?? 0), 0);
  return (2 * shared) / Math.max(1, size(a) + size(b));
}
