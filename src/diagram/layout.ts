import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import type { Diagram, DiagramEdge, DiagramNode } from "./diagram.js";
import { amountText, shownText, textWidth } from "./text.js";

/** Where everything of a drawing stands. All lengths are pixels, y grows downwards. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A box and the lines of text in it; x and y are its top left corner. */
export interface PlacedNode extends Point {
  readonly node: DiagramNode;
  readonly width: number;
  readonly height: number;
  readonly label: string;
  readonly lines: readonly string[];
  /** `9.25 k · 118 M`: parameters and multiply-adds; "" where it has neither. */
  readonly cost: string;
}

/** An arrow from the bottom of a box to the top of another, and its label around `center`. */
export interface PlacedEdge {
  readonly edge: DiagramEdge;
  readonly points: readonly Point[];
  /** "curve": vertical at every point; "corners": straight lines along the axes. */
  readonly route: "curve" | "corners";
  readonly label: string;
  readonly center: Point;
  readonly labelWidth: number;
}

/** Font sizes and line heights; the drawing is meant to be read at its own size. */
export const TEXT = { label: 13, line: 11.5, edge: 11, cost: 10.5, labelHeight: 17, lineHeight: 15, edgeHeight: 15 } as const;

const BOX = { padX: 12, padY: 7, minWidth: 84 } as const;
/** Beside boxes, beside arrows, and above and below a label together. */
const GAPS = { nodesep: 26, edgesep: 16, ranksep: 28 } as const;
/** Between arrows that leave or enter a box side by side. */
const PORT_GAP = 18;
/** Added to the height of a layer whose arrows lead far aside. */
const MAX_ADDED = 24;

/**
 * Place the boxes of a diagram in layers from top to bottom, with few crossings and room for every label.
 *
 * The layout library is loaded by the first call, so that a program that draws nothing does not pay for it.
 *
 * @throws InceptionError OPTION_INVALID where there are too many boxes and arrows to place
 */
export async function layoutDiagram(diagram: Diagram): Promise<Layout> {
  checkSize(diagram);
  const { Graph, layout } = await loadLibrary();
  const numbers = new Map(diagram.nodes.map((node, index) => [node.id, String(index)]));
  // Numbers instead of ids: a name out of a file must not meet the library's own names.
  const numberOf = (id: string): string => {
    const number = numbers.get(id);
    if (number === undefined) throw new RangeError(`Cannot place diagram "${diagram.title}": an edge names node "${id}", which is absent`);
    return number;
  };
  const sheet = new Graph({ multigraph: true });
  sheet.setGraph({ ...GAPS });
  const boxes = diagram.nodes.map(measureNode);
  const place = readingOrder(diagram);
  for (const { node, width, height } of boxes.toSorted((a, b) => place(a.node.id) - place(b.node.id))) {
    sheet.setNode(numberOf(node.id), { width, height });
  }
  const numbered = diagram.edges.map((edge, index) => ({ ...edge, index }));
  for (const { from, to, shape, index } of numbered.toSorted((a, b) => place(a.to) - place(b.to))) {
    const size = { width: edgeLabelWidth(shape), height: TEXT.edgeHeight, labelpos: "c" } as const;
    sheet.setEdge(numberOf(from), numberOf(to), size, String(index));
  }
  layout(sheet);
  const nodes = boxes.map((box): PlacedNode => {
    const { x = 0, y = 0 } = sheet.node(numberOf(box.node.id));
    return { ...box, x: x - box.width / 2, y: y - box.height / 2 };
  });
  const links = diagram.edges.map((edge, index): Link => {
    const { x = 0, y = 0, points = [] } = sheet.edge(numberOf(edge.from), numberOf(edge.to), String(index));
    // The first and the last point lie on the boxes; ports replace them.
    return { edge, center: { x, y }, bends: points.slice(1, -1) };
  });
  const { width = 0, height = 0 } = sheet.graph();
  const ordered = new Set(diagram.nodes.filter((node) => node.kind === "concat").map((node) => node.id));
  const turned = leansBackwards(links.filter((link) => ordered.has(link.edge.to))) ? mirrored(width, nodes, links) : { nodes, links };
  return stretched({ width, height, nodes: turned.nodes, edges: drawLinks(turned.nodes, turned.links) });
}

/**
 * The places of boxes when a drawing is read from its ends back to its beginning, branch by branch in the order in which
 * they are joined. The library begins with the order in which it is given boxes and arrows.
 */
