import { InceptionError } from "../errors.js";
import type { Graph, Node } from "../ir/graph.js";
import { typeOf } from "../ir/graph.js";
import { isUnder, isWithin, nodesUnder, unitsOf } from "./units.js";

/** A part of the network that is drawn by itself. */
export interface Block {
  readonly path: string;
  readonly nodes: readonly Node[];
  /** How many equal blocks in a row it stands for; `nodes` are those of the first. */
  readonly count: number;
  /** What the paths of `nodes` begin with: `path`, or that of the first block of a module that is a row of them. */
  readonly root: string;
  /** The outermost parts that it stands for: one, or several equal ones that follow each other under names of their own. */
  readonly members: readonly string[];
  /** The last of several members. */
  readonly last?: string;
}

/**
 * The parts of a network as its overview shows them: the outermost modules, and nodes outside any module, in order. A
 * module that is a row of equal blocks `<path>.0`, `<path>.1`, … keeps its path and has the nodes of the first; modules
 * that are equal and follow each other, such as `A0`, `A1`, …, are one part with the path of the first.
 */
export function outermostBlocks(graph: Graph): readonly Block[] {
  return foldRuns(graph, outermostParts(graph));
}

function outermostParts(graph: Graph): readonly Block[] {
  const paths = new Set(graph.modules.map((module) => module.path));
  const members = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    const path = outermost(paths, node);
    const known = members.get(path);
    if (known) known.push(node);
    else members.set(path, [node]);
  }
  return [...members].map(([path, nodes]): Block => {
    const [first, ...others] = equalBlocks(graph, path);
    if (first === undefined) return { path, nodes, count: 1, root: path, members: [path] };
    return { path, nodes: first.nodes, count: 1 + others.length, root: first.path, members: [path] };
  });
}

/** Equal parts that each read nothing but the one before, which nothing else reads, as one part. */
function foldRuns(graph: Graph, parts: readonly Block[]): readonly Block[] {
  const chain = chainOf(graph, parts);
  const likeness = new Map(parts.map((part) => [part, likenessOf(graph, { path: part.root, nodes: part.nodes })] as const));
  const folded: Block[] = [];
  let before: Block | undefined;
  for (const part of parts) {
    const row = folded.at(-1);
    const continues = part.count === 1 && before?.count === 1 && chain.get(part) === before && likeness.get(part) === likeness.get(before);
    if (row && continues && unitsOf(graph, part.nodes).length > 1) {
      folded[folded.length - 1] = { ...row, count: row.count + 1, members: [...row.members, part.path], last: part.path };
    } else folded.push(part);
    before = part;
  }
  return folded;
}

/** For each part the one part that it reads, where that is read by no other and gives no output of the network. */
function chainOf(graph: Graph, parts: readonly Block[]): ReadonlyMap<Block, Block> {
  const makers = new Map(parts.flatMap((part) => part.nodes.flatMap((node) => node.outputs.map((output) => [output, part] as const))));
  const shown = new Set(graph.outputs.map(({ value }) => value));
  const readers = new Map<Block, Set<Block>>();
  const sources = new Map<Block, Set<Block | null>>();
  const parameters = new Set(graph.parameters.map(({ path }) => path));
  for (const part of parts) {
    for (const value of part.nodes.flatMap((node) => node.inputs)) {
      const maker = makers.get(value) ?? null;
      if (maker === part || parameters.has(value)) continue;
      sources.set(part, (sources.get(part) ?? new Set()).add(maker));
      if (maker) readers.set(maker, (readers.get(maker) ?? new Set()).add(part));
    }
  }
  return new Map(
    parts.flatMap((part) => {
      const [source, ...others] = sources.get(part) ?? [];
      const hidden = source?.nodes.every((node) => node.outputs.every((output) => !shown.has(output)));
      return source && hidden && others.length === 0 && readers.get(source)?.size === 1 ? [[part, source] as const] : [];
    }),
  );
}

