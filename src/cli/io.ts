/** Where a command reads and prints. Results go to `out`, everything else to `err`, so that output can be piped. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal: progress is drawn there only. */
  readonly interactive: boolean;
  /** Width of that terminal in characters. */
  readonly columns?: number;
}

/** A bar for long work. */
export interface Progress {
  readonly advance: (done: number) => void;
  readonly stop: () => void;
}

/** The process's own streams. A reader that goes away (`| head`) ends the program quietly. */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
    ...(process.stderr.isTTY === true ? { columns: process.stderr.columns } : {}),
  };
}

/** A progress bar on a terminal; nothing elsewhere. */
export async function startProgress(io: Io, label: string, total: number): Promise<Progress> {
  if (!io.interactive || total < 2) return { advance: () => {}, stop: () => {} };
  const { default: cliProgress } = await import("cli-progress");
  const bar = new cliProgress.SingleBar({
    format: `${label} {bar} {value}/{total} {eta_formatted}`,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  bar.start(total, 0);
  return { advance: (done) => bar.increment(done), stop: () => bar.stop() };
}

/** 1234567 → 1,234,567. */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

/** Rows as text with aligned columns; columns listed in `right` are numbers. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = header.map((title, column) => rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return `${[line(header), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n")}\n`;
}

export function printJson(io: Io, value: unknown): void {
  io.out(`${JSON.stringify(value)}\n`);
}
