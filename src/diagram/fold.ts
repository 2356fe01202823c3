import type { Layout, PlacedEdge, PlacedNode, Point } from "./layout.js";

/** The printed part of an A4 sheet with 10 mm of margin, in pixels of 1/96 inch. */
const SHEET = { short: 718, long: 1047 } as const;
/** More columns than that are hard to follow. */
const MAX_COLUMNS = 4;
/** A column more must make the print this much larger. */
const MIN_GAIN = 1.08;
/** How many arrows may pass where a drawing is cut. */
const MAX_PASSING = 3;
/** What each arrow beyond the first costs a cut, as a share of the drawing's height off its ideal place. */
const PASSING_COST = 0.04;
/** Free space on either side of the arrow that leads to the next column. */
const GUTTER = 22;
/** Between arrows that go up side by side, and between arrows that lead over a column. */
const LANE = 18;
/** Between arrows where they lead across, below one row of boxes or above another. */
const BESIDE = 6;
/** How far an arrow to another column leads on below its box, and comes in above the next. */
const LOOP = 12;

/**
 * A tall drawing as columns side by side, each read downwards: as many as make it largest on a sheet of A4, upright or
 * not. It is cut where one arrow passes, or few; what leads over a whole column goes above it. A drawing that has no such
 * places at about the right heights stays as it is.
 */
export function foldLayout(layout: Layout): Layout {
  let best = layout;
  for (let count = 2; count <= MAX_COLUMNS; count++) {
    const cuts = chooseCuts(layout, count);
    if (cuts.length === 0) continue;
    const folded = foldAt(layout, cuts);
    if (printScale(folded) > MIN_GAIN * printScale(best)) best = folded;
  }
  return best;
}

/** By how much a drawing shrinks on a sheet of A4, whichever way it is held; at most 1. */
export function printScale({ width, height }: Pick<Layout, "width" | "height">): number {
  const upright = Math.min(SHEET.short / width, SHEET.long / height);
  return Math.min(1, Math.max(upright, Math.min(SHEET.long / width, SHEET.short / height)));
}

interface Cut {
  readonly y: number;
  readonly passing: number;
}

function chooseCuts({ nodes, edges, height }: Layout, columns: number): readonly Cut[] {
  const places = edges
    .map(({ center: { y } }): Cut => ({ y, passing: edges.filter((edge) => startOf(edge).y < y && y < endOf(edge).y).length }))
    .filter(({ y, passing }) => passing <= MAX_PASSING && nodes.every((node) => node.y > y || node.y + node.height < y));
  const cuts: Cut[] = [];
  for (let column = 1; column < columns; column++) {
    const ideal = (height * column) / columns;
    const cost = ({ y, passing }: Cut): number => Math.abs(y - ideal) / height + PASSING_COST * (passing - 1);
    const [best] = places.toSorted((a, b) => cost(a) - cost(b));
    // Half a column off, two cuts could meet, and one column would be as tall as before.
    if (best === undefined || Math.abs(best.y - ideal) > height / (2 * columns)) return [];
    cuts.push(best);
  }
  return cuts;
}

/** What lies above `end` and below the column before it, and how far it moves. */
interface Column {
  readonly end: number;
  readonly dx: number;
  readonly dy: number;
  readonly right: number;
  readonly nodes: readonly PlacedNode[];
}

/** An arrow from one column to another. */
interface Crossing {
  readonly edge: PlacedEdge;
  readonly from: number;
  readonly to: number;
}

