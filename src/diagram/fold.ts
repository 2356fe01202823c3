import type { Layout, PlacedEdge, PlacedNode, Point } from "./layout.js";

/** Above this a drawing no longer fits a page or a screen at a readable size; pixels. */
const TALLEST = 1250;
/** Free space on either side of the arrow that leads to the next column. */
const GUTTER = 22;
/** How far that arrow leads on below its box, and comes in above the next. */
const LOOP = 18;

/**
 * A tall drawing as columns side by side, each read downwards. It is cut only where a single arrow passes; a drawing
 * that has no such places at about the right heights stays as it is.
 */
export function foldLayout(layout: Layout): Layout {
  const count = Math.ceil(layout.height / TALLEST);
  const cuts = chooseCuts(layout, count);
  if (cuts.length === 0) return layout;
  const columns = placeColumns(layout, cuts);
  const columnAt = (y: number): Column | undefined => columns.find((column) => y < column.end);
  const move = <P extends Point>(point: P, column: Column | undefined): P =>
    column ? { ...point, x: point.x + column.dx, y: point.y + column.dy } : point;
  const nodes = layout.nodes.map((node): PlacedNode => move(node, columnAt(node.y)));
  const edges = layout.edges.map((edge): PlacedEdge => {
    const [start, end] = [edge.points[0] ?? edge.center, edge.points.at(-1) ?? edge.center];
    const [from, to] = [columnAt(start.y), columnAt(end.y)];
    if (from !== undefined && from !== to) return toNextColumn(edge, move(start, from), move(end, to), from.gutter);
    return { ...edge, points: edge.points.map((point) => move(point, from)), center: move(edge.center, from) };
  });
  const width = Math.max(...columns.map((column) => column.right));
  const height = Math.max(...nodes.map((node) => node.y + node.height), ...edges.flatMap((edge) => edge.points.map((point) => point.y)));
  return { width, height, nodes, edges };
}

interface Cut {
  readonly y: number;
  /** The one arrow that passes there. */
  readonly edge: PlacedEdge;
}

function chooseCuts({ nodes, edges, height }: Layout, columns: number): readonly Cut[] {
  const places = edges
    .map((edge): Cut => ({ y: edge.center.y, edge }))
    .filter(({ y }) => edges.filter(({ points }) => (points[0]?.y ?? y) < y && y < (points.at(-1)?.y ?? y)).length === 1)
    .filter(({ y }) => nodes.every((node) => node.y > y || node.y + node.height < y));
  const cuts: Cut[] = [];
  for (let column = 1; column < columns; column++) {
    const ideal = (height * column) / columns;
    const [best] = places.toSorted((a, b) => Math.abs(a.y - ideal) - Math.abs(b.y - ideal));
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
  /** Where the arrow to the next column goes up. */
  readonly gutter: number;
}

function placeColumns({ nodes, edges, height }: Layout, cuts: readonly Cut[]): readonly Column[] {
  const columns: Column[] = [];
  const ends = [...cuts.map((cut) => cut.y), height + 1];
  for (const [index, end] of ends.entries()) {
    const begin = ends[index - 1] ?? -1;
    const boxes = nodes.filter(({ y }) => y >= begin && y < end);
    const arrows = edges.filter(({ points }) => (points[0]?.y ?? begin) >= begin && (points.at(-1)?.y ?? end) < end);
    const lefts = [...boxes.map(({ x }) => x), ...arrows.map(({ center, labelWidth }) => center.x - labelWidth / 2)];
    const rights = [...boxes.map(({ x, width }) => x + width), ...arrows.map(({ center, labelWidth }) => center.x + labelWidth / 2)];
    const arrowSpace = 2 * GUTTER + (cuts[index - 1]?.edge.labelWidth ?? 0);
    const before = columns.at(-1);
    const dx = (before ? before.right + arrowSpace : 0) - Math.min(...lefts);
    const right = Math.max(...rights) + dx;
    const dy = before ? LOOP - Math.min(...boxes.map(({ y }) => y)) : 0;
    columns.push({ end, dx, dy, right, gutter: right + GUTTER + (cuts[index]?.edge.labelWidth ?? 0) / 2 });
  }
  return columns;
}

/** Down, across to the gutter, up, across to the next column, down. */
function toNextColumn(edge: PlacedEdge, start: Point, end: Point, gutter: number): PlacedEdge {
  const [low, high] = [start.y + LOOP, end.y - LOOP];
  const points = [start, { x: start.x, y: low }, { x: gutter, y: low }, { x: gutter, y: high }, { x: end.x, y: high }, end];
  return { ...edge, points, route: "corners", center: { x: gutter, y: (low + high) / 2 } };
}
