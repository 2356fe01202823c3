import path from "node:path";
import { messageOf } from "../errors.js";
import type { Io } from "./io.js";
import { type Progress, startProgress } from "./io.js";

/** Shows the progress of a segmentation. */
interface WindowProgress {
  readonly onWindow: (at: { readonly file: string; readonly done: number; readonly total: number }) => void;
  /** The file is done, or nothing more is. */
  readonly onFile: () => void;
}

/** Without a terminal: enough for a log to show progress without filling it. */
const SECONDS_BETWEEN_LINES = 10;

/** A bar for each file on a terminal; elsewhere a line on `err` now and then. */
export function windowProgress(io: Io, files: readonly string[]): WindowProgress {
  let bar: Progress | null = null;
  let told = performance.now();
  return {
    onWindow: ({ file, done, total }) => {
      const place = files.length > 1 ? ` (${files.indexOf(file) + 1}/${files.length})` : "";
      const name = `${messageOf(path.basename(file))}${place}`;
      if (io.interactive) {
        bar ??= startProgress(io, name, total);
        if (done > 0) bar.advance(1);
      } else if (done < total && performance.now() - told > SECONDS_BETWEEN_LINES * 1000) {
        told = performance.now();
        io.err(`${name}  window ${done}/${total}\n`);
      }
    },
    onFile: () => {
      bar?.stop();
      bar = null;
    },
  };
}
