/**
 * The lines of `metrics.jsonl`: what a run measured and when, one JSON object a line, for any program to read. TensorBoard's
 * event files show the same numbers and are made of the same lines.
 */

import { InceptionError } from "../errors.js";
import { encodeFileVersion, encodeScalars } from "../formats/tfevents.js";
import type { Position } from "./history.js";
import { decodeJson, encodeJson, isJsonRecord, type JsonData, jsonNumber } from "./json.js";

/** Numbers of one moment. The clock enters here and nowhere else: checkpoints hold no time. */
export interface MetricsLine {
  /** "step": measured over the steps since the last such line. "epoch": measured when an epoch was over. */
  readonly kind: "step" | "epoch";
  /** The epoch it belongs to, from 1. */
  readonly epoch: number;
  /** Optimizer steps since the beginning. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** By name, such as loss and learningRate; what was not measured is absent. */
  readonly values: Readonly<Record<string, number>>;
}

const OWN_KEYS = new Set(["kind", "epoch", "step", "time"]);

/**
 * A line with its line break: `{"epoch":1,"kind":"step","loss":2.3,"step":10,"time":1700000000.5}`. Values that are not
 * finite are the strings "NaN", "Infinity" and "-Infinity".
 *
 * @throws InceptionError OPTION_INVALID for a value named kind, epoch, step or time
 */
export function encodeMetricsLine({ kind, epoch, step, time, values }: MetricsLine): string {
  const taken = Object.keys(values).find((name) => OWN_KEYS.has(name));
  if (taken !== undefined) {
    throw new InceptionError("OPTION_INVALID", `Cannot write a metric "${taken}": the name is reserved`, { name: taken });
  }
  return `${encodeJson({ kind, epoch, step, time, ...values })}\n`;
}

/**
 * Read the lines back. What follows the last line break is the beginning of a line that a killed run did not finish; it
 * is left out.
 *
 * @param where - for messages: `metrics.jsonl of run "x"`
 * @throws InceptionError FILE_CORRUPT naming the line
 */
export function decodeMetricsLines(text: string, where: string): readonly MetricsLine[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const place = `line ${index + 1} of ${where}`;
    const read = readLine(decodeJson(line, place));
    if (typeof read !== "string") return read;
    throw new InceptionError("FILE_CORRUPT", `Cannot read ${place}: ${read}`, { line: index + 1 });
  });
}

function readLine(json: JsonData): MetricsLine | string {
  if (!isJsonRecord(json)) return "it is not a JSON object";
  const { kind, epoch, step, time, ...rest } = json;
  if (kind !== "step" && kind !== "epoch") return 'kind is neither "step" nor "epoch"';
  if (!isWhole(epoch) || epoch < 1) return "epoch is not an integer of at least 1";
  if (!isWhole(step)) return "step is not an integer of at least 0";
  if (typeof time !== "number") return "time is not a number";
  const values: [string, number][] = [];
  for (const [name, found] of Object.entries(rest)) {
    const value = jsonNumber(found);
    if (value === null) return `value ${encodeJson(name)} is not a number`;
    values.push([name, value]);
  }
  return { kind, epoch, step, time, values: Object.fromEntries(values) };
}

function isWhole(value: JsonData | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The lines that a run had written when it stood at `position`: what a resumed run goes on from, so that none is doubled. */
export function linesUpTo(lines: readonly MetricsLine[], position: Position): readonly MetricsLine[] {
  return lines.filter(({ kind, epoch, step }) => (kind === "epoch" ? epoch <= position.epoch : step <= position.step));
}

/** Lines as a TensorBoard event file: `step/loss`, `epoch/top1`, … over the optimizer's steps. */
export function metricsEvents(lines: readonly MetricsLine[], startTime: number): readonly Uint8Array[] {
  return [encodeFileVersion(startTime), ...lines.map(lineEvent)];
}

/** One line as a record of an event file. */
export function lineEvent({ kind, step, time, values }: MetricsLine): Uint8Array {
  const scalars = Object.entries(values).map(([name, value]) => [`${kind}/${name}`, value] as const);
  return encodeScalars({ wallTime: time, step }, scalars);
}
