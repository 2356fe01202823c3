import type { Io } from "./io.js";

/** Values of a command's flags by their camelCase names, as commander parsed them. */
export type Flags = Readonly<Record<string, unknown>>;

/** Headings of `--help`, in their order. */
export const HEADINGS = [
  "Data",
  "Model",
  "Method",
  "Inference",
  "Quantization",
  "Acceptance",
  "Training step (only with --training-step)",
  "Optimization",
  "Augmentation",
  "Server",
  "Runtime",
  "Output",
] as const;
export type Heading = (typeof HEADINGS)[number];

/** A flag in commander's notation, its text in `--help`, and its default as text. */
export type Flag = readonly [flags: string, doc: string, fallback?: string];

/** Flags by heading; within a heading the most used first. */
export type FlagGroups = Readonly<Partial<Record<Heading, readonly Flag[]>>>;

/** Headings of the commands in `inception --help`, in their order. */
type CommandGroup = "Inference" | "Training and evaluation" | "Export" | "Serving" | "Inspection" | "Research";

/** A command as data; its code is loaded when it runs, so that `--help` stays fast. */
export interface Command {
  readonly name: string;
  readonly group: CommandGroup;
  /** Positional arguments in commander's notation (`<id>`, `<images...>`), each with its description. */
  readonly operands: readonly (readonly [notation: string, doc: string])[];
  readonly summary: string;
  /** All but `--json`, which every command has. */
  readonly flags: FlagGroups;
  /** Flags that come from a table elsewhere, loaded only for this command; they follow the others of their heading. */
  readonly moreFlags?: () => Promise<FlagGroups>;
  /** What `--help` shows before the examples. */
  readonly notes?: () => Promise<string>;
  readonly examples: readonly (readonly [caption: string, line: string])[];
  readonly load: () => Promise<{ readonly run: RunCommand }>;
}

/** Does the work and returns the exit code. Operands that repeat come as one list at their place; those left out are missing. */
export type RunCommand = (operands: readonly (string | readonly string[])[], flags: Flags, io: Io) => Promise<number>;
