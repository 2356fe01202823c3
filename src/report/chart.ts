/** Line charts over epochs. */
import { escapeMarkup } from "../text.js";
import { folded } from "./page.js";
import { linePath, niceStep, type Point, px, ticks } from "./plot.js";
import { table } from "./table.js";

/** A curve of a chart. Points with a coordinate that is not finite leave a gap. */
export interface Series {
  readonly name: string;
  /** Color: what was measured, or of which class. */
  readonly hue: "train" | "valid" | "second" | "rate" | "cat-1" | "cat-3" | "cat-4";
  /** "faint": the raw values behind a smoothed curve, in neither legend nor table. "dots": a line with a dot at every point. */
  readonly look: "line" | "faint" | "dots" | "dashed";
  readonly points: readonly Point[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  readonly format: (y: number) => string;
  /** A ring around a point, and what it is. */
  readonly marker?: (Point & { readonly label: string }) | undefined;
  /** Values that the vertical axis must show. */
  readonly include?: readonly number[];
}

interface Range {
  readonly low: number;
  readonly high: number;
}

interface Frame {
  readonly x: Range;
  readonly y: Range;
}

const [WIDTH, HEIGHT] = [540, 280];
const MARGIN = { left: 58, right: 16, top: 16, bottom: 38 } as const;
const BOTTOM = HEIGHT - MARGIN.bottom;
const RIGHT = WIDTH - MARGIN.right;
// More points than pixels only make the file larger.
const MAX_POINTS = 400;
/** Rows of the table of a chart whose curves have no dots. */
const MAX_ROWS = 20;

/** A line chart as a figure: title, legend, an inline SVG whose colors are tokens of the page, and its values as a folded table. */
export function lineChart(chart: Chart): string {
  const series = chart.series.map((each) => ({ ...each, points: thin(each.points) }));
  const title = `<figcaption><strong>${escapeMarkup(chart.title)}</strong>${legend(series)}</figcaption>`;
  if (!series.some(({ points }) => points.some(isFinitePoint)))
    return `<figure class="chart">${title}<p class="empty">Nothing was measured.</p></figure>`;
  const frame = frameOf(chart, series);
  const lost = chart.series.reduce((sum, { points }) => sum + points.filter((point) => !isFinitePoint(point)).length, 0);
  return [
    `<figure class="chart">${title}`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeMarkup(chart.title)}">`,
    ...axes(chart, frame),
    ...series.map((each) => curve(each, frame)),
    ...marker(chart, frame),
    "</svg>",
    lost === 0 ? "" : `<p class="note">${lost} ${lost === 1 ? "value was" : "values were"} not finite and could not be drawn.</p>`,
    valueTable(chart, series),
    "</figure>",
  ].join("\n");
}

function isFinitePoint({ x, y }: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

/** Means of neighbors, so that at most `MAX_POINTS` remain. Values that are not finite stay a gap. */
function thin(points: readonly Point[]): readonly Point[] {
  const group = Math.ceil(points.length / MAX_POINTS);
  if (group <= 1) return points;
  const mean = (part: readonly Point[], key: "x" | "y"): number => part.reduce((sum, point) => sum + point[key], 0) / part.length;
  return Array.from({ length: Math.ceil(points.length / group) }, (_, index) => {
    const part = points.slice(index * group, (index + 1) * group);
    return { x: mean(part, "x"), y: mean(part, "y") };
  });
}

/** What a legend and a table name: curves with a value, but not the raw values behind them. */
function namedSeries(series: readonly Series[]): readonly Series[] {
  return series.filter(({ look, points }) => look !== "faint" && points.some(isFinitePoint));
}

/** In the order of the curves at the right edge, from the top. */
function legend(series: readonly Series[]): string {
  const shown = namedSeries(series).toSorted((a, b) => lastValue(b) - lastValue(a));
  if (shown.length < 2) return "";
  const entries = shown.map(({ name, hue, look }) => `<span><i class="key ${hue} ${look}"></i>${escapeMarkup(name)}</span>`);
  return `<span class="legend">${entries.join("")}</span>`;
}

function lastValue({ points }: Series): number {
  return points.findLast(isFinitePoint)?.y ?? Number.NEGATIVE_INFINITY;
}

function frameOf(chart: Chart, series: readonly Series[]): Frame {
  const highX = chart.series.flatMap(({ points }) => points).reduce((most, { x }) => (x > most ? x : most), 0);
  const ys = [...series.flatMap(shownValues), ...(chart.include ?? [])];
  let low = ys.reduce((least, y) => Math.min(least, y), Number.POSITIVE_INFINITY);
  let high = ys.reduce((most, y) => Math.max(most, y), Number.NEGATIVE_INFINITY);
  // From zero on where that costs little room: heights then compare as lengths do.
  if (low > 0 && low < 0.4 * high) low = 0;
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  const step = niceStep(high - low, 5);
  return {
    // The last logged step lies shortly before the end of its epoch: the axis ends with the epoch.
    x: { low: 0, high: Math.max(1, Math.ceil(highX) - highX < 0.1 ? Math.ceil(highX) : highX) },
    y: { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step },
  };
}

/** Of the values of single steps only up to the 98th percentile: one spike must not flatten all curves. */
function shownValues({ look, points }: Series): readonly number[] {
  const values = points.filter(isFinitePoint).map(({ y }) => y);
  if (look === "dots" || values.length < 50) return values;
  return values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length * 0.98));
}