/** The shortest of `paths` that a node belongs to, or the node's own path. */
export function outermost(paths: ReadonlySet<string>, { path, stage }: Pick<Node, "path" | "stage">): string {
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const ancestor = path.slice(0, dot);
    if (paths.has(ancestor)) return ancestor;
  }
  return paths.has(stage) && isWithin({ path, stage }, stage) ? stage : path;
}

/**
 * The block at a path. A row of equal blocks gives the first of them.
 *
 * @throws InceptionError OPTION_INVALID naming close paths, or some of the blocks where none is close
 */
export function findBlock(graph: Graph, path: string): Block {
  const [first, ...others] = equalBlocks(graph, path);
  if (first) return { ...first, count: 1 + others.length, root: first.path, members: [path] };
  const nodes = nodesUnder(graph, path);
  if (nodes.length > 0) return { path, nodes, count: 1, root: path, members: [path] };
  throw unknownBlock(graph, path);
}

interface Place {
  readonly path: string;
  readonly nodes: readonly Node[];
}

/** The blocks `<path>.0`, `<path>.1`, … if they are all there is at the path, are equal, and are more than single units. */
function equalBlocks(graph: Graph, path: string): readonly Place[] {
  const numbered = graph.modules.filter((module) => isUnder(module.path, path) && /^\.\d+$/.test(module.path.slice(path.length)));
  const [first, ...others] = numbered.map((module) => ({ path: module.path, nodes: nodesUnder(graph, module.path) }));
  if (first === undefined || unitsOf(graph, first.nodes).length < 2) return [];
  const all = [first, ...others];
  const size = all.reduce((total, block) => total + block.nodes.length, 0);
  const likeness = likenessOf(graph, first);
  const equal = size === nodesUnder(graph, path).length && others.every((block) => likenessOf(graph, block) === likeness);
  return equal ? all : [];
}

/** A text that two blocks share if they have the same layers with the same shapes, and read the same shapes. */
export function likenessOf(graph: Graph, { path, nodes }: Place): string {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  return JSON.stringify(
    nodes.map((node) => [
      node.op,
      node.path.slice(path.length),
      node.inputs.map((input) => (made.has(input) || isUnder(input, path) ? input.slice(path.length) : typeOf(graph, input).shape)),
      node.attributes,
      node.outputs.map((output) => typeOf(graph, output).shape),
    ]),
  );
}

// A message stays on one screen; a network has up to 60 outermost parts and some hundred modules.
const MAX_NAMES = 8;
// No module path in use is half as long; what is longer is cut in the message and matched with nothing.
const LONGEST_SHOWN = 100;

function unknownBlock(graph: Graph, path: string): InceptionError {
  const shown = JSON.stringify(path.length > LONGEST_SHOWN ? `${path.slice(0, LONGEST_SHOWN)}...` : path);
  const close = closePaths(graph, path);
  const names = close.length > 0 ? close : availablePaths(graph);
  const listed = names.slice(0, MAX_NAMES).map((name) => `"${name}"`);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return new InceptionError(
    "OPTION_INVALID",
    `Cannot draw block ${shown} of "${graph.name}": expected the path of a module, such as ${listed.join(", ")}${more}`,
    { graph: graph.name, block: path, names },
  );
}

/** The parts that have something to show inside, or all where none has. */
function availablePaths(graph: Graph): readonly string[] {
  const blocks = outermostBlocks(graph);
  const composed = blocks.filter((block) => unitsOf(graph, block.nodes).length > 1);
  return (composed.length > 0 ? composed : blocks).map((block) => block.path);
}

/** Module paths within a third of the given one's letters, closest first; of equally close ones the graph's order decides. */
function closePaths(graph: Graph, path: string): readonly string[] {
  if (path.length > LONGEST_SHOWN) return [];
  const most = Math.max(1, Math.floor(path.length / 3));
  return [...new Set(graph.modules.map((module) => module.path))]
    .filter((candidate) => Math.abs(candidate.length - path.length) <= most)
    .map((candidate) => ({ candidate, distance: editDistance(path.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= most && nodesUnder(graph, candidate).length > 0)
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate);
}

/** Letters to insert, delete or replace to get from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
