/** The results of the residual-scaling experiment as tables. Equal results give equal text; times are not part of it. */
import { type CsvCell, encodeCsv } from "../formats/csv.js";
import { formatLoss, formatPercent } from "../train/progress.js";
import type { Cell } from "./sweep.js";
import type { CellResult, Probe } from "./train-cell.js";

/** How a network ended. */
export type Outcome = "alive" | "dead" | "diverged";

/** With this share of zeros before the pooling at the end a network counts as dead. */
const DEAD_ZEROS = 0.999;

export function outcomeOf({ probes, divergedAt }: CellResult): Outcome {
  if (divergedAt !== null) return "diverged";
  return (probes.at(-1)?.zeros ?? 0) >= DEAD_ZEROS ? "dead" : "alive";
}

/** One row for each cell: what it is, how it ended, and the last look at it. */
export function cellsCsv(results: readonly CellResult[]): string {
  const header = [...CELL_COLUMNS, "outcome", "diverged_at", "val_top1", ...PROBE_COLUMNS];
  const rows = results.map((result) => {
    const last = result.probes.at(-1);
    return [...cellFields(result.cell), outcomeOf(result), field(result.divergedAt), field(result.val), ...(last ? probeFields(last) : [])];
  });
  return encodeCsv(header, rows);
}

/** One row for each look at each cell. */
export function curvesCsv(results: readonly CellResult[]): string {
  const rows = results.flatMap(({ cell, probes }) => probes.map((probe) => [...cellFields(cell), ...probeFields(probe)]));
  return encodeCsv([...CELL_COLUMNS, ...PROBE_COLUMNS], rows);
}

const CELL_COLUMNS = ["filters", "scale", "norm", "optimizer", "learning_rate", "seed"];
const PROBE_COLUMNS = ["step", "loss", "train_top1", "zeros", "dead_channels", "mean", "deviation"];

function cellFields({ filters, scale, norm, optimizer, learningRate, seed }: Cell): readonly CsvCell[] {
  return [filters, scale, norm, optimizer, learningRate, seed];
}

function probeFields({ step, loss, top1, zeros, deadChannels, mean, deviation }: Probe): readonly CsvCell[] {
  return [step, ...[loss, top1, zeros, deadChannels, mean, deviation].map(field)];
}

/** Six significant digits; nothing where there is no value. */
function field(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? value : Number(value.toPrecision(6));
}

/** A table for people: titles, and cells as text. */
interface TextTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The table of the report: at the end of each training, with the share of zeros before it. */
export function resultTable(results: readonly CellResult[]): TextTable {
  const header = [
    "filters",
    "scale",
    "norm",
    "recipe",
    "seed",
    "outcome",
    "loss",
    "val top-1",
    "zeros",
    "dead channels",
    "mean",
    "deviation",
  ];
  const rows = results.map((result) => {
    const { cell, probes, val, divergedAt } = result;
    const [first, last] = [probes[0], probes.at(-1)];
    const outcome = divergedAt === null ? outcomeOf(result) : `diverged at step ${divergedAt}`;
    if (first === undefined || last === undefined) return [];
    return [
      ...[String(cell.filters), String(cell.scale), cell.norm, recipeOf(cell), String(cell.seed), outcome],
      last.loss === null ? "–" : formatLoss(last.loss),
      val === null ? "–" : formatPercent(val),
      `${formatPercent(first.zeros)} → ${formatPercent(last.zeros)}`,
      ...[formatPercent(last.deadChannels), short(last.mean), short(last.deviation)],
    ];
  });
  return { header, rows };
}

/** "rmsprop 0.045". */
export function recipeOf({ optimizer, learningRate }: Cell): string {
  return `${optimizer} ${learningRate}`;
}

/** A cell in words, for progress and findings: "1280 filters, scale 1, conv, rmsprop 0.045, seed 1". */
export function cellName(cell: Cell): string {
  return `${cell.filters} filters, scale ${cell.scale}, ${cell.norm}, ${recipeOf(cell)}, seed ${cell.seed}`;
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : String(value);
}

export function markdownTable({ header, rows }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return `${[line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n")}\n`;
}

/** What the numbers say about the claim, as sentences; that nothing died is said as plainly as that something did. */
export function findings(results: readonly CellResult[], steps: number): readonly string[] {
  const ended = (outcome: Outcome) => results.filter((result) => outcomeOf(result) === outcome);
  const [dead, diverged] = [ended("dead"), ended("diverged")];
  const zeros = ({ probes }: CellResult) => probes.at(-1)?.zeros ?? 0;
  const highest = results.filter(({ divergedAt }) => divergedAt === null).toSorted((a, b) => zeros(b) - zeros(a))[0];
  const most = results.flatMap(({ probes }) => probes.map((probe) => probe.deadChannels)).reduce((a, b) => Math.max(a, b || 0), 0);
  return [
    dead.length === 0
      ? `Null result: within ${steps} steps no network of the ${results.length} died (at least ${formatPercent(DEAD_ZEROS)} zeros before the last pooling). The claim is about tens of thousands of steps, so this does not refute it.`
      : `${dead.length} of ${results.length} networks died within ${steps} steps: ${named(dead)}.`,
    diverged.length === 0
      ? "No loss became infinite or undefined."
      : `The loss of ${diverged.length} became NaN or infinite: ${named(diverged)}.`,
    ...(highest === undefined ? [] : [`The most zeros at the end: ${formatPercent(zeros(highest))} (${cellName(highest.cell)}).`]),
    `Maximum fraction of dead channels at any measurement: ${formatPercent(most)}.`,
    ...twinFinding(results),
  ];
}

/** Pairs that differ in nothing but the scale, 1 against 0.1: which of the two had more zeros, which recognized more. */
function twinFinding(results: readonly CellResult[]): readonly string[] {
  const byName = new Map(results.map((result) => [cellName(result.cell), result]));
  const pairs = results.flatMap((unscaled) => {
    const scaled = unscaled.cell.scale === 1 ? byName.get(cellName({ ...unscaled.cell, scale: 0.1 })) : undefined;
    return scaled ? [{ unscaled, scaled }] : [];
  });
  if (pairs.length === 0) return [];
  const zeros = pairs.filter(({ unscaled, scaled }) => (unscaled.probes.at(-1)?.zeros ?? 0) > (scaled.probes.at(-1)?.zeros ?? 0));
  // A network that diverged recognizes nothing.
  const worse = pairs.filter(({ unscaled, scaled }) => (unscaled.val ?? 0) < (scaled.val ?? 0));
  return [
    `Of ${pairs.length} pairs that differ in the scale only, 1 against 0.1, the unscaled network ended with more zeros in ${zeros.length} and had lower validation accuracy in ${worse.length}.`,
  ];
}

function named(results: readonly CellResult[]): string {
  return results.map(({ cell }) => cellName(cell)).join("; ");
}
