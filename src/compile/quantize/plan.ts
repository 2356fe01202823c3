import { InceptionError } from "../../errors.js";
import type { Graph, Node } from "../../ir/graph.js";
import { type Consumers, consumersOf, producersOf } from "../../ir/uses.js";
import { at } from "../../tensor/at.js";
import { quantizeRule } from "./rules.js";

export interface PlanOptions {
  /** Paths of layers and modules that stay float, with all below them. Default none. */
  readonly keep?: readonly string[];
  /** Keep the layers float that no other layer with a kernel comes before. Default false. */
  readonly keepFirst?: boolean;
  /** Keep the layers float that no other layer with a kernel comes behind. Default false. */
  readonly keepLast?: boolean;
}

/** What of a network is computed with integers. */
export interface QuantizationPlan {
  /** Paths of the nodes that work on levels. */
  readonly nodes: ReadonlySet<string>;
  /** The rectifiers that vanish, by the value that they cut: what quantizing that gives is theirs. */
  readonly rectified: ReadonlyMap<string, string>;
  /** Values that are quantized, and for each the value whose range it has, which may be itself. */
  readonly ranges: ReadonlyMap<string, string>;
  /** Paths of the nodes with a kernel that stay float. */
  readonly kept: readonly string[];
}

/**
 * Decide what of a network becomes integers: every layer with a kernel unless it is kept, and between such layers what can
 * pass levels on. What no layer with a kernel reads later is left float: its levels would cost accuracy and save nothing.
 *
 * @param graph - folded (see `foldNetwork`), so that rectifiers stand right behind their layers
 * @throws InceptionError OPTION_INVALID for a path that no node is at or below; where nothing is left to quantize
 */
export function planQuantization(graph: Graph, options: PlanOptions = {}): QuantizationPlan {
  const walk = { graph, consumers: consumersOf(graph), producers: producersOf(graph.nodes), keep: keptPaths(graph, options) };
  const { nodes, rectified } = withoutUnread(walk, forward(walk));
  const isWeighted = (node: Node): boolean => quantizeRule(node.op)?.kind === "weighted";
  if (!graph.nodes.some((node) => isWeighted(node) && nodes.has(node.path))) {
    const fact = graph.nodes.some(isWeighted)
      ? "all of its layers with weights stay in float32"
      : "it has no convolution and no linear layer";
    throw new InceptionError("OPTION_INVALID", `Cannot quantize "${graph.name}": ${fact}, expected at least one int8 layer`, {
      graph: graph.name,
    });
  }
  const levels = quantizedValues(walk, nodes, rectified);
  return {
    nodes,
    rectified,
    ranges: new Map([...levels].map((value) => [value, rangeOwner(walk, nodes, levels, value)] as const)),
    kept: graph.nodes.filter((node) => isWeighted(node) && !nodes.has(node.path)).map(({ path }) => path),
  };
}

interface Walk {
  readonly graph: Graph;
  readonly consumers: Consumers;
  readonly producers: ReadonlyMap<string, Node>;
  readonly keep: ReadonlySet<string>;
}

type Chosen = Pick<QuantizationPlan, "nodes" | "rectified">;

