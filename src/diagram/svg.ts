import { escapeMarkup } from "../text.js";
import type { Diagram } from "./diagram.js";
import { foldLayout } from "./fold.js";
import { type Layout, layoutDiagram, type PlacedEdge, type PlacedNode, type Point, TEXT } from "./layout.js";
import { COLORS, INK, PALE_INK } from "./palette.js";
import { amountText, shownText, textWidth } from "./text.js";

const MARGIN = 18;
// A title names a network and a path in it; it may be wider than a small drawing.
const LONGEST_TITLE = 100;
const TITLE = { size: 15, height: 34 } as const;
/** The line below the title. */
const TOTALS = { size: 11.5, height: 16 } as const;
export const FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
const ARROW = { color: "#6b7580", length: 7, halfWidth: 3.5 } as const;
const CORNER = 8;
/** How far the card behind a row of equal blocks shows. */
const STACK = 4;

/**
 * A drawing as SVG: boxes colored by kind with their parameters and multiply-adds, arrows with the shapes that pass, the
 * full path of a box as its tooltip. One self-contained file without style sheets, scripts, links or fonts, on a white
 * ground, so that it looks the same on paper and on pages of any color.
 */
export async function diagramSvg(diagram: Diagram): Promise<string> {
  const layout = foldLayout(await layoutDiagram(diagram));
  const title = shownText(diagram.title, LONGEST_TITLE);
  const totals = totalsText(diagram);
  const head = TITLE.height + (totals === "" ? 0 : TOTALS.height);
  const widest = Math.max(layout.width, textWidth(title, TITLE.size, true), textWidth(totals, TOTALS.size));
  const width = Math.ceil(widest + 2 * MARGIN);
  const height = Math.ceil(layout.height + head + 2 * MARGIN);
  const left = (width - layout.width) / 2;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${FONT}">`,
    `<title>${escapeMarkup(diagram.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    textLine(title, { x: width / 2, y: MARGIN + TITLE.size }, `font-size="${TITLE.size}" font-weight="bold" fill="${INK}"`),
    ...(totals === ""
      ? []
      : [textLine(totals, { x: width / 2, y: MARGIN + TITLE.size + 18 }, `font-size="${TOTALS.size}" fill="${PALE_INK}"`)]),
    `<g transform="translate(${round(left)} ${MARGIN + head})">`,
    ...drawing(layout),
    "</g>",
    "</svg>",
  ].join("\n")}\n`;
}

/** What the numbers in the boxes are, and their sums. */
function totalsText({ nodes }: Diagram): string {
  const [params, macs] = [nodes.reduce((sum, node) => sum + node.params, 0), nodes.reduce((sum, node) => sum + node.macs, 0)];
  return params === 0 && macs === 0 ? "" : `${amountText(params)} parameters · ${amountText(macs)} MACs, in each box its own`;
}

/** Arrows lie under the boxes, and labels over the arrows. */
function drawing({ nodes, edges }: Layout): readonly string[] {
  return [
    `<g fill="none" stroke="${ARROW.color}" stroke-width="1.3">`,
    ...edges.map((edge) => `<path d="${edge.route === "curve" ? curve(edge.points) : corners(edge.points)}"/>`),
    "</g>",
    `<g fill="${ARROW.color}">`,
    ...edges.map((edge) => `<path d="${arrowHead(edge.points.at(-1))}"/>`),
    "</g>",
    ...nodes.map(box),
    `<g font-size="${TEXT.edge}" fill="${PALE_INK}">`,
    ...edges.map(edgeLabel),
    "</g>",
  ];
}

