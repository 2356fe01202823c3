/** The residual-scaling experiment for people: three figures, a Markdown and an HTML page. */

import { experimentPage } from "../report/experiment.js";
import type { Line, PanelFigure, PanelHue, PanelRow } from "../report/panels.js";
import { formatDuration } from "../train/progress.js";
import { INPUT_SIZE, NORM_PLACEMENTS } from "./residual-network.js";
import { type Cell, PAPER_RATE, SWEEP_OPTIMIZERS, type Sweep } from "./sweep.js";
import { cellName, findings, markdownTable, type Outcome, outcomeOf, recipeOf, resultTable } from "./tables.js";
import { type CellResult, PROBE_IMAGES, type Probe, VAL_IMAGES } from "./train-cell.js";

const TITLE = "The residual-scaling experiment";

/** The figures by the names of their files. */
export function figures(results: readonly CellResult[]): ReadonlyMap<string, PanelFigure> {
  const widest = results.reduce((most, { cell }) => Math.max(most, cell.filters), 0);
  const narrowest = results.reduce((least, { cell }) => Math.min(least, cell.filters), widest);
  const paperRate = ({ optimizer, learningRate }: Cell) => optimizer === "rmsprop" && learningRate === PAPER_RATE;
  const norm = results.some(({ cell }) => cell.norm === "conv") ? "conv" : (results[0]?.cell.norm ?? "none");
  const at = `batch normalization: ${norm}, rmsprop ${PAPER_RATE}`;
  const make = (title: string, keep: (cell: Cell) => boolean, columnOf: (cell: Cell) => string, order: readonly string[] = []) => {
    const kept = results.filter(({ cell }) => keep(cell));
    const found = [...new Set(kept.map(({ cell }) => columnOf(cell)))];
    return figure(title, kept, columnOf, order.length === 0 ? found : order.filter((name) => found.includes(name)));
  };
  const recipes = [...new Set(results.map(({ cell }) => recipeOf(cell)))];
  const widthOf = ({ filters }: Cell) => `${filters} filters`;
  return new Map([
    ["widths.svg", make(`Width of the trunk (${at})`, (cell) => cell.norm === norm && paperRate(cell), widthOf)],
    [
      "placements.svg",
      make(
        `Placement of batch normalization (rmsprop ${PAPER_RATE})`,
        (cell) => (cell.filters === widest || cell.filters === narrowest) && paperRate(cell),
        (cell) => `${cell.norm}, ${widthOf(cell)}`,
        [widest, narrowest].flatMap((filters) => NORM_PLACEMENTS.map((placement) => `${placement}, ${filters} filters`)),
      ),
    ],
    [
      "recipes.svg",
      make(
        `Optimizer and learning rate (batch normalization: ${norm})`,
        (cell) => (cell.filters === widest || cell.filters === narrowest) && cell.norm === norm,
        (cell) => `${recipeOf(cell)}, ${widthOf(cell)}`,
        [widest, narrowest].flatMap((filters) => recipes.map((recipe) => `${recipe}, ${filters} filters`)),
      ),
    ],
  ]);
}

function figure(title: string, results: readonly CellResult[], columnOf: (cell: Cell) => string, columns: readonly string[]): PanelFigure {
  const scales = [...new Set(results.map(({ cell }) => cell.scale))].toSorted((a, b) => b - a);
  const row = (label: string, axis: PanelRow["axis"], value: (probe: Probe) => number | null): PanelRow => ({
    label,
    axis,
    panels: columns.map((column) => {
      const shown = results.filter(({ cell }) => columnOf(cell) === column);
      return shown.map(({ cell, probes }): Line => {
        const points = probes.map((probe) => ({ x: probe.step, y: value(probe) ?? Number.NaN }));
        return { hue: hueOf(cell.scale), name: cellName(cell), points: points.filter(({ x, y }) => x > 0 || Number.isFinite(y)) };
      });
    }),
  });
  return {
    title,
    columns,
    rows: [
      row("zeros", "share", ({ zeros }) => zeros),
      row("dead channels", "share", ({ deadChannels }) => deadChannels),
      row("deviation", "log", ({ deviation }) => deviation),
      row("loss", "log", ({ loss }) => loss),
    ],
    legend: scales.map((scale) => ({ hue: hueOf(scale), name: `scale ${scale}` })),
    xLabel: "steps",
  };
}

/** The same color for a scale in all figures. */
function hueOf(scale: number): PanelHue {
  return scale === 1 ? "cat-2" : scale >= 0.2 ? "cat-3" : "cat-1";
}

/** What a run of the sweep was, besides its results. */
interface SweepFacts {
  readonly sweep: Sweep;
  readonly seed: number;
  /** Wall time of everything. */
  readonly seconds: number;
  /** The machine, in words. */
  readonly machine: string;
}

function settings({ sweep, seed, seconds, machine }: SweepFacts): readonly string[] {
  const optimizers = Object.entries(SWEEP_OPTIMIZERS).map(([name, options]) => `${name} = ${JSON.stringify(options)}`);
  return [
    `Sweep "${sweep.name}": ${sweep.cells.length} networks, ${sweep.steps} steps each of ${sweep.batch} images, seed ${seed}.`,
    `Network: three convolutions, ${sweep.blocks} Inception-ResNet-C blocks on 3×3 maps, global average pooling, one linear layer; He initialization.`,
    `Data: shapes10 at ${INPUT_SIZE} pixels, every training image seen once; activations of ${PROBE_IMAGES} fixed validation images with the statistics of that batch, accuracy on ${VAL_IMAGES} with running statistics.`,
    `Optimizers: ${optimizers.join("; ")}; constant rates, no weight decay, no clipping.`,
    `Took ${formatDuration(seconds)} on ${machine}.`,
  ];
}

export function markdownReport(results: readonly CellResult[], facts: SweepFacts): string {
  const list = (lines: readonly string[]) => `${lines.map((line) => `- ${line}`).join("\n")}\n`;
  const pictures = [...figures(results).keys()].map((file) => `![${file.replace(".svg", "")}](${file})\n`);
  return [
    `# ${TITLE}\n`,
    list(settings(facts)),
    `## Results\n`,
    list(findings(results, facts.sweep.steps)),
    ...pictures,
    `## All networks\n`,
    markdownTable(resultTable(results)),
  ].join("\n");
}

/** Columns of the table of results that are numbers. */
const NUMBERS = new Set(["filters", "scale", "seed", "loss", "val top-1", "zeros", "dead channels", "mean", "deviation"]);

/** One page with everything in it. */
export function htmlReport(results: readonly CellResult[], facts: SweepFacts): string {
  const { header, rows } = resultTable(results);
  const count = (outcome: Outcome): number => results.filter((result) => outcomeOf(result) === outcome).length;
  const [dead, diverged] = [count("dead"), count("diverged")];
  const { sweep } = facts;
  return experimentPage({
    title: TITLE,
    status: `${results.length} networks`,
    lead: `Do wide residual networks die without scaled residuals? Sweep "${sweep.name}", ${sweep.steps} steps for each network.`,
    figures: [
      { value: `${dead} of ${results.length}`, name: "networks died", tone: dead === 0 ? "good" : "bad" },
      { value: String(diverged), name: "diverged", tone: diverged === 0 ? undefined : "warn" },
      { value: String(sweep.steps), name: "steps each" },
      { value: formatDuration(facts.seconds), name: "wall time" },
    ],
    findings: findings(results, sweep.steps),
    panels: [...figures(results).values()],
    networks: { columns: header.map((head) => (NUMBERS.has(head) ? { head, kind: "number" } : { head })), rows },
    settings: settings(facts),
  });
}