function readingOrder({ nodes, edges }: Diagram): (id: string) => number {
  const before = new Map<string, string[]>();
  for (const { from, to } of edges) before.set(to, [...(before.get(to) ?? []), from]);
  const places = new Map<string, number>();
  const seen = new Set<string>();
  for (const { id } of nodes.toReversed()) {
    // A stack of boxes and of how many of their arrows were followed: drawings are deeper than calls may nest.
    const path = [{ id, next: 0 }];
    seen.add(id);
    for (let top = path.at(-1); top !== undefined && !places.has(top.id); top = path.at(-1)) {
      const source = before.get(top.id)?.[top.next++];
      if (source === undefined) {
        places.set(top.id, places.size);
        path.pop();
      } else if (!seen.has(source)) {
        seen.add(source);
        path.push({ id: source, next: 0 });
      }
    }
  }
  return (id) => places.get(id) ?? 0;
}

/** What is used of the layout library: sizes go in, and places come out, of the same records. */
interface Library {
  readonly Graph: new (options: { readonly multigraph: boolean }) => Sheet;
  readonly layout: (sheet: Sheet) => unknown;
}

interface Sheet {
  setGraph(gaps: Readonly<Record<string, number>>): unknown;
  setNode(name: string, size: Readonly<Record<"width" | "height", number>>): unknown;
  setEdge(from: string, to: string, label: Readonly<Record<string, number | string>>, name: string): unknown;
  graph(): Partial<Record<"width" | "height", number>>;
  node(name: string): Partial<Point>;
  edge(from: string, to: string, name: string): Partial<Point> & { readonly points?: readonly Point[] };
}

async function loadLibrary(): Promise<Library> {
  // The library's own types do not resolve, because its type files import each other without file endings.
  return await import("@dagrejs/dagre");
}

/** An edge as the library lays it: the middle of its label, and the points between its boxes. */
interface Link {
  readonly edge: DiagramEdge;
  readonly center: Point;
  readonly bends: readonly Point[];
}

/** Whether most arrows that enter a box side by side do so in the reverse of the order in which the box reads them. */
function leansBackwards(links: readonly Link[]): boolean {
  let balance = 0;
  for (const [index, first] of links.entries()) {
    for (const second of links.slice(index + 1).filter((link) => link.edge.to === first.edge.to)) {
      balance += Math.sign((second.bends.at(-1)?.x ?? 0) - (first.bends.at(-1)?.x ?? 0));
    }
  }
  return balance < 0;
}

/** The other of two layouts that are equally good to the library, which does not know that a concatenation has an order. */
function mirrored(width: number, nodes: readonly PlacedNode[], links: readonly Link[]) {
  const turn = (point: Point): Point => ({ x: width - point.x, y: point.y });
  return {
    nodes: nodes.map((node): PlacedNode => ({ ...node, x: width - node.x - node.width })),
    links: links.map((link): Link => ({ ...link, center: turn(link.center), bends: link.bends.map(turn) })),
  };
}

// 500 boxes in a row take a second; the library's recursion overflows the stack at about 2000.
const MAX_BOXES = 500;
const MAX_ARROWS = 1000;

