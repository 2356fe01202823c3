/**
 * The residual-scaling experiment: do wide residual networks die without scaling, as arXiv:1602.07261, section 3.3 says?
 *
 *   sweep ──► cell by cell: network ──► step, evaluate and probe programs ──► loop with probes ──► tables, figures, pages
 */
import os from "node:os";
import path from "node:path";
import { createNodeTrainer } from "../node/ort-trainer.js";
import { makeFolder, writeFileAtomic } from "../node/write-file.js";
import { type OptionInputs, readOption, resolveOptions } from "../options.js";
import { panelSvg } from "../report/panels.js";
import { RESIDUAL_SCALING_OPTIONS } from "./options.js";
import { figures, htmlReport, markdownReport } from "./report.js";
import { type Cell, fullSweep, quickSweep, type Sweep } from "./sweep.js";
import { cellsCsv, curvesCsv } from "./tables.js";
import { type CellResult, type OpenTrainer, trainCell } from "./train-cell.js";

/** See `RESIDUAL_SCALING_OPTIONS`; files of the same names in `out` are replaced. */
interface ResidualScalingOptions extends OptionInputs<typeof RESIDUAL_SCALING_OPTIONS> {
  readonly onEvent?: (event: ExperimentEvent) => void;
}

export type ExperimentEvent =
  | { readonly kind: "step"; readonly cell: Cell; readonly place: Place; readonly step: number; readonly loss: number }
  | { readonly kind: "cell"; readonly result: CellResult; readonly place: Place };

/** How far the sweep is. */
export interface Place {
  /** Of this cell, from 1. */
  readonly number: number;
  readonly cells: number;
  readonly steps: number;
  /** Share of the whole work that is done, as far as it can be foreseen. */
  readonly done: number;
}

export interface ExperimentResult {
  readonly results: readonly CellResult[];
  readonly sweep: Sweep;
  /** Wall time in seconds. */
  readonly seconds: number;
  /** The files that were written. */
  readonly files: readonly string[];
}

/**
 * Train the sweep on generated pictures and write what was found: `cells.csv`, `curves.csv`, three SVG figures,
 * `report.md` and the self-contained `report.html`. The two tables are written anew after each network, so that an
 * interrupted sweep leaves what it has. The same seed, steps and thread count give the same tables on one machine.
 *
 * @throws InceptionError OPTION_INVALID, WRITE_FAILED, SESSION_FAILED
 */
export async function residualScalingExperiment({ onEvent, steps: given, ...options }: ResidualScalingOptions): Promise<ExperimentResult> {
  const owner = "the experiment";
  const { steps: stepsOption, ...table } = RESIDUAL_SCALING_OPTIONS;
  const { out, quick, seed, threads } = resolveOptions(owner, table, options);
  const steps = given === undefined ? undefined : readOption(owner, "steps", stepsOption, given);
  const sweep = quick ? quickSweep(seed, steps) : fullSweep(seed, steps);
  const watched = onEvent === undefined ? {} : { onEvent };
  // Graphs this small run on the CPU, where the same seed gives the same bits.
  return runSweep(sweep, { out, seed, ...watched }, (programs, state) => createNodeTrainer(programs, state, { device: "cpu", threads }));
}

/** @internal The experiment with any cells and any trainer. */
export async function runSweep(
  sweep: Sweep,
  { out, seed = 1, onEvent = () => {} }: Pick<ResidualScalingOptions, "onEvent"> & { readonly out: string; readonly seed?: number },
  openTrainer: OpenTrainer,
): Promise<ExperimentResult> {
  await makeFolder(out);
  const began = performance.now();
  const results: CellResult[] = [];
  const total = sweep.cells.reduce((sum, cell) => sum + costOf(cell), 0);
  let done = 0;
  for (const [index, cell] of sweep.cells.entries()) {
    const place = (step: number): Place => ({
      number: index + 1,
      cells: sweep.cells.length,
      steps: sweep.steps,
      done: (done + (costOf(cell) * step) / sweep.steps) / total,
    });
    const result = await trainCell(cell, sweep, openTrainer, (step, loss) =>
      onEvent({ kind: "step", cell, place: place(step), step, loss }),
    );
    results.push(result);
    onEvent({ kind: "cell", result, place: place(sweep.steps) });
    done += costOf(cell);
    await writeFiles(out, { "cells.csv": cellsCsv(results), "curves.csv": curvesCsv(results) });
  }
  const seconds = (performance.now() - began) / 1000;
  const facts = { sweep, seed, seconds, machine: machine() };
  const pages = {
    ...Object.fromEntries([...figures(results)].map(([name, figure]) => [name, panelSvg(figure)])),
    "report.html": htmlReport(results, facts),
    "report.md": markdownReport(results, facts),
  };
  await writeFiles(out, pages);
  return { results, sweep, seconds, files: ["cells.csv", "curves.csv", ...Object.keys(pages)].map((file) => path.join(out, file)) };
}

/** What a network costs, in any unit: the time of a step grows with the filters, beginning costs something too. */
function costOf({ filters }: Cell): number {
  return filters + 300;
}

function machine(): string {
  return `${os.availableParallelism()} CPU cores, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFileAtomic(path.join(folder, name), [new TextEncoder().encode(text)]);
}
