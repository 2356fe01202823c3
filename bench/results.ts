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

/** How the times of one side compare with those of another that ran in turn with it. */
export interface PairedRatio {
  /** The median of the ratios of the rounds. */
  readonly ratio: number;
  /** Lowest and highest ratio that the rounds leave open, with at least 95% confidence where there are six rounds or more. */
  readonly low: number;
  readonly high: number;
}

/**
 * The median ratio of paired times, `now[i] / before[i]`, and a confidence interval for it. The interval is the one of
 * the sign test: between the k-th lowest and the k-th highest ratio, where k is the largest that fewer than 2.5% of
 * series of fair coins fall short of. It assumes nothing about how times are distributed.
 */
export function pairedRatio(now: readonly number[], before: readonly number[]): PairedRatio {
  const ratios = now.map((time, round) => time / (before[round] ?? Number.NaN)).toSorted((a, b) => a - b);
  let [rank, tail, term] = [0, 0, 0.5 ** ratios.length];
  while (tail + term <= 0.025) {
    tail += term;
    term *= (ratios.length - rank) / (rank + 1);
    rank++;
  }
  const at = Math.max(rank, 1) - 1;
  return { ratio: median(ratios), low: ratios[at] ?? Number.NaN, high: ratios[ratios.length - 1 - at] ?? Number.NaN };
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