function foldAt(layout: Layout, cuts: readonly Cut[]): Layout {
  const ends = [...cuts.map((cut) => cut.y), layout.height + 1];
  const columnAt = (y: number): number => ends.findIndex((end) => y < end);
  const crossings = layout.edges.flatMap((edge): Crossing[] => {
    const [from, to] = [columnAt(startOf(edge).y), columnAt(endOf(edge).y)];
    return from === to ? [] : [{ edge, from, to }];
  });
  const over = crossings.filter(({ from, to }) => to > from + 1);
  const top = over.length * LANE;
  const columns = placeColumns(layout, ends, crossings, top);
  const move = <P extends Point>(point: P, column: number): P => {
    const { dx = 0, dy = 0 } = columns[column] ?? {};
    return { ...point, x: point.x + dx, y: point.y + dy };
  };
  const nodes = columns.flatMap((column, index) => column.nodes.map((node) => move(node, index)));
  const edges = layout.edges.map((edge): PlacedEdge => {
    const crossing = crossings.find((candidate) => candidate.edge === edge);
    const column = columnAt(startOf(edge).y);
    if (crossing) return toColumn(crossing, columns, crossings, move);
    return { ...edge, points: edge.points.map((point) => move(point, column)), center: move(edge.center, column) };
  });
  const points = edges.flatMap((edge) => edge.points);
  const width = Math.max(...columns.map((column) => column.right), ...points.map(({ x }) => x));
  const height = Math.max(...nodes.map((node) => node.y + node.height), ...points.map(({ y }) => y));
  const order = new Map(layout.nodes.map((node, index) => [node.node.id, index]));
  return { width, height, nodes: nodes.toSorted((a, b) => (order.get(a.node.id) ?? 0) - (order.get(b.node.id) ?? 0)), edges };
}

function placeColumns({ nodes, edges }: Layout, ends: readonly number[], crossings: readonly Crossing[], top: number): readonly Column[] {
  const columns: Column[] = [];
  for (const [index, end] of ends.entries()) {
    const begin = ends[index - 1] ?? -1;
    const boxes = nodes.filter(({ y }) => y >= begin && y < end);
    const arrows = edges.filter((edge) => startOf(edge).y >= begin && endOf(edge).y < end);
    const lefts = [
      ...boxes.map(({ x }) => x),
      ...arrows.flatMap(({ center, labelWidth, points }) => [center.x - labelWidth / 2, ...xs(points)]),
    ];
    const rights = [
      ...boxes.map(({ x, width }) => x + width),
      ...arrows.flatMap(({ center, labelWidth, points }) => [center.x + labelWidth / 2, ...xs(points)]),
    ];
    const before = columns.at(-1);
    const dx = (before ? before.right + laneOffsets(crossings, index - 1).width : 0) - Math.min(...lefts);
    const entering = crossings.filter(({ to }) => to === index).length;
    const dy = top + (before ? LOOP + BESIDE * Math.max(0, entering - 1) - Math.min(...boxes.map(({ y }) => y)) : 0);
    columns.push({ end, dx, dy, right: Math.max(...rights) + dx, nodes: boxes });
  }
  return columns;
}

/**
 * The arrows that go up or down between a column and the next: those that end there, the rightmost first, so that the lanes of
 * others lie around its own, and those that lead over a column.
 */
function lanesOf(
  crossings: readonly Crossing[],
  gutter: number,
): { readonly near: readonly Crossing[]; readonly far: readonly Crossing[] } {
  return {
    near: crossings
      .filter(({ from, to }) => from === gutter && to === gutter + 1)
      .toSorted((a, b) => startOf(b.edge).x - startOf(a.edge).x),
    far: crossings.filter(({ from, to }) => to > from + 1 && (from === gutter || to === gutter + 1)),
  };
}

/** Where the lanes of a gutter are, from its left edge: near ones so that no label lies on another's line, then far ones. */
function laneOffsets(
  crossings: readonly Crossing[],
  gutter: number,
): { readonly of: (crossing: Crossing) => number; readonly width: number } {
  const { near, far } = lanesOf(crossings, gutter);
  // Arrows over a column have their labels above it.
  const label = Math.max(0, ...near.map(({ edge }) => edge.labelWidth));
  const step = label / 2 + LANE / 2;
  const nearEnd = near.length === 0 ? GUTTER - LANE : GUTTER + label + (near.length - 1) * step;
  return {
    of: (crossing) => {
      const index = near.indexOf(crossing);
      return index >= 0 ? GUTTER + label / 2 + index * step : nearEnd + (far.indexOf(crossing) + 1) * LANE;
    },
    width: nearEnd + far.length * LANE + GUTTER,
  };
}

