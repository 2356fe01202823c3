/** The residual-scaling experiment for people: three figures, a Markdown and an HTML page. */

import { type Line, type PanelFigure, type PanelRow, panelSvg } from "../report/panels.js";
import { REPORT_STYLE } from "../report/style.js";
import { escapeMarkup } from "../text.js";
import { formatDuration } from "../train/progress.js";
import { INPUT_SIZE, NORM_PLACEMENTS } from "./residual-network.js";
import { type Cell, PAPER_RATE, SWEEP_OPTIMIZERS, type Sweep } from "./sweep.js";
import { cellName, findings, markdownTable, recipeOf, resultTable } from "./tables.js";
import { type CellResult, PROBE_IMAGES, type Probe, VAL_IMAGES } from "./train-cell.js";

const TITLE = "The residual-scaling experiment";

/** The figures by the names of their files. */
export function figures(results: readonly CellResult[]): ReadonlyMap<string, string> {
  const widest = results.reduce((most, { cell }) => Math.max(most, cell.filters), 0);
  const narrowest = results.reduce((least, { cell }) => Math.min(least, cell.filters), widest);
  const paperRate = ({ optimizer, learningRate }: Cell) => optimizer === "rmsprop" && learningRate === PAPER_RATE;
  const norm = results.some(({ cell }) => cell.norm === "conv") ? "conv" : (results[0]?.cell.norm ?? "none");
  const at = `batch normalisation: ${norm}, rmsprop ${PAPER_RATE}`;
  const make = (title: string, keep: (cell: Cell) => boolean, columnOf: (cell: Cell) => string, order: readonly string[] = []) => {
    const kept = results.filter(({ cell }) => keep(cell));
    const found = [...new Set(kept.map(({ cell }) => columnOf(cell)))];
    return panelSvg(figure(title, kept, columnOf, order.length === 0 ? found : order.filter((name) => found.includes(name))));
  };
  const recipes = [...new Set(results.map(({ cell }) => recipeOf(cell)))];
  const widthOf = ({ filters }: Cell) => `${filters} filters`;
  return new Map([
    ["widths.svg", make(`Width of the trunk (${at})`, (cell) => cell.norm === norm && paperRate(cell), widthOf)],
    [
      "placements.svg",
      make(
        `Where batch normalisation is (rmsprop ${PAPER_RATE})`,
        (cell) => (cell.filters === widest || cell.filters === narrowest) && paperRate(cell),
        (cell) => `${cell.norm}, ${widthOf(cell)}`,
        [widest, narrowest].flatMap((filters) => NORM_PLACEMENTS.map((placement) => `${placement}, ${filters} filters`)),
      ),
    ],
    [
      "recipes.svg",
      make(
        `Optimiser and learning rate (batch normalisation: ${norm})`,
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
        return { tone: toneOf(cell.scale), name: cellName(cell), points: points.filter(({ x, y }) => x > 0 || Number.isFinite(y)) };
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
    legend: scales.map((scale) => ({ tone: toneOf(scale), name: `scale ${scale}` })),
    xLabel: "steps",
  };
}

/** The same colour for a scale in all figures. */
function toneOf(scale: number): number {
  return scale === 1 ? 0 : scale >= 0.2 ? 1 : 2;
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
    `Network: three convolutions, ${sweep.blocks} Inception-ResNet-C blocks on 3×3 maps, global average pooling, one linear layer; He initialisation.`,
    `Data: shapes10 at ${INPUT_SIZE} pixels, every training image seen once; activations of ${PROBE_IMAGES} fixed validation images with the statistics of that batch, accuracy on ${VAL_IMAGES} with running statistics.`,
    `Optimisers: ${optimizers.join("; ")}; constant rates, no weight decay, no clipping.`,
    `Took ${formatDuration(seconds)} on ${machine}.`,
  ];
}

export function markdownReport(results: readonly CellResult[], facts: SweepFacts): string {
  const list = (lines: readonly string[]) => `${lines.map((line) => `- ${line}`).join("\n")}\n`;
  const pictures = [...figures(results).keys()].map((file) => `![${file.replace(".svg", "")}](${file})\n`);
  return [
    `# ${TITLE}\n`,
    list(settings(facts)),
    `## Found\n`,
    list(findings(results, facts.sweep.steps)),
    ...pictures,
    `## All networks\n`,
    markdownTable(resultTable(results)),
  ].join("\n");
}

/** One page with everything in it. */
export function htmlReport(results: readonly CellResult[], facts: SweepFacts): string {
  const list = (lines: readonly string[]) => `<ul>${lines.map((line) => `<li>${escapeMarkup(line)}</li>`).join("")}</ul>`;
  const { header, rows } = resultTable(results);
  const cells = (tag: "th" | "td", row: readonly string[]) =>
    `<tr>${row.map((text) => `<${tag}>${escapeMarkup(text)}</${tag}>`).join("")}</tr>`;
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${TITLE}</title>\n<style>${REPORT_STYLE}</style>\n</head>\n<body>\n<main>`,
    `<header><h1>${TITLE}</h1></header>`,
    `<section><h2>Found</h2>${list(findings(results, facts.sweep.steps))}</section>`,
    ...[...figures(results).values()].map((svg) => `<section>${svg}</section>`),
    `<section><h2>All networks</h2><div class="scroll"><table class="list"><thead>${cells("th", header)}</thead><tbody>${rows.map((row) => cells("td", row)).join("\n")}</tbody></table></div></section>`,
    `<section><h2>Settings</h2>${list(settings(facts))}</section>`,
    "</main>\n</body>\n</html>\n",
  ].join("\n");
}
