/** What a run has written so far. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

export function lastCheckpoint(run: string): Buffer {
  return readFileSync(path.join(run, "checkpoints/last.safetensors"));
}

/** Optimizer steps that a run has logged. */
export function loggedSteps(run: string): number {
  const file = path.join(run, "metrics.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8").split('"kind":"step"').length - 1 : 0;
}

export function reportOf(run: string): string {
  return readFileSync(path.join(run, "report.html"), "utf8");
}

/** A figure or a fact of a report that tells a wall time. */
const TIME =
  /<div(?: class="figure")?>(?:<b>[^<]*<\/b><span>|<dt>)(time per step|training time)(?:<\/span>|<\/dt><dd>[^<]*<\/dd>)<\/div>\n?/g;

export function withoutTimes(report: string): string {
  return report.replaceAll(TIME, "");
}

/** The wall times that the report of a run tells. */
export function reportTimes(run: string): readonly (string | undefined)[] {
  return [...reportOf(run).matchAll(TIME)].map(([, name]) => name);
}
