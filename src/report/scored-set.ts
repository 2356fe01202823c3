/** How well the whole volumes of a set were segmented: Dice by case, means, and all cases. */
import { type LabelScore, meanScores } from "../segment/index.js";
import type { SegmentedLabel } from "../segment/labels.js";
import { escapeMarkup } from "../text.js";
import { labelSwatch } from "./label-swatch.js";
import { folded, note, section } from "./page.js";
import { stripPlot } from "./strip-plot.js";
import { type Cell, type Column, score, table } from "./table.js";

/** Scores of a set of cases. Names may be anything: they are escaped. */
export interface ScoredSet {
  /** Every class, the background first. */
  readonly classes: readonly SegmentedLabel[];
  readonly cases: readonly { readonly id: string; readonly classes: readonly LabelScore[] }[];
}

/** With more cases the lowest come first and the others can be unfolded. */
const CASES_SHOWN = 15;

const CONVENTIONS =
  "Means are over the cases of each label. HD95 is the 95th percentile of the surface distances, the larger of both directions. A label in only one of the two volumes has Dice 0; a label in neither is not scored.";

export function scoredSetSections({ classes, cases }: ScoredSet): readonly string[] {
  if (cases.length === 0) return [];
  const labels = classes.flatMap((each, index) =>
    cases.some((scored) => scored.classes.some(({ label }) => label === each.value)) ? [{ ...each, index }] : [],
  );
  const groups = labels.map(({ name, value }) => ({
    name,
    values: cases.flatMap((each) => each.classes.flatMap(({ label, dice }) => (label === value && dice !== null ? [dice] : []))),
  }));
  const title = "Dice by case";
  const plot = `<div class="charts">${stripPlot(title, groups)}<div>${meanTable(labels, cases)}</div></div>`;
  return [
    section(title, `${plot}${note(CONVENTIONS)}`, "dot: case; box: interquartile range; line: median; triangle: mean"),
    section("All cases", caseTables(labels, cases), "lowest Dice first"),
  ];
}

interface PlacedLabel extends SegmentedLabel {
  /** Among the classes. */
  readonly index: number;
}

function nameCell({ index, value, name }: PlacedLabel): Cell {
  return { markup: `${labelSwatch(index, value)}${escapeMarkup(name)}` };
}

function meanTable(labels: readonly PlacedLabel[], cases: ScoredSet["cases"]): string {
  const means = meanScores(cases.map((each) => each.classes));
  const heads = ["Dice", "Surface Dice", "HD95, mm", "Error, mm³"].map((head) => ({ head, kind: "number" }) as const);
  const rows = labels.map((label) => {
    const mean = means.find((each) => each.label === label.value);
    return [nameCell(label), fixed(mean?.dice, 4), fixed(mean?.surfaceDice, 4), fixed(mean?.hd95, 2), signed(mean?.volumeErrorMm3)];
  });
  return table("Means by label", { columns: [{ head: "Label", kind: "name" }, ...heads], rows });
}

function caseTables(labels: readonly PlacedLabel[], cases: ScoredSet["cases"]): string {
  const rows = cases
    .map((each) => ({ ...each, mean: meanDice(each.classes) }))
    .toSorted((a, b) => (a.mean ?? 2) - (b.mean ?? 2) || (a.id < b.id ? -1 : 1))
    .map(({ id, classes, mean }) => [
      id,
      score(mean, (value) => value.toFixed(4)),
      ...labels.flatMap((label) => scoreCells(label, classes)),
    ]);
  const columns: readonly Column[] = [
    { head: "Case", kind: "name" },
    { head: "Mean Dice", kind: "score", sorted: "up" },
    ...labels.flatMap((): readonly Column[] => [
      { head: "Dice", kind: "number", begins: true },
      ...["HD95, mm", "mm³", "error"].map((head): Column => ({ head, kind: "number" })),
    ]),
  ];
  const groups = [{ head: "", columns: 2 }, ...labels.map((label) => ({ head: nameCell(label), columns: 4 }))];
  const part = (label: string, some: typeof rows): string => table(label, { columns, groups, rows: some });
  if (rows.length <= CASES_SHOWN) return part("All cases", rows);
  const rest = `Remaining ${rows.length - CASES_SHOWN} cases`;
  return `${part("Cases with the lowest Dice", rows.slice(0, CASES_SHOWN))}${folded(rest, part(rest, rows.slice(CASES_SHOWN)))}`;
}

function scoreCells({ value }: PlacedLabel, classes: readonly LabelScore[]): readonly Cell[] {
  const found = classes.find(({ label }) => label === value);
  const volume = found === undefined ? "–" : Math.round(found.predictedMm3).toLocaleString("en-US");
  return [fixed(found?.dice, 4), fixed(found?.hd95, 2), volume, signed(found?.volumeErrorMm3)];
}

/** The mean over the labels of a case that have a Dice. */
export function meanDice(classes: readonly LabelScore[]): number | null {
  const values = classes.flatMap(({ dice }) => dice ?? []);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function fixed(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

function signed(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const rounded = Math.round(value);
  return `${rounded < 0 ? "−" : rounded > 0 ? "+" : ""}${Math.abs(rounded).toLocaleString("en-US")}`;
}
