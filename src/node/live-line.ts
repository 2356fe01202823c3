import { fitColumns, visibleText } from "../text.js";

export interface LiveLineOptions {
  /** Where text goes; a terminal's error stream, usually. */
  readonly write: (text: string) => void;
  /** Whether `write` reaches a terminal: then one line is rewritten. Otherwise only notes are written. */
  readonly interactive: boolean;
  /** Width of the terminal; longer lines are cut. Default 80, also where the terminal reports 0. Read anew for each line. */
  readonly columns?: number;
}

/** A line of a terminal that is rewritten while work goes on, with lines that stay above it. */
export interface LiveLine {
  /** Replace the line; `now` even if the last one was written a moment ago. Nothing where no terminal is. */
  readonly show: (text: string, now?: boolean) => void;
  /** Print a line that stays. */
  readonly note: (text: string) => void;
  /** Remove the line, so that others may write. */
  readonly close: () => void;
}

/** A terminal is not written to more often. */
const MILLISECONDS_BETWEEN = 100;
const USUAL_COLUMNS = 80;

/** What is shown may come from files: each text is one line and does nothing else to the terminal. */
export function liveLine(options: LiveLineOptions): LiveLine {
  const { write, interactive } = options;
  // Back to the first column, and nothing behind what is written.
  const clear = "\r\u001b[K";
  let shown = false;
  let writtenAt = Number.NEGATIVE_INFINITY;
  const close = () => {
    if (shown) write(clear);
    shown = false;
  };
  return {
    show: (text, now = false) => {
      const time = performance.now();
      if (!interactive || (!now && time - writtenAt < MILLISECONDS_BETWEEN)) return;
      writtenAt = time;
      shown = true;
      // A terminal whose size nobody set reports 0 columns. The last column stays free: some terminals wrap there.
      write(clear + fitColumns(visibleText(text), Math.max(1, (options.columns || USUAL_COLUMNS) - 1)));
    },
    note: (text) => {
      close();
      write(`${visibleText(text)}\n`);
    },
    close,
  };
}

const BAR_CELLS = 30;

/** `images ██████░░░░  12/40  ETA 0:00:05`. */
export function progressBar(label: string, done: number, total: number, eta: string | null): string {
  const filled = Math.min(BAR_CELLS, Math.floor((BAR_CELLS * done) / Math.max(1, total)));
  const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
  return `${label} ${bar}  ${String(done).padStart(String(total).length)}/${total}${eta === null ? "" : `  ETA ${eta}`}`;
}
