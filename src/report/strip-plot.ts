/** Values between 0 and 1 of several groups: a dot for each, with the middle half, median and mean. */
import { percentile } from "../data/volumes/percentile.js";
import { escapeMarkup } from "../text.js";
import { niceStep, px, ticks } from "./plot.js";

interface StripGroup {
  readonly name: string;
  readonly values: readonly number[];
}

const WIDTH = 540;
const LEFT = 110;
const RIGHT = 526;
const ROW = 56;
const AXIS = 26;
/** Dots that would touch stand above each other. */
const DOT = 6.4;
const BOX = 40;

/** The plot as a figure. What the marks mean stands in its title. */
export function stripPlot(title: string, groups: readonly StripGroup[]): string {
  const values = groups.flatMap((group) => group.values);
  const least = values.reduce((low, value) => Math.min(low, value), 1);
  const step = niceStep(Math.max(0.1, 1 - least), 4);
  const low = Math.max(0, Math.floor(least / step + 1e-9) * step);
  const place = (value: number): number => LEFT + ((value - low) / (1 - low || 1)) * (RIGHT - LEFT);
  const height = groups.length * ROW + AXIS;
  const grid = ticks(low, 1, step).map(
    (value) =>
      `<path class="grid" d="M${px(place(value))} 4V${height - AXIS}"/><text x="${px(place(value))}" y="${height - AXIS + 5}" dy=".95em" text-anchor="middle">${value.toFixed(2)}</text>`,
  );
  return [
    `<figure class="chart"><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeMarkup(title)}">`,
    ...grid,
    ...groups.flatMap((group, index) => strip(group, ROW * (index + 0.5), place)),
    "</svg></figure>",
  ].join("\n");
}

function strip({ name, values }: StripGroup, y: number, place: (value: number) => number): readonly string[] {
  const sorted = values.toSorted((a, b) => a - b);
  const label = `<text class="name" x="${LEFT - 14}" y="${y}" dy=".34em" text-anchor="end">${escapeMarkup(name)}</text>`;
  if (sorted.length === 0) return [label];
  const [q1, median, q3] = [25, 50, 75].map((percent) => place(percentile(sorted, percent))) as [number, number, number];
  const mean = place(sorted.reduce((sum, value) => sum + value, 0) / sorted.length);
  const dots = swarm(sorted.map(place)).map(({ x, level }) => `M${px(x)} ${px(y + level * DOT)}h0`);
  const top = y - BOX / 2;
  return [
    label,
    `<rect class="half" x="${px(q1)}" y="${top}" width="${px(Math.max(1, q3 - q1))}" height="${BOX}" rx="4"/>`,
    `<path class="dot case" d="${dots.join("")}"/>`,
    `<path class="median" d="M${px(median)} ${top}v${BOX}"/>`,
    `<path class="mean" d="M${px(mean - 5)} ${top - 7}h10l-5 7z"/>`,
  ];
}

/** A level for each dot, 0 in the middle, so that no two of a level touch. They fill the levels of the box and then overlap. */
function swarm(places: readonly number[]): readonly { readonly x: number; readonly level: number }[] {
  const levels = [0, 1, -1, 2, -2, 3, -3];
  const last = new Map<number, number>();
  return places.map((x) => {
    const level = levels.find((each) => x - (last.get(each) ?? Number.NEGATIVE_INFINITY) >= DOT) ?? 0;
    last.set(level, x);
    return { x, level };
  });
}
