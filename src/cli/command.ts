import type { Io } from "./io.js";

/** Values of a command's flags by their camelCase names, as commander parsed them. */
export type Flags = Readonly<Record<string, unknown>>;

/** A command as data; its code is loaded when it runs, so that `--help` stays fast. */
export interface Command {
  readonly name: string;
  /** Positional arguments in commander's notation: `<id>`, `<files...>`. */
  readonly operands: string;
  readonly summary: string;
  readonly flags: readonly (readonly [flags: string, doc: string, fallback?: string])[];
  readonly examples: readonly string[];
  readonly load: () => Promise<{ readonly run: RunCommand }>;
}

/** Does the work and returns the exit code. Operands that repeat come as one list at their place. */
export type RunCommand = (operands: readonly (string | readonly string[])[], flags: Flags, io: Io) => Promise<number>;
