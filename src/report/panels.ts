/** Small multiples as one SVG: a row for each quantity, a column for each variant, the same axes along a row. */
import { escapeMarkup } from "../text.js";
import { linePath, niceStep, type Point, px, ticks } from "./plot.js";
import { PANEL_CSS, PLOT_CSS } from "./style.js";
import { colorProperties } from "./tokens.js";

/** Color of a line: what was measured, or which of several runs. */
export type PanelHue = "train" | "valid" | "second" | "cat-1" | "cat-2" | "cat-3";

export interface Line {
  readonly hue: PanelHue;
  /** Shown when pointed at. */
  readonly name: string;
  /** What is not finite (on a logarithmic axis: not positive) is a gap. */
  readonly points: readonly Point[];
}

export interface PanelRow {
  readonly label: string;
  /** "share": 0 to 1 in percent; "log": powers of ten. */
  readonly axis: "share" | "log";
  /** The lines of each column. */
  readonly panels: readonly (readonly Line[])[];
}

export interface PanelFigure {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly PanelRow[];
  /** Which colors are in the figure, and what they mean. */
  readonly legend: readonly { readonly hue: PanelHue; readonly name: string }[];
  readonly xLabel: string;
}

const PANEL = { width: 230, height: 130, gapX: 26, gapY: 26 } as const;
const LEFT = 74;
const TOP = 84;
const BOTTOM = 46;
const MAX_DECADES = 8;

const ROLES = ["surface", "ink", "soft", "line", "train", "valid", "second", "cat-1", "cat-2", "cat-3"] as const;

/** A file of its own brings the tokens and rules that a page has. */
const STANDALONE_CSS = `
.panels{${colorProperties("light", ROLES)}}
@media (prefers-color-scheme:dark){.panels{${colorProperties("dark", ROLES)}}}
${PLOT_CSS}${PANEL_CSS}`;

/**
 * The figure as a file of its own.
 *
 * @param embedded - part of a page, whose tokens it takes. Default false.
 */
export function panelSvg({ title, columns, rows, legend, xLabel }: PanelFigure, embedded = false): string {
  const width = LEFT + columns.length * (PANEL.width + PANEL.gapX);
  const height = TOP + rows.length * (PANEL.height + PANEL.gapY) + BOTTOM - PANEL.gapY;
  const highX = rows
    .flatMap((row) => row.panels.flat().flatMap(({ points }) => points.map(({ x }) => x)))
    .reduce((a, b) => Math.max(a, b), 1);
  const leftOf = (column: number): number => LEFT + column * (PANEL.width + PANEL.gapX);
  const body = rows.flatMap((row, rowIndex) => {
    const scale = scaleOf(row);
    const y = TOP + rowIndex * (PANEL.height + PANEL.gapY);
    return [
      `<text class="head" transform="translate(16 ${y + PANEL.height / 2}) rotate(-90)" text-anchor="middle">${escapeMarkup(row.label)}</text>`,
      ...columns.flatMap((_, column) => {
        return [
          `<g transform="translate(${leftOf(column)} ${y})">`,
          ...panel(row.panels[column] ?? [], scale, highX, column === 0),
          "</g>",
        ];
      }),
    ];
  });
  const heads = columns.map(
    (text, column) =>
      `<text class="head" x="${leftOf(column) + PANEL.width / 2}" y="${TOP - 10}" text-anchor="middle">${escapeMarkup(text)}</text>`,
  );
  return [
    `<svg class="panels" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeMarkup(title)}">`,
    `${embedded ? "" : `<style>${STANDALONE_CSS}</style>`}<rect class="back" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${escapeMarkup(title)}</text>`,
    ...legend.map(({ hue, name }, index) => {
      const x = 16 + index * 110;
      return `<path class="curve ${hue}" d="M${x} 44h22"/><text x="${x + 28}" y="48">${escapeMarkup(name)}</text>`;
    }),
    ...heads,
    ...body,
    ...columns.map((_, column) => xTicks(leftOf(column), height - BOTTOM, highX)),
    `<text x="${LEFT + (width - LEFT - PANEL.gapX) / 2}" y="${height - 8}" text-anchor="middle">${escapeMarkup(xLabel)}</text>`,
    "</svg>\n",
  ].join("\n");
}

/** A vertical axis: where a value is, 0 at the bottom and 1 at the top, or null where it cannot be shown. */
interface Scale {
  readonly place: (value: number) => number | null;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

function scaleOf({ axis, panels }: PanelRow): Scale {
  if (axis === "share") {
    const marks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: `${at * 100}%` }));
    return { place: (value) => (Number.isFinite(value) ? value : null), ticks: marks };
  }
  const exponents = panels
    .flat()
    .flatMap(({ points }) => points.map(({ y }) => Math.log10(y)))
    .filter(Number.isFinite);
  const high = Math.max(1, Math.ceil(exponents.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)));
  const found = Math.floor(exponents.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
  const [low, top] = exponents.length === 0 ? [0, 1] : [Math.max(found, high - MAX_DECADES), high];
  const span = Math.max(1, top - low);
  const every = niceStep(span, 4) < 1 ? 1 : Math.round(niceStep(span, 4));
  const marks = Array.from({ length: Math.floor(span / every) + 1 }, (_, index) => low + index * every);
  return {
    // What lies below the decades that are shown is drawn at their edge.
    place: (value) => (value > 0 && Number.isFinite(value) ? Math.max(0, (Math.log10(value) - low) / span) : null),
    ticks: marks.map((exponent) => ({ at: (exponent - low) / span, text: powerText(exponent) })),
  };
}

function powerText(exponent: number): string {
  return exponent >= -3 && exponent <= 4 ? String(Number((10 ** exponent).toPrecision(1))) : `1e${exponent}`;
}

function panel(lines: readonly Line[], { place, ticks: marks }: Scale, highX: number, first: boolean): readonly string[] {
  const down = (share: number): number => (1 - share) * PANEL.height;
  return [
    ...marks.map(({ at }) => `<path class="grid" d="M0 ${px(down(at))}H${PANEL.width}"/>`),
    ...(first ? marks.map(({ at, text }) => `<text x="-6" y="${px(down(at))}" dy=".34em" text-anchor="end">${text}</text>`) : []),
    `<rect class="box" width="${PANEL.width}" height="${PANEL.height}"/>`,
    ...(lines.length === 0 ? [`<text x="${PANEL.width / 2}" y="${PANEL.height / 2}" text-anchor="middle">not run</text>`] : []),
    ...lines.map(({ points, hue, name }) => {
      const path = linePath(
        points.map(({ x, y }) => {
          const share = place(y);
          return share === null ? null : { x: (x / highX) * PANEL.width, y: down(share) };
        }),
      );
      return `<path class="curve ${hue}" d="${path}"><title>${escapeMarkup(name)}</title></path>`;
    }),
  ];
}

function xTicks(left: number, top: number, highX: number): string {
  return ticks(0, highX, Math.max(1, niceStep(highX, 4)))
    .map((x) => `<text x="${px(left + (x / highX) * PANEL.width)}" y="${top + 16}" text-anchor="middle">${x}</text>`)
    .join("");
}
