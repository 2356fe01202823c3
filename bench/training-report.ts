/** The training benchmark's results as lines of Markdown. */

import { TRAINED_NETWORKS, type TrainedModel } from "./peers/networks.js";
import { median, range } from "./results.js";
import type { OpRow, TrainingLoaded, TrainingProfile } from "./training-peer.js";

/** What is trained. */
export interface TrainingPlan {
  readonly model: TrainedModel;
  readonly batch: number;
  readonly size: number;
  readonly rounds: number;
  readonly threads: number;
}

/** What one program needed. */
export interface TrainingTiming {
  readonly program: string;
  readonly loaded: TrainingLoaded;
  /** Milliseconds of each counted step. */
  readonly times: readonly number[];
  readonly peakMb: number;
  readonly losses: readonly number[];
}

const SHOWN_OPS = 12;

/** One row for each program, ours first. */
export function comparisonLines(plan: TrainingPlan, timings: readonly TrainingTiming[]): readonly string[] {
  const [ours, ...others] = timings;
  return [
    `| program | threads | median ms | fastest – slowest | ${TRAINED_NETWORKS[plan.model].axes === 3 ? "volumes" : "images"}/s | peak MB | inceptionkit takes |`,
    "|---|---:|---:|---:|---:|---:|---:|",
    ...timings.map((timing) => {
      const ratio = ours && timing !== ours ? `${(median(ours.times) / median(timing.times)).toFixed(2)} × its time` : "–";
      return `| ${timing.program} | ${timing.loaded.threads} | ${timeCells(plan, timing)} | ${timing.peakMb.toFixed(0)} | ${ratio} |`;
    }),
    "",
    `${plan.rounds} rounds.${ours ? ` ${graphLine(ours)}` : ""}`,
    ...others.map((other) => lossLine(ours?.losses ?? [], other)),
  ];
}

/** Ours with the inner values of the forward pass kept, and computed again. */
export function recomputeLines(plan: TrainingPlan, kept: TrainingTiming, again: TrainingTiming): readonly string[] {
  const row = (name: string, timing: TrainingTiming) => {
    const { nodes = 0, sessionMs = 0 } = timing.loaded.graph ?? {};
    const session = (sessionMs / 1000).toFixed(1);
    return `| ${name} | ${nodes} | ${session} | ${timeCells(plan, timing)} | ${timing.peakMb.toFixed(0)} |`;
  };
  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(0)}%`;
  return [
    "| activations | nodes | session s | median ms | fastest – slowest | images/s | peak MB |",
    "|---|---:|---:|---:|---:|---:|---:|",
    row("kept", kept),
    row("computed again", again),
    "",
    `${plan.rounds} rounds. Computed again: ${share(again.peakMb, kept.peakMb)} of the memory, ${share(median(again.times), median(kept.times))} of the time.`,
  ];
}

/** The operators that took longest, for one step. */
export function profileLines({ steps, ops }: TrainingProfile): readonly string[] {
  const row = (name: string, calls: number, milliseconds: number, share: number) =>
    `| ${name} | ${(calls / steps).toFixed(0)} | ${(milliseconds / steps).toFixed(1)} | ${(100 * share).toFixed(1)}% |`;
  const rest = ops.slice(SHOWN_OPS);
  const sum = (rows: readonly OpRow[], key: "calls" | "milliseconds" | "share") => rows.reduce((total, op) => total + op[key], 0);
  return [
    "| operator | calls a step | ms a step | share |",
    "|---|---:|---:|---:|",
    ...ops.slice(0, SHOWN_OPS).map((op) => row(op.op, op.calls, op.milliseconds, op.share)),
    ...(rest.length > 0 ? [row(`${rest.length} others`, sum(rest, "calls"), sum(rest, "milliseconds"), sum(rest, "share"))] : []),
    row("all", sum(ops, "calls"), sum(ops, "milliseconds"), 1),
    "",
    `Mean of ${steps} steps, the first one included, in a process of its own: measuring each operator takes time too.`,
  ];
}

function timeCells({ batch }: TrainingPlan, { times }: TrainingTiming): string {
  const middle = median(times);
  return `${middle.toFixed(0)} | ${range(times)} | ${((1000 * batch) / middle).toFixed(1)}`;
}

function graphLine({ loaded: { graph } }: TrainingTiming): string {
  if (graph === null) return "";
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return `inceptionkit's step has ${graph.nodes} ONNX nodes, compiled in ${seconds(graph.compileMs)}; opening the session took ${seconds(graph.sessionMs)}.`;
}

function lossLine(ours: readonly number[], { program, losses }: TrainingTiming): string {
  const digits = (values: readonly number[]) =>
    values
      .slice(0, 3)
      .map((value) => value.toFixed(4))
      .join(", ");
  return `Losses of the first steps: ${digits(ours)}; ${program}: ${digits(losses)}.`;
}
