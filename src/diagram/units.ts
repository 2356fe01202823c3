import { type Attributes, type Graph, type Node, typeOf } from "../ir/graph.js";
import { consumersOf, onlyConsumer } from "../ir/uses.js";

/** What a box stands for; the drawings color by it. */
export type DiagramKind = "activation" | "block" | "concat" | "conv" | "head" | "input" | "norm" | "output" | "pool" | "reduction" | "sum";

/** Nodes that are drawn as one box: a convolution with its normalization and ReLU, a pool, a sum. */
export interface Unit {
  /** The module that holds exactly these nodes, or else the path of the first one. */
  readonly path: string;
  /** In a chain: each reads the one before it, and nothing else does. */
  readonly nodes: readonly [Node, ...Node[]];
}

/** How a box reads. */
export interface UnitText {
  readonly kind: DiagramKind;
  /** `Conv 3x3 /2 valid` */
  readonly label: string;
  /** `BN ReLU` */
  readonly lines: readonly string[];
  /** The same in the notation of specification documents 001 and 002: `Conv k=3 s=2 BN ReLU`. */
  readonly notation: string;
}

// What may follow an op inside its box, in this order and each once. Ops without an entry stand alone.
const FOLLOWERS: Readonly<Partial<Record<string, readonly string[]>>> = {
  adaptiveAveragePool: ["flatten"],
  averagePool: ["flatten"],
  batchNormalization: ["relu"],
  conv: ["batchNormalization", "relu", "scale"],
  gemm: ["relu"],
  globalAveragePool: ["flatten"],
  maxPool: ["flatten"],
};

/**
 * The boxes of a part of a network, in the order of the graph.
 *
 * @param scope - the nodes of the part; a value that leaves it ends a box
 */
export function unitsOf(graph: Graph, scope: readonly Node[]): readonly Unit[] {
  const consumers = consumersOf(graph);
  const pathOf = unitPaths(graph);
  const inScope = new Set(scope);
  const taken = new Set<Node>();
  const units: Unit[] = [];
  for (const first of scope) {
    if (taken.has(first)) continue;
    const nodes: [Node, ...Node[]] = [first];
    let allowed = FOLLOWERS[first.op] ?? [];
    for (let next = onlyConsumer(consumers, first); next !== null; next = onlyConsumer(consumers, next)) {
      const position = allowed.indexOf(next.op);
      if (position < 0 || !inScope.has(next)) break;
      allowed = allowed.slice(position + 1);
      nodes.push(next);
    }
    for (const node of nodes) taken.add(node);
    units.push({ path: pathOf(nodes), nodes });
  }
  return units;
}

/** The nodes at `path` or below it. */
export function nodesUnder(graph: Graph, path: string): readonly Node[] {
  return graph.nodes.filter((node) => isWithin(node, path));
}

/** Whether a node belongs to the part at `path`: by its path or, where names are flat as in Caffe, by its stage (`mixed_3x3` to `mixed`). */
export function isWithin({ path, stage }: Pick<Node, "path" | "stage">, part: string): boolean {
  return isUnder(path, part) || (stage === part && path.startsWith(`${part}_`));
}

