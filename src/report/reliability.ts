/** How well the probabilities of a classifier agree with what happened: reliability diagrams and measures. */
import type { MeasuredCalibration } from "../confidence/measure.js";
import type { ReliabilityBin } from "../confidence/quality.js";
import { escapeMarkup, formatCount } from "../text.js";
import { formatPercent } from "../train/progress.js";
import { folded, note, section } from "./page.js";
import { px, ticks } from "./plot.js";
import { table } from "./table.js";

/** Measures of the probabilities as they are, and where a temperature was fitted, of the calibrated ones. */
export interface ShownCalibration {
  readonly images: number;
  readonly before: MeasuredCalibration;
  readonly fitted: { readonly temperature: number; readonly after: MeasuredCalibration } | null;
  /** Why there is no temperature, and what makes the measures uncertain; sentences without a full stop. */
  readonly remarks: readonly string[];
}

/** The section of a page: a diagram before calibration and one after it, and the measures with their intervals. */
export function calibrationSection({ images, before, fitted, remarks }: ShownCalibration): string {
  const remark = fitted === null ? "not calibrated" : `temperature ${fitted.temperature.toFixed(3)}`;
  const parts =
    fitted === null
      ? [reliabilityDiagram("Reliability", before.reliability)]
      : [
          reliabilityDiagram("Before calibration", before.reliability),
          reliabilityDiagram("After calibration, cross-fitted", fitted.after.reliability),
        ];
  const markup = `<div class="charts">${[...parts, `<div>${measureTable(before, fitted?.after ?? null)}</div>`].join("\n")}</div>`;
  const notes = [
    ...remarks,
    "Bars: accuracy of the predictions with a confidence in the bin; hatched: its difference from their mean confidence",
  ];
  return section("Calibration", `${markup}${notes.map((text) => note(`${text}.`)).join("")}`, `${formatCount(images)} images, ${remark}`);
}

const NAMES = { nll: "NLL", brier: "Brier score", ece: "ECE" } as const;

function measureTable(before: MeasuredCalibration, after: MeasuredCalibration | null): string {
  const sides = after === null ? [before] : [before, after];
  const shown = (value: number): string => value.toFixed(4);
  return table("Measures of the probabilities", {
    columns: [
      { head: "Measure", kind: "name" },
      ...["Value", "95% interval", ...(after === null ? [] : ["Calibrated", "95% interval"])].map(
        (head) => ({ head, kind: "number" }) as const,
      ),
    ],
    rows: (["nll", "brier", "ece"] as const).map((name) => [
      NAMES[name],
      ...sides.flatMap((side) => [shown(side[name]), side.intervals[name].map(shown).join(" to ")]),
    ]),
  });
}

const [WIDTH, HEIGHT] = [540, 320];
const MARGIN = { left: 58, right: 16, top: 16, bottom: 38 } as const;
const BOTTOM = HEIGHT - MARGIN.bottom;
const RIGHT = WIDTH - MARGIN.right;
/** Distance of the lines of a hatched area. */
const HATCH = 6;

/** A reliability diagram as a figure: a bar for the accuracy of each bin, its gap to the mean confidence, and the bins as a folded table. */
export function reliabilityDiagram(title: string, bins: readonly ReliabilityBin[]): string {
  const name = escapeMarkup(title);
  return [
    `<figure class="chart"><figcaption><strong>${name}</strong></figcaption>`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${name}">`,
    ...axes(),
    ...bins.map(bar),
    `<path class="ideal" d="M${px(placeX(0))} ${px(placeY(0))}L${px(placeX(1))} ${px(placeY(1))}"/>`,
    "</svg>",
    folded("Show as table", binTable(title, bins)),
    "</figure>",
  ].join("\n");
}

function placeX(confidence: number): number {
  return MARGIN.left + confidence * (RIGHT - MARGIN.left);
}

function placeY(accuracy: number): number {
  return BOTTOM - accuracy * (BOTTOM - MARGIN.top);
}

function axes(): readonly string[] {
  const percent = (value: number): string => `${Math.round(100 * value)}%`;
  const steps = ticks(0, 1, 0.2);
  return [
    ...steps.map((value) => {
      const at = px(placeY(value));
      return `<path class="grid" d="M${MARGIN.left} ${at}H${RIGHT}"/><text x="${MARGIN.left - 8}" y="${at}" dy=".34em" text-anchor="end">${percent(value)}</text>`;
    }),
    `<path class="axis" d="M${MARGIN.left} ${BOTTOM}H${RIGHT}"/>`,
    ...steps.map((value) => {
      const at = px(placeX(value));
      return `<path class="axis" d="M${at} ${BOTTOM}v4"/><text x="${at}" y="${BOTTOM + 5}" dy=".95em" text-anchor="middle">${percent(value)}</text>`;
    }),
    `<text x="${(MARGIN.left + RIGHT) / 2}" y="${BOTTOM + 20}" dy="1.1em" text-anchor="middle">confidence</text>`,
  ];
}

function bar(bin: ReliabilityBin): string {
  const { low, high, count, confidence, accuracy } = bin;
  if (confidence === null || accuracy === null) return "";
  const [left, right] = [placeX(low) + 1.5, placeX(high) - 1.5];
  const top = placeY(accuracy);
  const [upper, lower] = [Math.min(top, placeY(confidence)), Math.max(top, placeY(confidence))];
  const title = `${binName(bin)}: ${formatCount(count)} ${count === 1 ? "image" : "images"}, accuracy ${formatPercent(accuracy)}, mean confidence ${formatPercent(confidence)}`;
  return [
    `<g><title>${escapeMarkup(title)}</title>`,
    `<rect class="accuracy" x="${px(left)}" y="${px(top)}" width="${px(right - left)}" height="${px(BOTTOM - top)}"/>`,
    `<path class="gap" d="M${px(left)} ${px(upper)}H${px(right)}V${px(lower)}H${px(left)}z${hatch(left, right, upper, lower)}"/></g>`,
  ].join("");
}

/** Diagonal lines inside a rectangle. A pattern would need an id, which the diagrams of a page would share. */
function hatch(left: number, right: number, upper: number, lower: number): string {
  const [width, height] = [right - left, lower - upper];
  let path = "";
  for (let at = HATCH; at < width + height; at += HATCH) {
    // From the left or lower edge to the upper or right edge.
    const [x1, y1] = at <= height ? [left, upper + at] : [left + (at - height), lower];
    const [x2, y2] = at <= width ? [left + at, upper] : [right, upper + (at - width)];
    path += `M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}`;
  }
  return path;
}

function binName({ low, high }: Pick<ReliabilityBin, "low" | "high">): string {
  return `${formatPercent(low)} to ${formatPercent(high)}`;
}

function binTable(title: string, bins: readonly ReliabilityBin[]): string {
  const percent = (value: number | null): string => (value === null ? "–" : formatPercent(value));
  return table(title, {
    columns: [
      { head: "Confidence", kind: "name" },
      ...["Images", "Mean confidence", "Accuracy"].map((head) => ({ head, kind: "number" }) as const),
    ],
    rows: bins.map((bin) => [binName(bin), formatCount(bin.count), percent(bin.confidence), percent(bin.accuracy)]),
  });
}
