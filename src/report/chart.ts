import { escapeMarkup } from "../text.js";

/** A curve of a chart. Points with a coordinate that is not finite leave a gap. */
export interface Series {
  readonly name: string;
  /** Colour: what was measured. */
  readonly hue: "train" | "valid" | "second" | "rate";
  /** "faint": the raw values behind a smoothed curve; left out of the legend. "dots": a line with a dot at every point. */
  readonly look: "line" | "faint" | "dots" | "dashed";
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
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
  readonly wide?: boolean;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly x: Range;
  readonly y: Range;
}

const HEIGHT = 280;
const MARGIN = { left: 58, right: 16, top: 16, bottom: 38 } as const;
// More points than pixels only make the file larger.
const MOST_POINTS = 400;

/** A line chart as a figure: title, legend and an inline SVG whose colours are CSS variables of the page. */
export function lineChart(chart: Chart): string {
  const series = chart.series.map((each) => ({ ...each, points: thin(each.points) }));
  const title = `<figcaption><strong>${escapeMarkup(chart.title)}</strong>${legend(series)}</figcaption>`;
  if (!series.some(({ points }) => points.some(isFinitePoint)))
    return `<figure class="chart">${title}<p class="empty">Nothing was measured.</p></figure>`;
  const frame = frameOf(chart, series);
  const body = [...axes(chart, frame), ...series.map((each) => curve(each, frame)), ...marker(chart, frame)];
  const lost = chart.series.reduce((sum, { points }) => sum + points.filter((point) => !isFinitePoint(point)).length, 0);
  return [
    `<figure class="chart${chart.wide ? " wide" : ""}">${title}`,
    // A viewport of its own clips the curves without ids, which several charts of a page would share.
    `<svg viewBox="0 0 ${frame.width} ${frame.height}" role="img" aria-label="${escapeMarkup(chart.title)}">`,
    ...body,
    "</svg>",
    lost === 0 ? "" : `<p class="note">${lost} ${lost === 1 ? "value was" : "values were"} not finite and could not be drawn.</p>`,
    "</figure>",
  ].join("\n");
}

function isFinitePoint({ x, y }: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

/** Means of neighbours, so that at most `MOST_POINTS` remain. Values that are not finite stay a gap. */
function thin(points: readonly Point[]): readonly Point[] {
  const group = Math.ceil(points.length / MOST_POINTS);
  if (group <= 1) return points;
  const mean = (part: readonly Point[], key: "x" | "y"): number => part.reduce((sum, point) => sum + point[key], 0) / part.length;
  return Array.from({ length: Math.ceil(points.length / group) }, (_, index) => {
    const part = points.slice(index * group, (index + 1) * group);
    return { x: mean(part, "x"), y: mean(part, "y") };
  });
}

function legend(series: readonly Series[]): string {
  const shown = series.filter(({ look, points }) => look !== "faint" && points.some(isFinitePoint));
  if (shown.length < 2) return "";
  const entries = shown.map(({ name, hue, look }) => `<span><i class="key ${hue} ${look}"></i>${escapeMarkup(name)}</span>`);
  return `<span class="legend">${entries.join("")}</span>`;
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
    width: chart.wide ? 1100 : 540,
    height: chart.wide ? 200 : HEIGHT,
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

/** 1, 2 or 5 times a power of ten, so that about `count` steps span the range. */
export function niceStep(span: number, count: number): number {
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((each) => each * power >= raw * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function ticks({ low, high }: Range, step: number): readonly number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function placeX(frame: Frame, x: number): number {
  return MARGIN.left + ((x - frame.x.low) / (frame.x.high - frame.x.low)) * (frame.width - MARGIN.left - MARGIN.right);
}

function placeY(frame: Frame, y: number): number {
  return frame.height - MARGIN.bottom - ((y - frame.y.low) / (frame.y.high - frame.y.low)) * (frame.height - MARGIN.top - MARGIN.bottom);
}

function axes(chart: Chart, frame: Frame): readonly string[] {
  const bottom = frame.height - MARGIN.bottom;
  const xStep = Math.max(1, niceStep(frame.x.high - frame.x.low, chart.wide ? 16 : 8));
  const yTicks = ticks(frame.y, niceStep(frame.y.high - frame.y.low, chart.wide ? 3 : 5));
  return [
    ...yTicks.map((y) => {
      const at = px(placeY(frame, y));
      return `<path class="grid" d="M${MARGIN.left} ${at}H${frame.width - MARGIN.right}"/><text x="${MARGIN.left - 8}" y="${at}" dy=".34em" text-anchor="end">${escapeMarkup(chart.format(y))}</text>`;
    }),
    `<path class="axis" d="M${MARGIN.left} ${bottom}H${frame.width - MARGIN.right}"/>`,
    ...ticks(frame.x, xStep).map((x) => {
      const at = px(placeX(frame, x));
      return `<path class="axis" d="M${at} ${bottom}v4"/><text x="${at}" y="${bottom + 17}" text-anchor="middle">${Math.round(x)}</text>`;
    }),
    `<text class="label" x="${(MARGIN.left + frame.width - MARGIN.right) / 2}" y="${frame.height - 5}" text-anchor="middle">${escapeMarkup(chart.xLabel)}</text>`,
  ];
}

function curve({ hue, look, points, name }: Series, frame: Frame): string {
  const top = MARGIN.top - 6;
  const inside = (y: number): number => Math.min(frame.height - MARGIN.bottom, Math.max(top, y));
  const at = ({ x, y }: Point): string => `${px(placeX(frame, x))} ${px(inside(placeY(frame, y)))}`;
  let path = "";
  let pen = "M";
  for (const point of points) {
    if (isFinitePoint(point)) path += `${pen}${at(point)}`;
    pen = isFinitePoint(point) ? "L" : "M";
  }
  const line = `<path class="curve ${hue} ${look}" d="${path}"><title>${escapeMarkup(name)}</title></path>`;
  // A line of a single point is nothing; a dot can be seen.
  const dotted = look === "dots" || points.filter(isFinitePoint).length === 1;
  if (!dotted) return line;
  const dots = points.filter(isFinitePoint).map((point) => `M${at(point)}h0`);
  return `${line}<path class="dot ${hue}" d="${dots.join("")}"/>`;
}

function marker(chart: Chart, frame: Frame): readonly string[] {
  const { marker: point } = chart;
  if (point === undefined || !isFinitePoint(point)) return [];
  const [x, y] = [placeX(frame, point.x), placeY(frame, point.y)];
  // Beside the line, on the side where there is room; away from the curve.
  const right = x < frame.width * 0.6;
  const below = y < frame.height / 2;
  const labelY = below ? frame.height - MARGIN.bottom - 10 : MARGIN.top + 12;
  return [
    `<path class="best-line" d="M${px(x)} ${MARGIN.top}V${frame.height - MARGIN.bottom}"/>`,
    `<circle class="best" cx="${px(x)}" cy="${px(y)}" r="5.5"/>`,
    `<text class="best-label" x="${px(x + (right ? 8 : -8))}" y="${labelY}" text-anchor="${right ? "start" : "end"}">${escapeMarkup(point.label)}</text>`,
  ];
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
