import { Command as Commander, CommanderError, Option } from "commander";
import { InceptionError, messageOf } from "../errors.js";
import { systemFact } from "../node/system-error.js";
import { type Command, type FlagGroups, type Flags, HEADINGS } from "./command.js";
import { COMMANDS } from "./commands.js";
import { EXIT } from "./exit-code.js";
import { currentFlags, formerFlags } from "./former-flags.js";
import { cleanIo, type Io, type Streams } from "./io.js";
import { errorText } from "./option-words.js";
import { JSON_FLAG } from "./shared-flags.js";
import { EXCESS_ARGUMENT, excessMessage, unknownCommandMessage, usageMessage } from "./usage.js";
import { helpHint } from "./usage-error.js";

/**
 * Run one command line.
 *
 * @param args - what follows the program's name
 * @returns the exit code; errors are printed, never thrown
 */
export async function main(args: readonly string[], streams: Streams): Promise<number> {
  return runLine(args, cleanIo(streams));
}

/** The same with text that is cleaned already. */
export async function runLine(given: readonly string[], io: Io): Promise<number> {
  // `help train` is `train --help`.
  const args = given[0] === "help" ? [...given.slice(1, 2), "--help"] : given;
  try {
    return await runWith(await withMoreFlags(args[0]), args, io);
  } catch (thrown) {
    // The flags of a command may come with a package that is not installed.
    return report(thrown, io);
  }
}

async function runWith(commands: readonly Command[], args: readonly string[], io: Io): Promise<number> {
  const [name] = args;
  const called = commands.find((command) => command.name === name);
  if (name !== undefined && called === undefined && !name.startsWith("-")) {
    io.err(`inception: ${unknownCommandMessage(name, commands)}\n`);
    return EXIT.unusable;
  }
  try {
    const { command, operands, flags, warnings } = await parse(args.length === 0 ? ["--help"] : args, commands, io);
    for (const warning of warnings) io.err(`warning: ${warning}\n`);
    const { run } = await command.load();
    return await run(operands, flags, io);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return report(thrown, io, called);
    const message = usageMessage(thrown, called);
    if (message === null) return EXIT.success;
    io.err(`inception: ${message}\n`);
    return EXIT.unusable;
  }
}

/** A command line that was understood, before it runs. */
interface ParsedLine {
  readonly command: Command;
  readonly operands: readonly (string | readonly string[])[];
  readonly flags: Flags;
  /** About deprecated flags. */
  readonly warnings: readonly string[];
}

/**
 * Parse a command line without running it. The values of flags are checked by the command itself, when it runs.
 *
 * @throws CommanderError where it is invalid, and for `--help` and `--version`
 */
export async function parseLine(args: readonly string[]): Promise<ParsedLine> {
  return parse(args, await withMoreFlags(args[0]), { out: () => {} });
}

/** @throws CommanderError where the line is invalid, and for `--help` and `--version`, which are printed */
async function parse(args: readonly string[], commands: readonly Command[], io: Pick<Io, "out">): Promise<ParsedLine> {
  const lines: ParsedLine[] = [];
  const program = await programOf(commands, io, (line) => void lines.push(line));
  program.parse([...args], { from: "user" });
  const [line] = lines;
  if (line === undefined) throw new CommanderError(EXIT.unusable, "inception.noCommand", "missing command");
  return line;
}

/** Every command with `--json`; the one that is called also with the flags and notes that a table elsewhere adds. */
async function withMoreFlags(name: string | undefined): Promise<readonly Command[]> {
  return Promise.all(
    COMMANDS.map(async ({ moreFlags, notes, ...command }) => {
      const called = command.name === name;
      const more = (called ? await moreFlags?.() : undefined) ?? {};
      const json = { Output: [JSON_FLAG] };
      const groups = HEADINGS.map((heading) => {
        const flags = [command.flags, more, json].flatMap((each: FlagGroups) => each[heading] ?? []);
        return [heading, flags] as const;
      });
      return { ...command, flags: Object.fromEntries(groups), ...(called && notes !== undefined ? { notes } : {}) };
    }),
  );
}

const FOOTER = `
Run "inception <command> --help" or "inception help <command>" for the options of a command.
Exit codes: 0 everything succeeded, 1 some inputs failed or a check did not hold,
2 invalid usage or input, 70 internal error, 130 interrupted.
`;

