import { messageOf } from "../../errors.js";
import { RESIDUAL_SCALING_OPTIONS } from "../../experiments/options.js";
import { type ExperimentEvent, type ExperimentResult, type Place, residualScalingExperiment } from "../../experiments/residual-scaling.js";
import { cellName, findings, outcomeOf, resultTable } from "../../experiments/tables.js";
import { formatDuration, formatLoss, formatPercent, secondsLeft } from "../../train/progress.js";
import type { RunCommand } from "../command.js";
import { readFlag } from "../flags.js";
import { formatTable, type Io, printJson } from "../io.js";
import { invalid } from "../usage-error.js";

const EXPERIMENTS = ["residual-scaling"];

/** `experiment residual-scaling`: one line for each network on `err`, tables and findings on `out`. */
export const run: RunCommand = async ([name], flags, io) => {
  if (!EXPERIMENTS.includes(String(name))) throw invalid("argument", `"${messageOf(name)}"`, EXPERIMENTS.join(", "));
  const { out, seed, steps, threads } = RESIDUAL_SCALING_OPTIONS;
  const found = await residualScalingExperiment({
    out: readFlag(flags, "out", out),
    quick: flags.quick === true,
    seed: readFlag(flags, "seed", seed),
    steps: readFlag(flags, "steps", steps),
    threads: readFlag(flags, "threads", threads),
    onEvent: progress(io),
  });
  if (flags.json === true) printJson(io, summary(found));
  else io.out(formatFound(found));
  return 0;
};

/** A line that is rewritten on a terminal, and one that stays for each network. */
function progress(io: Io): (event: ExperimentEvent) => void {
  const began = performance.now();
  const eta = ({ done }: Place) => formatDuration(secondsLeft(done, 1, (performance.now() - began) / 1000) ?? Number.NaN);
  return (event) => {
    const { number, cells, steps } = event.place;
    if (event.kind === "cell") {
      const last = event.result.probes.at(-1);
      const zeros = `zeros ${formatPercent(last?.zeros ?? Number.NaN)}, loss ${formatLoss(last?.loss ?? Number.NaN)}`;
      io.err(`${number}/${cells}  ${cellName(event.result.cell)}: ${outcomeOf(event.result)}, ${zeros}  ETA ${eta(event.place)}\n`);
      return;
    }
    io.line.show(
      `${number}/${cells}  ${cellName(event.cell)}  step ${event.step}/${steps}  loss ${formatLoss(event.loss)}  ETA ${eta(event.place)}`,
    );
  };
}

function summary({ results, sweep, seconds, files }: ExperimentResult) {
  const cells = results.map((result) => {
    const last = result.probes.at(-1);
    const end = last && {
      loss: last.loss,
      zeros: orNull(last.zeros),
      deadChannels: orNull(last.deadChannels),
      deviation: orNull(last.deviation),
    };
    return { ...result.cell, outcome: outcomeOf(result), divergedAt: result.divergedAt, val: result.val, ...end };
  });
  return { experiment: "residual-scaling", steps: sweep.steps, seconds, findings: findings(results, sweep.steps), cells, files };
}

/** JSON has no NaN. */
function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function formatFound({ results, sweep, seconds, files }: ExperimentResult): string {
  const { header, rows } = resultTable(results);
  return [
    formatTable(header, rows, [0, 1, 4, 6, 7, 9, 10, 11]),
    ...findings(results, sweep.steps).map((line) => `${line}\n`),
    `${formatDuration(seconds)}; written: ${files.map(messageOf).join(", ")}\n`,
  ].join("\n");
}
