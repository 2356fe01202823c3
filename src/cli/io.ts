import { type LiveLine, liveLine, progressBar } from "../node/live-line.js";
import { columnsOf, formatBytes, formatCount, visibleJson, visibleLines, visibleText } from "../text.js";

import { formatDuration, secondsLeft } from "../train/progress.js";

export { formatBytes, formatCount };

/** Where text of a program goes, as it is: the process's own streams, or a test's. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal: progress is drawn there only. */
  readonly interactive: boolean;
  /** Width of that terminal in characters; read anew whenever something is drawn. */
  readonly columns?: number;
  /** Standard input, opened when it is called. Default: none. */
  readonly input?: () => AsyncIterable<Uint8Array>;
}

/**
 * Where a command prints. Results go to `out`, everything else to `err`, so that output can be piped.
 *
 * Texts may hold anything that stands in a file: characters that act on a terminal or hide are shown as escapes, whoever prints
 * them. Newlines and tabs pass, so a name belongs into `formatTable` or `messageOf`, which keep it on one line.
 */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal. */
  readonly interactive: boolean;
  /** The line of that terminal that shows progress. */
  readonly line: LiveLine;
  /** Standard input, opened when it is called; null where there is none. */
  readonly input: (() => AsyncIterable<Uint8Array>) | null;
}

/** A bar for long work. */
export interface Progress {
  readonly advance: (done: number) => void;
  readonly stop: () => void;
}

/** Clean text on plain streams: the one place where text leaves the program. */
export function cleanIo(streams: Streams): Io {
  const line = liveLine({
    write: streams.err,
    interactive: streams.interactive,
    get columns() {
      return streams.columns ?? 0;
    },
  });
  const print = (write: (text: string) => void) => (text: string) => {
    line.close();
    write(visibleLines(text));
  };
  return { out: print(streams.out), err: print(streams.err), interactive: streams.interactive, line, input: streams.input ?? null };
}

/** A progress bar on a terminal; nothing elsewhere. */
export function startProgress(io: Io, label: string, total: number): Progress {
  if (!io.interactive || total < 2) return { advance: () => {}, stop: () => {} };
  const began = performance.now();
  let done = 0;
  const draw = (now: boolean) => {
    const left = secondsLeft(done, total, (performance.now() - began) / 1000);
    io.line.show(progressBar(label, done, total, left === null ? null : formatDuration(left)), now);
  };
  draw(true);
  return {
    advance: (more) => {
      done += more;
      draw(done >= total);
    },
    stop: () => io.line.close(),
  };
}

/** A bar that begins when it is known how much there is to do, and is told how much is done in all. */
export function lateProgress(
  io: Io,
  label: string,
): {
  readonly onProgress: (done: number, total: number) => void;
  readonly stop: () => void;
} {
  let bar: Progress | null = null;
  let seen = 0;
  return {
    onProgress: (done, total) => {
      bar ??= startProgress(io, label, total);
      bar.advance(done - seen);
      seen = done;
    },
    stop: () => bar?.stop(),
  };
}

/** `warning: skipped 12 unreadable images`, as a line. */
export function skippedWarning(count: number, sample: "image" | "case"): string {
  return `warning: skipped ${formatCount(count)} unreadable ${sample}${count === 1 ? "" : "s"}\n`;
}

/** Rows as text with aligned columns, each row on one line whatever its cells hold; columns listed in `right` are numbers. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const [titles = [], ...cells] = [header, ...rows].map((row) => row.map(visibleText));
  const widths = titles.map((title, column) =>
    cells.reduce((width, row) => Math.max(width, columnsOf(row[column] ?? "")), columnsOf(title)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const space = " ".repeat(Math.max(0, (widths[column] ?? 0) - columnsOf(cell)));
        return right.includes(column) ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return `${[line(titles), widths.map((width) => "─".repeat(width)).join("  "), ...cells.map(line)].join("\n")}\n`;
}

export function printJson(io: Io, value: unknown): void {
  io.out(`${visibleJson(value)}\n`);
}