/** @param onLine - called with a line that was understood */
async function programOf(commands: readonly Command[], io: Pick<Io, "out">, onLine: (line: ParsedLine) => void): Promise<Commander> {
  const program = new Commander("inception")
    .description("Run, train, explain and export Inception networks as ONNX.")
    .usage("<command> [options]")
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: () => {} })
    .configureHelp({ subcommandTerm: termOf })
    .showSuggestionAfterError(false)
    .helpCommand(false)
    .helpOption("-h, --help", "display help")
    .version(await packageVersion(), "-V, --version", "print the version");
  for (const command of commands) await addCommand(program, command, onLine);
  return program.addHelpText("after", FOOTER);
}

/** `classify <images...>`, without the options that all commands have. */
function termOf(command: Commander): string {
  const operands = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...operands].join(" ");
}

/** `--float` is the former name of `--keep-float`. */
const REPEATABLE = ["--option ", "--keep-float ", "--float ", "--name "];

async function addCommand(program: Commander, command: Command, onLine: (line: ParsedLine) => void): Promise<void> {
  const { name, group, operands, summary, flags, examples } = command;
  const definition = program.command(name).helpGroup(`${group}:`).summary(summary).description(summary);
  for (const [notation, doc] of operands) definition.argument(notation, doc);
  for (const heading of HEADINGS) {
    for (const [notation, doc, fallback] of flags[heading] ?? []) {
      // The default only as text: a value that commander knew would count as given.
      const text = fallback === undefined ? doc : `${doc} (default: ${fallback})`;
      definition.addOption(optionOf(notation, text).helpGroup(`${heading}:`));
    }
  }
  for (const notation of formerFlags(command)) definition.addOption(optionOf(notation, "").hideHelp());
  definition.addHelpOption(new Option("-h, --help", "display help").helpGroup("Output:"));
  const shown = examples.map(([caption, line]) => `  ${caption}\n  $ ${line}\n`).join("\n");
  const notes = await command.notes?.();
  definition.addHelpText("after", `${notes === undefined ? "" : `\n${notes}\n`}\nExamples:\n${shown}`);
  definition.allowExcessArguments();
  definition.action((...given: unknown[]) => {
    const names = definition.registeredArguments.map((argument) => argument.name());
    const excess = definition.registeredArguments.at(-1)?.variadic === true ? undefined : definition.args[names.length];
    if (excess !== undefined) throw new CommanderError(EXIT.unusable, EXCESS_ARGUMENT, excessMessage(excess, name, names));
    const values = given.slice(0, definition.registeredArguments.length).flatMap(operandOf);
    onLine({ command, operands: values, ...currentFlags(name, definition.opts<Flags>()) });
  });
}

/** A flag that is repeatable collects its values; one that takes a list would swallow the files after it. */
function optionOf(flags: string, doc: string): Option {
  const option = new Option(flags, doc);
  if (!REPEATABLE.some((flag) => flags.startsWith(flag))) return option;
  return option.argParser((value: string, previous?: readonly string[]) => [...(previous ?? []), value]);
}

/** An operand as commander parsed it: a text or, where it repeats, a list; nothing where it was left out. */
function operandOf(given: unknown): readonly (string | readonly string[])[] {
  if (typeof given === "string") return [given];
  return Array.isArray(given) ? [given.map(String)] : [];
}

/** Print what ended a command and return its exit code. */
export function report(thrown: unknown, io: Io, command?: Command): number {
  if (thrown instanceof InceptionError) {
    const hint = thrown.details.seeHelp === true ? `; ${helpHint(command?.name)}` : "";
    io.err(`inception: ${errorText(thrown)}${hint}\n`);
    return EXIT.unusable;
  }
  const fact = systemFact(thrown);
  if (fact !== null) {
    // Whoever met it did not know what it was for; the system's own message names the file.
    io.err(`inception: Cannot continue: ${fact} (${messageOf(thrown)})\n`);
    return EXIT.unusable;
  }
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_MODULE_NOT_FOUND") {
    // Also where a package's description could not be opened: too many open files.
    io.err(`inception: Cannot load a part of the program: ${messageOf(thrown)}; run npm ci, or allow more open files (ulimit -n)\n`);
    return EXIT.unusable;
  }
  const stack = thrown instanceof Error ? thrown.stack : String(thrown);
  io.err(`inception: internal error, a bug in inceptionkit; report it with the stack trace below\n${stack}\n`);
  return EXIT.internal;
}

async function packageVersion(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const value: unknown = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof value === "object" && value !== null && "version" in value ? String(value.version) : "unknown";
}
