/** Small multiples as one SVG: a row for each quantity, a column for each variant, the same axes along a row. */

import { escapeMarkup } from "../text.js";
import { niceStep } from "./chart.js";

export interface Line {
  /** Which of the colours, from 0. */
  readonly tone: number;
  /** Shown when pointed at. */
  readonly name: string;
  /** What is not finite (on a logarithmic axis: not positive) is a gap. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
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
  /** Which colours are in the figure, and what they mean. */
  readonly legend: readonly { readonly tone: number; readonly name: string }[];
  readonly xLabel: string;
}

const PANEL = { width: 230, height: 130, gapX: 26, gapY: 26 } as const;
const LEFT = 74;
const TOP = 84;
const BOTTOM = 46;
const MOST_DECADES = 8;

const STYLE = `
.panels text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#5a6572}
.panels .title{font-size:15px;font-weight:600;fill:#1b1f24}.panels .head{font-weight:600;fill:#1b1f24}
.panels .back{fill:#fff}.panels .box{fill:none;stroke:#c3cad2}.panels .grid{stroke:#e1e5ea;fill:none}
.panels .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.panels .t0{stroke:#d2571e}.panels .t1{stroke:#8a63b8}.panels .t2{stroke:#2f72b0}
@media (prefers-color-scheme:dark){.panels text{fill:#96a2b0}.panels .title,.panels .head{fill:#e5e9ee}.panels .back{fill:#171d24}.panels .box{stroke:#46515d}.panels .grid{stroke:#2a323c}.panels .t0{stroke:#f2995c}.panels .t1{stroke:#b795e6}.panels .t2{stroke:#6ea8f0}}
`;

/** The figure as a file of its own; the same text may stand in a page. */
export function panelSvg({ title, columns, rows, legend, xLabel }: PanelFigure): string {
  const width = LEFT + columns.length * (PANEL.width + PANEL.gapX);
  const height = TOP + rows.length * (PANEL.height + PANEL.gapY) + BOTTOM - PANEL.gapY;
  const highX = rows
    .flatMap((row) => row.panels.flat().flatMap(({ points }) => points.map(({ x }) => x)))
    .reduce((a, b) => Math.max(a, b), 1);
  const body = rows.flatMap((row, rowIndex) => {
    const scale = scaleOf(row);
    const y = TOP + rowIndex * (PANEL.height + PANEL.gapY);
    return [
      `<text class="head" transform="translate(16 ${y + PANEL.height / 2}) rotate(-90)" text-anchor="middle">${escapeMarkup(row.label)}</text>`,
      ...columns.flatMap((_, column) => {
        const x = LEFT + column * (PANEL.width + PANEL.gapX);
        return [`<g transform="translate(${x} ${y})">`, ...panel(row.panels[column] ?? [], scale, highX, column === 0), "</g>"];
      }),
    ];
  });
  const heads = columns.map((text, column) => {
    const x = LEFT + column * (PANEL.width + PANEL.gapX) + PANEL.width / 2;
    return `<text class="head" x="${x}" y="${TOP - 10}" text-anchor="middle">${escapeMarkup(text)}</text>`;
  });
  return [
    `<svg class="panels" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeMarkup(title)}">`,
    `<style>${STYLE}</style><rect class="back" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${escapeMarkup(title)}</text>`,
    ...legend.map(({ tone, name }, index) => {
      const x = 16 + index * 110;
      return `<path class="line t${tone}" d="M${x} 44h22"/><text x="${x + 28}" y="48">${escapeMarkup(name)}</text>`;
    }),
    ...heads,
    ...body,
    ...columns.map((_, column) => xTicks(LEFT + column * (PANEL.width + PANEL.gapX), height - BOTTOM, highX)),
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
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: `${at * 100} %` }));
    return { place: (value) => (Number.isFinite(value) ? value : null), ticks };
  }
  const exponents = panels
    .flat()
    .flatMap(({ points }) => points.map(({ y }) => Math.log10(y)))
    .filter(Number.isFinite);
  const high = Math.max(1, Math.ceil(exponents.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)));
  const found = Math.floor(exponents.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
  const [low, top] = exponents.length === 0 ? [0, 1] : [Math.max(found, high - MOST_DECADES), high];
  const span = Math.max(1, top - low);
  const every = niceStep(span, 4) < 1 ? 1 : Math.round(niceStep(span, 4));
  const ticks = Array.from({ length: Math.floor(span / every) + 1 }, (_, index) => low + index * every);
  return {
    // What lies below the decades that are shown is drawn at their edge.
    place: (value) => (value > 0 && Number.isFinite(value) ? Math.max(0, (Math.log10(value) - low) / span) : null),
    ticks: ticks.map((exponent) => ({ at: (exponent - low) / span, text: powerText(exponent) })),
  };
}

function powerText(exponent: number): string {
  return exponent >= -3 && exponent <= 4 ? String(Number((10 ** exponent).toPrecision(1))) : `1e${exponent}`;
}

function panel(lines: readonly Line[], { place, ticks }: Scale, highX: number, first: boolean): readonly string[] {
  const down = (share: number) => px((1 - share) * PANEL.height);
  return [
    ...ticks.map(({ at }) => `<path class="grid" d="M0 ${down(at)}H${PANEL.width}"/>`),
    ...(first ? ticks.map(({ at, text }) => `<text x="-6" y="${down(at)}" dy=".34em" text-anchor="end">${text}</text>`) : []),
    `<rect class="box" width="${PANEL.width}" height="${PANEL.height}"/>`,
    ...(lines.length === 0 ? [`<text x="${PANEL.width / 2}" y="${PANEL.height / 2}" text-anchor="middle">not run</text>`] : []),
    ...lines.map((line) => curve(line, place, down, highX)),
  ];
}

function curve({ points, tone, name }: Line, place: Scale["place"], down: (share: number) => string, highX: number): string {
  let path = "";
  let pen = "M";
  for (const { x, y } of points) {
    const share = place(y);
    if (share !== null) path += `${pen}${px((x / highX) * PANEL.width)} ${down(share)}`;
    pen = share === null ? "M" : "L";
  }
  return `<path class="line t${tone}" d="${path}"><title>${escapeMarkup(name)}</title></path>`;
}

function xTicks(left: number, top: number, highX: number): string {
  const step = Math.max(1, niceStep(highX, 4));
  return Array.from({ length: Math.floor(highX / step) + 1 }, (_, index) => index * step)
    .map((x) => `<text x="${px(left + (x / highX) * PANEL.width)}" y="${top + 16}" text-anchor="middle">${x}</text>`)
    .join("");
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