function box({ node, x, y, width, height, label, lines, cost }: PlacedNode): string {
  const { fill, stroke } = COLORS[node.kind];
  const radius = node.kind === "input" || node.kind === "output" ? 13 : 6;
  const card = (shift: number): string =>
    `<rect x="${round(x + shift)}" y="${round(y + shift)}" width="${round(width)}" height="${round(height)}" rx="${round(radius)}" fill="${fill}" stroke="${stroke}" stroke-width="1.2"/>`;
  const middle = x + width / 2;
  const rows = lines.length + (cost === "" ? 0 : 1);
  const top = y + (height - TEXT.labelHeight - rows * TEXT.lineHeight) / 2;
  // A baseline lies about a quarter of the line above its lower edge.
  const baseline = (line: number): number => top + TEXT.labelHeight * 0.76 + line * TEXT.lineHeight;
  return [
    "<g>",
    `<title>${escapeMarkup(node.path)}</title>`,
    ...(node.count > 1 ? [card(STACK)] : []),
    card(0),
    textLine(label, { x: middle, y: baseline(0) }, `font-size="${TEXT.label}" font-weight="bold" fill="${INK}"`),
    ...lines.map((line, index) => textLine(line, { x: middle, y: baseline(index + 1) }, `font-size="${TEXT.line}" fill="${INK}"`)),
    ...(cost === "" ? [] : [textLine(cost, { x: middle, y: baseline(rows) }, `font-size="${TEXT.cost}" fill="${PALE_INK}"`)]),
    "</g>",
  ].join("\n");
}

function edgeLabel({ label, center, labelWidth }: PlacedEdge): string {
  const ground = `<rect x="${round(center.x - labelWidth / 2)}" y="${round(center.y - TEXT.edgeHeight / 2)}" width="${round(labelWidth)}" height="${TEXT.edgeHeight}" fill="#ffffff" fill-opacity="0.9"/>`;
  return ground + textLine(label, { x: center.x, y: center.y + TEXT.edge * 0.36 }, "");
}

function textLine(text: string, at: Point, attributes: string): string {
  return `<text x="${round(at.x)}" y="${round(at.y)}" text-anchor="middle"${attributes === "" ? "" : ` ${attributes}`}>${escapeMarkup(text)}</text>`;
}

/** Straight down where two points are above each other, else a curve that leaves and arrives vertically. */
function curve(points: readonly Point[]): string {
  const [start, ...rest] = points;
  if (start === undefined) return "";
  let path = `M${round(start.x)} ${round(start.y)}`;
  let from = start;
  for (const [index, point] of rest.entries()) {
    const y = index === rest.length - 1 ? point.y - ARROW.length + 1 : point.y;
    const half = (from.y + y) / 2;
    const straight = Math.abs(point.x - from.x) < 0.05;
    path += straight ? `V${round(y)}` : `C${round(from.x)} ${round(half)} ${round(point.x)} ${round(half)} ${round(point.x)} ${round(y)}`;
    from = { x: point.x, y };
  }
  return path;
}

/** Lines along the axes, with rounded corners. */
function corners(points: readonly Point[]): string {
  const [start, ...rest] = points;
  if (start === undefined) return "";
  let path = `M${round(start.x)} ${round(start.y)}`;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    if (next === undefined) return `${path}L${round(point.x)} ${round(point.y - ARROW.length + 1)}`;
    const before = towards(point, points[index] ?? start);
    const after = towards(point, next);
    path += `L${round(before.x)} ${round(before.y)}Q${round(point.x)} ${round(point.y)} ${round(after.x)} ${round(after.y)}`;
  }
  return path;
}

/** The point one corner radius away, or half way where that is less. */
function towards(from: Point, to: Point): Point {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const part = distance === 0 ? 0 : Math.min(CORNER, distance / 2) / distance;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

function arrowHead(tip: Point | undefined): string {
  if (tip === undefined) return "";
  const base = tip.y - ARROW.length;
  return `M${round(tip.x - ARROW.halfWidth)} ${round(base)}H${round(tip.x + ARROW.halfWidth)}L${round(tip.x)} ${round(tip.y)}Z`;
}

/** A tenth of a pixel is finer than anything that is shown, and keeps files the same on every machine. */
function round(length: number): string {
  const tenths = Math.round(length * 10);
  return String(tenths === 0 ? 0 : tenths / 10);
}