export function isUnder(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}.`);
}

/** The path of the first module that holds exactly the given nodes, or else that of the first of them. */
function unitPaths(graph: Graph): (nodes: readonly [Node, ...Node[]]) => string {
  const order = new Map<string, number>();
  for (const [index, { path }] of graph.modules.entries()) if (!order.has(path)) order.set(path, index);
  const held = new Map<string, number>();
  for (const node of graph.nodes) {
    for (const path of placesOf(node.path)) if (order.has(path)) held.set(path, (held.get(path) ?? 0) + 1);
  }
  return (nodes) => {
    const [first] = nodes;
    const modules = placesOf(first.path).filter((path) => held.get(path) === nodes.length);
    const own = modules.filter((path) => nodes.every((node) => isUnder(node.path, path)));
    return own.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0))[0] ?? first.path;
  };
}

/** A path and all above it: a.b.c → a.b.c, a, a.b. */
function placesOf(path: string): readonly string[] {
  const places = [path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) places.push(path.slice(0, dot));
  return places;
}

/** The text of a box. */
export function unitText(graph: Graph, unit: Unit): UnitText {
  const [first, ...rest] = unit.nodes;
  const words = rest.flatMap((node) => FOLLOWER_WORDS[node.op]?.(node.attributes) ?? []);
  if (first.op === "batchNormalization") {
    const label = ["BN", ...words].join(" ");
    return { kind: "norm", label, lines: [], notation: label };
  }
  const text = OP_TEXTS[first.op]?.(first, graph) ?? { kind: "head", label: spaced(first.op) };
  const notation = [OP_NOTATIONS[first.op]?.(first, graph) ?? text.label, ...words].join(" ");
  // As the papers mark the convolutions in front of a sum.
  const linear = first.op === "conv" && !rest.some((node) => node.op === "relu") ? ["linear"] : [];
  const scaled = rest.some((node) => node.op === "scale") ? words.splice(-1) : [];
  const line = [...words, ...linear, ...scaled].join(" ");
  return { ...text, lines: line === "" ? [] : [line], notation };
}

// Only what may follow another op; what has no word here shows in the shape that leaves the box.
const FOLLOWER_WORDS: Readonly<Partial<Record<string, (attributes: Attributes) => string>>> = {
  batchNormalization: () => "BN",
  relu: () => "ReLU",
  scale: ({ factor }) => `x ${String(factor)}`,
};

type OpText = (node: Node, graph: Graph) => { readonly kind: DiagramKind; readonly label: string };

// An op that is missing here is drawn under its own name.
const OP_TEXTS: Readonly<Partial<Record<string, OpText>>> = {
  adaptiveAveragePool: ({ attributes }) => ({ kind: "pool", label: `AvgPool to ${numbers(attributes.outputShape).join("x")}` }),
  add: () => ({ kind: "sum", label: "Sum" }),
  averagePool: ({ attributes }) => ({ kind: "pool", label: `AvgPool ${windowText(attributes)}` }),
  concat: () => ({ kind: "concat", label: "Concat" }),
  conv: ({ attributes }) => ({ kind: "conv", label: `Conv ${windowText(attributes)}` }),
  convTranspose: ({ attributes }) => ({ kind: "conv", label: `ConvTranspose ${windowText(attributes)}` }),
  dropout: ({ attributes }) => ({ kind: "head", label: `Dropout ${String(attributes.dropRate)}` }),
  flatten: () => ({ kind: "head", label: "Flatten" }),
  gemm: (node, graph) => ({ kind: "head", label: `Linear ${shapeText(graph, node.outputs[0] ?? "")}` }),
  globalAveragePool: () => ({ kind: "pool", label: "Global AvgPool" }),
  lpNormalization: ({ attributes }) => ({ kind: "head", label: `L${String(attributes.p)} normalize` }),
  lrn: ({ attributes }) => ({ kind: "norm", label: `LRN ${String(attributes.size)}` }),
  maxPool: ({ attributes }) => ({ kind: "pool", label: `MaxPool ${windowText(attributes)}` }),
  relu: () => ({ kind: "activation", label: "ReLU" }),
  scale: ({ attributes }) => ({ kind: "activation", label: `Scale ${String(attributes.factor)}` }),
};

// Where the documents write an operation otherwise than the papers do.
const OP_NOTATIONS: Readonly<Partial<Record<string, (node: Node, graph: Graph) => string>>> = {
  averagePool: ({ attributes }) => `AvgPool ${windowNotation(attributes)}`,
  concat: () => "DepthConcat",
  conv: ({ attributes }) => `Conv ${windowNotation(attributes)}`,
  convTranspose: ({ attributes }) => `ConvTranspose ${windowNotation(attributes)}`,
  globalAveragePool: (node, graph) =>
    `AvgPool k=${bracketed(
      typeOf(graph, node.inputs[0] ?? "")
        .shape.slice(2)
        .map(Number),
    )}`,
  maxPool: ({ attributes }) => `MaxPool ${windowNotation(attributes)}`,
};

/** `384*35*35`: the shape of a value for one image, without the batch, as the specification drawings write it. */
export function shapeText(graph: Graph, value: string): string {
  return typeOf(graph, value).shape.slice(1).join("*");
}

/**
 * A window as the papers write it: `3x3`, `3x3 /2 valid`, `7x7 /2 pad 3`. Padding that keeps the size at stride 1 is not
 * mentioned; "ceil" is a size rounded up.
 */
function windowText(attributes: Attributes): string {
  const kernel = numbers(attributes.kernelShape);
  const strides = numbers(attributes.strides);
  const dilations = numbers(attributes.dilations);
  const strided = strides.some((stride) => stride !== 1);
  const parts = [kernel.join("x")];
  if (strided) parts.push(`/${perAxis(strides, "x")}`);
  // Rounding up matters only where the stride can leave a rest; it reads cells beyond the border, which "valid" denies.
  const ceil = attributes.ceilMode === true && strided ? "ceil" : undefined;
  const padding = paddingText(kernel, dilations, numbers(attributes.pads), strided);
  parts.push(...padding.filter((word) => word !== "valid" || ceil === undefined), ...(ceil ? [ceil] : []));
  if (dilations.some((dilation) => dilation !== 1)) parts.push(`dilation ${perAxis(dilations, "x")}`);
  if (typeof attributes.groups === "number" && attributes.groups !== 1) parts.push(`groups ${attributes.groups}`);
  return parts.join(" ");
}

/**
 * A window as the specification documents write it: `k=3 s=2 p=1`, `k=[1,7] p=[0,3]`; stride 1 and no padding are not
 * mentioned. Pads that differ at begin and end are listed, all begins and then all ends.
 */
function windowNotation(attributes: Attributes): string {
  const kernel = numbers(attributes.kernelShape);
  const pads = numbers(attributes.pads);
  const [begins, ends] = [pads.slice(0, kernel.length), pads.slice(kernel.length)];
  const padding = begins.join() === ends.join() ? begins : pads;
  const parts = [
    { name: "s", values: numbers(attributes.strides), absent: 1 },
    { name: "p", values: padding, absent: 0 },
    { name: "d", values: numbers(attributes.dilations), absent: 1 },
    { name: "g", values: typeof attributes.groups === "number" ? [attributes.groups] : [], absent: 1 },
  ].filter(({ values, absent }) => values.some((value) => value !== absent));
  const ceil = attributes.ceilMode === true && numbers(attributes.strides).some((stride) => stride !== 1) ? ["ceil"] : [];
  return [`k=${bracketed(kernel)}`, ...parts.map(({ name, values }) => `${name}=${bracketed(values)}`), ...ceil].join(" ");
}

/** One number where all are the same, else `[1,7]`. */
function bracketed(values: readonly number[]): string {
  return new Set(values).size === 1 ? String(values[0]) : `[${values.join(",")}]`;
}

function paddingText(
  kernel: readonly number[],
  dilations: readonly number[],
  pads: readonly number[],
  strided: boolean,
): readonly string[] {
  const reach = kernel.map((size, axis) => (dilations[axis] ?? 1) * (size - 1));
  if (reach.every((cells) => cells === 0) && pads.every((pad) => pad === 0)) return [];
  if (pads.every((pad) => pad === 0)) return ["valid"];
  const begins = pads.slice(0, kernel.length);
  const ends = pads.slice(kernel.length);
  const keepsSize = !strided && reach.every((cells, axis) => (begins[axis] ?? 0) + (ends[axis] ?? 0) === cells);
  if (keepsSize) return [];
  const symmetric = begins.every((pad, axis) => pad === ends[axis]);
  return [`pad ${symmetric ? perAxis(begins, ",") : pads.join(",")}`];
}

/** One number where all axes have the same. */
function perAxis(values: readonly number[], separator: string): string {
  return new Set(values).size === 1 ? String(values[0]) : values.join(separator);
}

function numbers(value: Attributes[string] | undefined): readonly number[] {
  return typeof value === "object" ? value : [];
}

/** lpNormalization → lp normalization */
function spaced(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