function checkSize({ title, nodes, edges }: Diagram): void {
  if (nodes.length <= MAX_BOXES && edges.length <= MAX_ARROWS) return;
  const size = `it has ${formatCount(nodes.length)} boxes and ${formatCount(edges.length)} arrows, the limits are ${formatCount(MAX_BOXES)} and ${formatCount(MAX_ARROWS)}`;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot draw diagram ${JSON.stringify(shownText(title))}: ${size}; draw one of its blocks, or write it as dot, json or mermaid`,
    { boxes: nodes.length, arrows: edges.length },
  );
}

function measureNode(node: DiagramNode): PlacedNode {
  const label = shownText(node.label);
  const lines = node.lines.map((line) => shownText(line));
  const cost = node.params === 0 && node.macs === 0 ? "" : costText(node);
  const widest = Math.max(
    textWidth(label, TEXT.label, true),
    ...lines.map((line) => textWidth(line, TEXT.line)),
    textWidth(cost, TEXT.cost),
  );
  const width = Math.max(BOX.minWidth, Math.ceil(widest) + 2 * BOX.padX);
  const height = 2 * BOX.padY + TEXT.labelHeight + (lines.length + (cost === "" ? 0 : 1)) * TEXT.lineHeight;
  return { node, x: 0, y: 0, width, height, label, lines, cost };
}

/** `9.25 k · 118 M`: parameters and multiply-adds. */
function costText({ params, macs }: Pick<DiagramNode, "params" | "macs">): string {
  return `${amountText(params)} · ${amountText(macs)}`;
}

function edgeLabelWidth(shape: string): number {
  return Math.ceil(textWidth(shownText(shape), TEXT.edge)) + 6;
}

/** A link with its boxes. */
interface Route extends Link {
  readonly from: PlacedNode;
  readonly to: PlacedNode;
}

/** The strip that the boxes or labels of one layer take. */
interface Band {
  readonly middle: number;
  readonly top: number;
  readonly bottom: number;
}

function drawLinks(nodes: readonly PlacedNode[], links: readonly Link[]): readonly PlacedEdge[] {
  const boxes = new Map(nodes.map((node) => [node.node.id, node]));
  const routes = links.flatMap((link): Route[] => {
    const [from, to] = [boxes.get(link.edge.from), boxes.get(link.edge.to)];
    return from && to ? [{ ...link, from, to }] : [];
  });
  const bands = layerBands(nodes, routes);
  const starts = ports(routes, "from");
  const ends = ports(routes, "to");
  return routes.map((route): PlacedEdge => {
    const start = { x: starts.get(route) ?? 0, y: route.from.y + route.from.height };
    const end = { x: ends.get(route) ?? 0, y: route.to.y };
    // Sideways only between layers: a box that is lower than its neighbors leaves its layer straight.
    const out = { x: start.x, y: bandAt(bands, route.from.y + route.from.height / 2).bottom };
    const into = { x: end.x, y: bandAt(bands, route.to.y + route.to.height / 2).top };
    const between = route.bends.flatMap(({ x, y }) => {
      const { top, bottom } = bandAt(bands, y);
      return [
        { x, y: top },
        { x, y: bottom },
      ];
    });
    const points = [start, out, ...between, into, end].filter((point, index, all) => !samePoint(point, all[index - 1]));
    return {
      edge: route.edge,
      route: "curve",
      points,
      label: shownText(route.edge.shape),
      center: route.center,
      labelWidth: edgeLabelWidth(route.edge.shape),
    };
  });
}

function layerBands(nodes: readonly PlacedNode[], routes: readonly Route[]): readonly Band[] {
  const spans = [
    ...nodes.map(({ y, height }) => ({ middle: y + height / 2, half: height / 2 })),
    ...routes.map(({ center }) => ({ middle: center.y, half: TEXT.edgeHeight / 2 })),
  ];
  const bands = new Map<number, Band>();
  for (const { middle, half } of spans) {
    const known = bands.get(Math.round(middle));
    const tallest = Math.max(half, known ? known.bottom - known.middle : 0);
    bands.set(Math.round(middle), { middle, top: middle - tallest, bottom: middle + tallest });
  }
  return [...bands.values()];
}

function bandAt(bands: readonly Band[], y: number): Band {
  return bands.find(({ top, bottom }) => y >= top && y <= bottom) ?? { middle: y, top: y, bottom: y };
}

/** Where on its box each edge starts or ends: side by side around the middle, in the order of where they lead. */
function ports(routes: readonly Route[], end: "from" | "to"): ReadonlyMap<Route, number> {
  const places = new Map<Route, number>();
  for (const box of new Set(routes.map((route) => route[end]))) {
    const bend = (route: Route): number => (end === "from" ? route.bends[0]?.x : route.bends.at(-1)?.x) ?? 0;
    const here = routes.filter((route) => route[end] === box).sort((a, b) => bend(a) - bend(b));
    const gap = Math.min(PORT_GAP, (box.width - 2 * BOX.padX) / Math.max(1, here.length - 1));
    for (const [index, route] of here.entries()) places.set(route, box.x + box.width / 2 + (index - (here.length - 1) / 2) * gap);
  }
  return places;
}

function samePoint(a: Point, b: Point | undefined): boolean {
  return b !== undefined && Math.abs(a.x - b.x) < 0.05 && Math.abs(a.y - b.y) < 0.05;
}

/** The same drawing with more height where arrows lead sideways, so that they are not flat; more for farther ones. */
function stretched({ width, height, nodes, edges }: Layout): Layout {
  const added = new Map<number, number>();
  for (const { points } of edges) {
    for (const [index, point] of points.entries()) {
      const aside = Math.abs((points[index + 1]?.x ?? point.x) - point.x);
      const place = Math.round(point.y);
      if (aside >= 1) added.set(place, Math.max(added.get(place) ?? 0, Math.min(MAX_ADDED, 6 + aside / 12)));
    }
  }
  const down = (y: number): number => y + [...added].reduce((sum, [place, extra]) => (place < y - 1 ? sum + extra : sum), 0);
  const move = <P extends Point>(point: P): P => ({ ...point, y: down(point.y) });
  return {
    width,
    height: down(height),
    nodes: nodes.map(move),
    edges: edges.map((edge) => ({ ...edge, points: edge.points.map(move), center: move(edge.center) })),
  };
}