function keptPaths(graph: Graph, { keep = [], keepFirst = false, keepLast = false }: PlanOptions): ReadonlySet<string> {
  const below = (prefix: string) => graph.nodes.filter(({ path }) => path === prefix || path.startsWith(`${prefix}.`));
  const named = keep.flatMap((prefix) => {
    const found = below(prefix);
    if (found.length > 0) return found;
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot keep "${prefix}" of "${graph.name}" in float32: expected the path of a layer or module`,
      {
        path: prefix,
      },
    );
  });
  const ends = [
    ...(keepFirst ? endLayers(graph.nodes, "inputs", "outputs") : []),
    ...(keepLast ? endLayers(graph.nodes.toReversed(), "outputs", "inputs") : []),
  ];
  return new Set([...named, ...ends].map(({ path }) => path));
}

/** The layers with a kernel before which, walking the nodes in this order, there is no other. */
function endLayers(nodes: readonly Node[], from: "inputs" | "outputs", to: "inputs" | "outputs"): readonly Node[] {
  const behind = new Set<string>();
  return nodes.filter((node) => {
    const isWeighted = quantizeRule(node.op)?.kind === "weighted";
    const isBehind = node[from].some((value) => behind.has(value));
    if (isWeighted || isBehind) for (const value of node[to]) behind.add(value);
    return isWeighted && !isBehind;
  });
}

/** The nodes that can work on levels: layers with a kernel, and what reads the results of such nodes alone. */
function forward({ graph, consumers, producers, keep }: Walk): Chosen {
  const nodes = new Set<string>();
  const rectified = new Map<string, string>();
  const rectifiers = new Set<string>();
  const isMadeOnLevels = (value: string): boolean => {
    const producer = producers.get(value);
    return producer !== undefined && nodes.has(producer.path);
  };
  const givesLevels = (value: string): boolean => isMadeOnLevels(value) || rectifiers.has(value);
  for (const node of graph.nodes) {
    const rule = quantizeRule(node.op);
    if (rule === undefined || keep.has(node.path)) continue;
    if (rule.kind === "rectifier") {
      const [x, y] = [at(node.inputs, 0), at(node.outputs, 0)];
      if (!isMadeOnLevels(x) || consumers.get(x)?.length !== 1) continue;
      rectified.set(x, y);
      rectifiers.add(y);
    } else if (rule.fits(graph, node) && (rule.kind === "weighted" || node.inputs.every(givesLevels))) nodes.add(node.path);
  }
  return { nodes, rectified };
}

/** Without the nodes, other than layers with a kernel, that no node on levels reads. */
function withoutUnread({ graph, consumers }: Walk, { nodes, rectified }: Chosen): Chosen {
  const kept = new Set(nodes);
  const dropped = new Set<string>();
  for (const node of graph.nodes.toReversed()) {
    const output = at(node.outputs, 0);
    if (!kept.has(node.path) || quantizeRule(node.op)?.kind === "weighted") continue;
    const list = consumers.get(rectified.get(output) ?? output) ?? [];
    if (list.some((reader) => reader !== "output" && kept.has(reader.path))) continue;
    kept.delete(node.path);
    dropped.add(output);
  }
  return { nodes: kept, rectified: new Map([...rectified].filter(([value]) => !dropped.has(value))) };
}

/** What is quantized: what nodes on levels read, and what they give where it must be levels or is read as such. */
function quantizedValues(
  { graph, consumers }: Walk,
  nodes: ReadonlySet<string>,
  rectified: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const levels = new Set<string>();
  for (const node of graph.nodes) {
    const rule = quantizeRule(node.op);
    if (!nodes.has(node.path) || rule === undefined) continue;
    for (const input of rule.kind === "weighted" ? node.inputs.slice(0, 1) : node.inputs) levels.add(input);
    const output = at(node.outputs, 0);
    const result = rectified.get(output) ?? output;
    const isRead = (consumers.get(result) ?? []).some((reader) => reader !== "output" && nodes.has(reader.path));
    if (isRead || !(rule.kind === "weighted" && rule.gives === "either")) levels.add(result);
  }
  return levels;
}

/** Whose range a value has: its source's where levels are passed on, that of the concatenation that alone reads it, or its own. */
function rangeOwner(walk: Walk, nodes: ReadonlySet<string>, levels: ReadonlySet<string>, value: string): string {
  const maker = walk.producers.get(value);
  if (maker !== undefined && nodes.has(maker.path) && quantizeRule(maker.op)?.kind === "same") {
    return rangeOwner(walk, nodes, levels, at(maker.inputs, 0));
  }
  const [reader, ...more] = walk.consumers.get(value) ?? [];
  if (reader === undefined || reader === "output" || more.length > 0 || reader.op !== "concat" || !nodes.has(reader.path)) return value;
  // A rectifier vanishes only where level 0 is 0, which takes a range that begins there.
  const vanishes = maker !== undefined && !nodes.has(maker.path);
  if (vanishes && !reader.inputs.every((input) => isNeverNegative(walk.producers, input))) return value;
  return rangeOwner(walk, nodes, levels, at(reader.outputs, 0));
}

/** Ops whose results lie between the values that they read. */
const BETWEEN: ReadonlySet<string> = new Set(["averagePool", "concat", "flatten", "globalAveragePool", "maxPool", "reshape"]);

function isNeverNegative(producers: ReadonlyMap<string, Node>, value: string): boolean {
  const maker = producers.get(value);
  if (maker === undefined) return false;
  if (maker.op === "relu") return true;
  return BETWEEN.has(maker.op) && maker.inputs.every((input) => isNeverNegative(producers, input));
}
