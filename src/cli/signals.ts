import { constants } from "node:os";

/** Ctrl-C, what job schedulers and service managers send, and the end of the terminal. */
export const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Of a program that a signal ended: 128 and the signal's number, as shells have it; 130 for Ctrl-C. */
export function exitCodeOfSignal(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}

/** Watches signals for work that has something to save. */
interface SignalWatch {
  /** Aborted by the first signal; the second ends the program. */
  readonly signal: AbortSignal;
  /** From now on signals are watched; before, one ends the program as in any other command. */
  readonly start: () => void;
  readonly stop: () => void;
  /** Of the first signal. */
  readonly exitCode: () => number;
}

/** @param onFirst - says what is done before the program ends */
export function watchSignals(names: readonly NodeJS.Signals[], onFirst: () => void): SignalWatch {
  const controller = new AbortController();
  let code = 0;
  const onSignal = (name: NodeJS.Signals) => {
    code = exitCodeOfSignal(name);
    if (controller.signal.aborted) process.exit(code);
    onFirst();
    controller.abort();
  };
  return {
    signal: controller.signal,
    start: () => {
      for (const name of names) process.on(name, onSignal);
    },
    stop: () => {
      for (const name of names) process.off(name, onSignal);
    },
    exitCode: () => code,
  };
}