/** Down, across to the gutter, up, across to the column, down; over a column in between through another gutter. */
function toColumn(
  crossing: Crossing,
  columns: readonly Column[],
  crossings: readonly Crossing[],
  move: (point: Point, column: number) => Point,
): PlacedEdge {
  const { edge, from, to } = crossing;
  const [start, end] = [move(startOf(edge), from), move(endOf(edge), to)];
  const low = lowBase(columns, crossing) + LOOP + BESIDE * placeBelow(crossing, columns, crossings);
  const high = highBase(columns, crossing) - LOOP - BESIDE * placeAbove(crossing, columns, crossings);
  const lane = (gutter: number): number => (columns[gutter]?.right ?? 0) + laneOffsets(crossings, gutter).of(crossing);
  const up = lane(from);
  if (to === from + 1) {
    const points = [start, { x: start.x, y: low }, { x: up, y: low }, { x: up, y: high }, { x: end.x, y: high }, end];
    const beside = lanesOf(crossings, from).near.indexOf(crossing);
    return { ...edge, points, route: "corners", center: { x: up, y: (low + high) / 2 + 2 * LANE * beside } };
  }
  const down = lane(to - 1);
  const above = LANE * (crossings.filter((other) => other.to > other.from + 1).indexOf(crossing) + 0.5);
  const points = [
    ...[start, { x: start.x, y: low }, { x: up, y: low }, { x: up, y: above }],
    ...[{ x: down, y: above }, { x: down, y: high }, { x: end.x, y: high }, end],
  ];
  return { ...edge, points, route: "corners", center: { x: (up + down) / 2, y: above } };
}

/** Where the row of boxes ends that an arrow leaves. */
function lowBase(columns: readonly Column[], { edge, from }: Crossing): number {
  return bottomAround(columns[from], startOf(edge).y) + (columns[from]?.dy ?? 0);
}

/** Where the row of boxes begins that an arrow enters. */
function highBase(columns: readonly Column[], { edge, to }: Crossing): number {
  return topAround(columns[to], endOf(edge).y) + (columns[to]?.dy ?? 0);
}

/** How many arrows lead across between an arrow and the row that it leaves: those whose lanes come before its own. */
function placeBelow(crossing: Crossing, columns: readonly Column[], crossings: readonly Crossing[]): number {
  const { near, far } = lanesOf(crossings, crossing.from);
  const all = [...near, ...far.filter(({ from }) => from === crossing.from)];
  return all.filter((other) => lowBase(columns, other) === lowBase(columns, crossing)).indexOf(crossing);
}

/** How many arrows lead across between an arrow and the row that it enters: those whose lanes come behind its own; what leads over a column comes from above. */
function placeAbove(crossing: Crossing, columns: readonly Column[], crossings: readonly Crossing[]): number {
  const { near, far } = lanesOf(crossings, crossing.to - 1);
  const all = [...near.toReversed(), ...far.filter(({ to }) => to === crossing.to)];
  return all.filter((other) => highBase(columns, other) === highBase(columns, crossing)).indexOf(crossing);
}

/** Below the boxes that stand beside one that ends at y. */
function bottomAround(column: Column | undefined, y: number): number {
  const beside = (column?.nodes ?? []).filter((node) => node.y < y && node.y + node.height >= y);
  return Math.max(y, ...beside.map((node) => node.y + node.height));
}

/** Above the boxes that stand beside one that begins at y. */
function topAround(column: Column | undefined, y: number): number {
  const beside = (column?.nodes ?? []).filter((node) => node.y <= y && node.y + node.height > y);
  return Math.min(y, ...beside.map((node) => node.y));
}

function startOf({ points, center }: PlacedEdge): Point {
  return points[0] ?? center;
}

function endOf({ points, center }: PlacedEdge): Point {
  return points.at(-1) ?? center;
}

function xs(points: readonly Point[]): readonly number[] {
  return points.map(({ x }) => x);
}