function placeX({ x: range }: Frame, x: number): number {
  return MARGIN.left + ((x - range.low) / (range.high - range.low)) * (RIGHT - MARGIN.left);
}

function placeY({ y: range }: Frame, y: number): number {
  return BOTTOM - ((y - range.low) / (range.high - range.low)) * (BOTTOM - MARGIN.top);
}

function axes(chart: Chart, frame: Frame): readonly string[] {
  const { x, y } = frame;
  const xStep = Math.max(1, niceStep(x.high - x.low, 8));
  const yTicks = ticks(y.low, y.high, niceStep(y.high - y.low, 5));
  return [
    ...yTicks.map((value) => {
      const at = px(placeY(frame, value));
      return `<path class="grid" d="M${MARGIN.left} ${at}H${RIGHT}"/><text x="${MARGIN.left - 8}" y="${at}" dy=".34em" text-anchor="end">${escapeMarkup(chart.format(value))}</text>`;
    }),
    `<path class="axis" d="M${MARGIN.left} ${BOTTOM}H${RIGHT}"/>`,
    ...ticks(x.low, x.high, xStep).map((value) => {
      const at = px(placeX(frame, value));
      return `<path class="axis" d="M${at} ${BOTTOM}v4"/><text x="${at}" y="${BOTTOM + 5}" dy=".95em" text-anchor="middle">${Math.round(value)}</text>`;
    }),
    `<text x="${(MARGIN.left + RIGHT) / 2}" y="${BOTTOM + 20}" dy="1.1em" text-anchor="middle">${escapeMarkup(chart.xLabel)}</text>`,
  ];
}

function curve({ hue, look, points, name }: Series, frame: Frame): string {
  // Clipped here: a clip path needs an id, which several charts of a page would share.
  const inside = (y: number): number => Math.min(BOTTOM, Math.max(MARGIN.top - 6, y));
  const places = points.map((point) => (isFinitePoint(point) ? { x: placeX(frame, point.x), y: inside(placeY(frame, point.y)) } : null));
  const line = `<path class="curve ${hue} ${look}" d="${linePath(places)}"><title>${escapeMarkup(name)}</title></path>`;
  const shown = places.filter((place) => place !== null);
  // A line of a single point is nothing; a dot can be seen.
  if (look !== "dots" && shown.length !== 1) return line;
  return `${line}<path class="dot ${hue}" d="${shown.map((place) => `M${px(place.x)} ${px(place.y)}h0`).join("")}"/>`;
}

function marker(chart: Chart, frame: Frame): readonly string[] {
  const { marker: point } = chart;
  if (point === undefined || !isFinitePoint(point)) return [];
  const [x, y] = [placeX(frame, point.x), placeY(frame, point.y)];
  // Beside the line, on the side where there is room; away from the curve.
  const right = x < WIDTH * 0.6;
  const labelY = y < HEIGHT / 2 ? BOTTOM - 10 : MARGIN.top + 12;
  return [
    `<path class="best-line" d="M${px(x)} ${MARGIN.top}V${BOTTOM}"/>`,
    `<circle class="best" cx="${px(x)}" cy="${px(y)}" r="5.5"/>`,
    `<text class="best-label" x="${px(x + (right ? 8 : -8))}" y="${labelY}" text-anchor="${right ? "start" : "end"}">${escapeMarkup(point.label)}</text>`,
  ];
}

/** A row for each measurement; of curves without dots what they had reached there. */
function valueTable({ title, xLabel, format }: Chart, series: readonly Series[]): string {
  const shown = namedSeries(series);
  const rows = tableRows(shown).map((x) => [
    String(Number(x.toFixed(2))),
    ...shown.map(({ points }) => {
      const y = points.findLast((point) => point.x <= x + 1e-9 && isFinitePoint(point))?.y;
      return y === undefined ? "–" : format(y);
    }),
  ]);
  const columns = [{ head: xLabel, kind: "name" } as const, ...shown.map(({ name }) => ({ head: name, kind: "number" }) as const)];
  return folded("Show as table", table(title, { columns, rows }));
}

function tableRows(series: readonly Series[]): readonly number[] {
  const dotted = series.filter(({ look }) => look === "dots" || look === "dashed");
  const points = (dotted.length > 0 ? dotted : series).flatMap((each) => each.points.filter(isFinitePoint));
  const all = [...new Set(points.map(({ x }) => x))].toSorted((a, b) => a - b);
  const every = dotted.length > 0 ? 1 : Math.ceil(all.length / MAX_ROWS);
  return all.filter((_, index) => (all.length - 1 - index) % every === 0);
}
