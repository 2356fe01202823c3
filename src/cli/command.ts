import type { Io } from "./io.js";

/** Values of a command's flags by their camelCase names, as commander parsed them. */
export type Flags = Readonly<Record<string, unknown>>;

/** Headings of `--help`, in their order. */
export const HEADINGS = ["Data", "Model", "Optimization", "Augmentation", "Runtime", "Output"] as const;
export type Heading = (typeof HEADINGS)[number];

/** A flag in commander's notation, its text in `--help`, its default, and the heading that it stands under. */
export type Flag = readonly [flags: string, doc: string, fallback?: string | undefined, heading?: Heading];

/** A command as data; its code is loaded when it runs, so that `--help` stays fast. */
export interface Command {
  readonly name: string;
  /** Positional arguments in commander's notation: `<id>`, `<files...>`. */
  readonly operands: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Flags that come from a table elsewhere, loaded only for this command. */
  readonly moreFlags?: () => Promise<readonly Flag[]>;
  readonly examples: readonly string[];
  readonly load: () => Promise<{ readonly run: RunCommand }>;
}

/** Does the work and returns the exit code. Operands that repeat come as one list at their place; those left out are missing. */
export type RunCommand = (operands: readonly (string | readonly string[])[], flags: Flags, io: Io) => Promise<number>;
