/** The program as a process: its streams, signals and last errors. */
import { factOf } from "../node/system-error.js";
import { EXIT } from "./exit-code.js";
import { cleanIo, type Io } from "./io.js";
import { report, runLine } from "./main.js";
import { exitCodeOfSignal, SIGNALS } from "./signals.js";

/**
 * Run the command line of this process.
 *
 * @returns its exit code
 */
export async function runProcess(args: readonly string[]): Promise<number> {
  const io = processIo();
  endOnSignals(io);
  process.on("uncaughtException", (thrown) => process.exit(report(thrown, io)));
  return runLine(args, io);
}

function processIo(): Io {
  const { stdout, stderr } = process;
  const io = cleanIo({
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    interactive: stderr.isTTY === true,
    get columns() {
      return stderr.columns;
    },
    input: () => process.stdin,
  });
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that goes away (`| head`) has what it wants.
    if (error.code === "EPIPE") process.exit(EXIT.success);
    io.err(`inception: Cannot write to standard output: ${factOf(error)}\n`);
    process.exit(EXIT.unusable);
  });
  // Nobody is left to tell; the exit code still does.
  stderr.on("error", () => {});
  return io;
}

const NAMES: Readonly<Record<(typeof SIGNALS)[number], string>> = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "hung up" };

/**
 * A signal ends the program with one line and 128 + its number. Files that are being written leave nothing behind: they are removed
 * when the process exits. A command that has something to save watches the signal itself.
 */
function endOnSignals(io: Io): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (process.listenerCount(signal) > 1) return;
      io.err(`${NAMES[signal]}\n`);
      process.exit(exitCodeOfSignal(signal));
    });
  }
}
