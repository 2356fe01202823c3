/** Command lines that commander rejects, in the program's own words: what is wrong, what was probably meant, where to look. */
import type { CommanderError } from "commander";
import { messageOf } from "../errors.js";
import { nearestName } from "../text.js";
import type { Command } from "./command.js";
import { EXIT } from "./exit-code.js";
import { helpHint } from "./usage-error.js";

/** Flags as other programs call them, and what they are here. A hint is given where the command has the flag it begins with. */
const ALIASES: Readonly<Record<string, string>> = {
  "-b": "--batch-size",
  "-e": "--epochs",
  "-j": "--workers",
  "-k": "--top",
  "-m": "--model",
  "-o": "--out",
  "-w": "--weights",
  "--bs": "--batch-size",
  "--classes": "--option numClasses=N",
  "--dropout": "--option dropRate=F",
  "--ema": "--ema-decay",
  "--gpu": "--device cuda",
  "--grad-accum": "--accumulate",
  "--gradient-accumulation": "--accumulate",
  "--image-size": "--option inputSize=N",
  "--img-size": "--option inputSize=N",
  "--imgsz": "--option inputSize=N",
  "--input-size": "--option inputSize=N",
  "--label-names": "--class-names",
  "--learningrate": "--learning-rate",
  "--lr": "--learning-rate",
  "--lr-scheduler": "--schedule",
  "--max-epochs": "--epochs",
  "--momentum": "--optimizer sgd:momentum=F",
  "--num-classes": "--option numClasses=N",
  "--num-epochs": "--epochs",
  "--num-threads": "--threads",
  "--num-workers": "--workers",
  "--opt": "--optimizer",
  "--output-dir": "--out",
  "--outdir": "--out",
  "--output": "--out",
  "--pretrained": "--weights pretrained",
  "--random-seed": "--seed",
  "--scheduler": "--schedule",
  "--top-k": "--top",
  "--topk": "--top",
  "--validation": "--val-data",
  "--wd": "--optimizer sgd:weightDecay=F",
  "--weight-decay": "--optimizer sgd:weightDecay=F",
};

/** What to say of a command line that could not be parsed; null where commander has shown help or the version. */
export function usageMessage(error: CommanderError, command: Command | undefined): string | null {
  if (error.exitCode === EXIT.success) return null;
  const said = messageOf(error)
    .replace(/^error: /, "")
    .replace(/[.]$/, "");
  if (error.code === EXCESS_ARGUMENT) return said;
  const hint = helpHint(command?.name);
  const [, flag] = /^unknown option '(.*)'$/.exec(said) ?? [];
  if (flag !== undefined) return `unknown option ${flag}${meant(flagMeant(flag, command))} ${hint}`;
  return `${said.replace(/^option '(.*)' argument missing$/, "missing value of $1")}; ${hint}`;
}

/** The code of a CommanderError for an operand too many, whose message is complete. */
export const EXCESS_ARGUMENT = "inception.excessArgument";

/** The message for an operand too many. An unquoted pattern is many operands, once the shell has expanded it. */
export function excessMessage(argument: string, command: string, operands: readonly string[]): string {
  const [first, ...others] = operands;
  const takes = first === undefined ? "no operands" : others.length === 0 ? `one ${first} operand` : `only ${operands.join(" and ")}`;
  const remedy = operands.includes("data") ? 'quote patterns such as "shards/{000..099}.tar"' : helpHint(command);
  return `unexpected argument "${messageOf(argument)}": ${command} takes ${takes}; ${remedy}`;
}

/** What to say of a command that is not there. */
export function unknownCommandMessage(name: string, commands: readonly Command[]): string {
  const near = nearestName(
    name,
    commands.map((command) => command.name),
  );
  return `unknown command "${messageOf(name)}"${meant(near)} ${helpHint(undefined)}`;
}

function meant(name: string | null): string {
  return name === null ? ";" : `; did you mean ${name}?`;
}

function flagMeant(flag: string, command: Command | undefined): string | null {
  const known = Object.values(command?.flags ?? {})
    .flat()
    .map(([flags]) => /--[a-z-]+/.exec(flags)?.[0] ?? "");
  const written = flag.startsWith("--") ? flag.replaceAll("_", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`) : flag;
  if (known.includes(written)) return written;
  const alias = Object.hasOwn(ALIASES, written) ? ALIASES[written] : undefined;
  if (alias !== undefined && known.includes(alias.split(" ")[0] ?? "")) return alias;
  return written.startsWith("--") ? nearestName(written, [...known, "--help"]) : null;
}
