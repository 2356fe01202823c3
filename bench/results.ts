/** What both benchmarks need to write RESULTS.md: statistics of runs, and the parts of the file. */

/** The middle value; the mean of the two in the middle where their number is even; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** "fastest – slowest" in whole milliseconds. */
export function range(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)} – ${Math.max(...values).toFixed(0)}`;
}

/** What the numbers depend on. */
export interface MachineFacts {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly release: string;
  readonly node: string;
  /** Mean number of waiting programs over the last minute. */
  readonly load: number;
}

export function machineLine({ cores, processor, memoryBytes, release, node, load }: MachineFacts): string {
  return `Machine: ${cores} × ${processor}, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${release}, Node ${node}; load average at the start ${load.toFixed(1)}.`;
}

/**
 * Replaces one part of a Markdown file and leaves the others as they are. A part begins with a heading of the first
 * level ("# Training") and ends before the next one; a part that is not there yet is put at the end.
 *
 * @param part - the new part, its heading first
 */
export function replacePart(text: string, part: string): string {
  const heading = headingOf(part);
  const parts = text === "" ? [] : text.split(/^(?=# )/m);
  const isOld = (old: string) => headingOf(old) === heading;
  const next = parts.some(isOld) ? parts.map((old) => (isOld(old) ? part : old)) : [...parts, part];
  return `${next.map((old) => old.trim()).join("\n\n")}\n`;
}

function headingOf(part: string): string {
  return part.split("\n", 1)[0] ?? "";
}
