import type { OptionInput } from "../models/index.js";
import { choiceOption, integerOption, numberOption, type Option } from "../options.js";
import type { Device } from "../runtime/session.js";
import type { CheckpointChoice } from "../tasks/model-host.js";
import type { Flags } from "./command.js";
import { invalid, unexpected } from "./usage-error.js";

/** The text of a flag, or undefined where it was not given. */
export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * The value of a flag, read by an option; undefined where it was not given.
 *
 * @throws InceptionError USAGE naming the flag and what is accepted
 */
export function readFlag<T>(flags: Flags, name: string, option: Option<T, unknown>): T | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const value = option.parse(text);
  if (value !== undefined) return value;
  const expected = option.choices === undefined ? option.expected : option.choices.join(", ");
  throw invalid(flagName(name), text, expected);
}

/** @throws InceptionError USAGE */
export function integerFlag(flags: Flags, name: string, least: number, most: number): number | undefined {
  return readFlag(flags, name, integerOption("", undefined, least, most));
}

/** @throws InceptionError USAGE */
export function numberFlag(flags: Flags, name: string, least: number, most: number): number | undefined {
  return readFlag(flags, name, numberOption("", undefined, least, most));
}

/** @throws InceptionError USAGE */
export function choiceFlag<const C extends string>(flags: Flags, name: string, choices: readonly C[]): C | undefined {
  return readFlag(flags, name, choiceOption("", undefined, choices));
}

/** `--option name=value`, repeatable, as options of a network. */
export function optionFlags(flags: Flags): OptionInput {
  const given = Array.isArray(flags.option) ? flags.option.map(String) : [];
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw invalid("--option", text, "name=value, as in numClasses=10");
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/**
 * `--option` and `--input`, which is inChannels and inputSize in one: `1x3x299x299`, `1x1x64x64x64`.
 *
 * @throws InceptionError USAGE for an input that is no such shape or says again what an option says
 */
export function networkFlags(flags: Flags): OptionInput {
  const options = optionFlags(flags);
  const input = textFlag(flags, "input");
  if (input === undefined) return options;
  const [batch, inChannels, ...inputSize] = input.split("x").map((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN));
  if (batch !== 1 || inputSize.length === 0 || [inChannels, ...inputSize].some(Number.isNaN))
    throw invalid("--input", input, "1, channels and sizes, as in 1x3x299x299 or 1x1x64x64x64");
  const twice = ["inChannels", "inputSize"].filter((name) => Object.hasOwn(options, name)).map((name) => `--option ${name}`);
  if (twice.length > 0) throw unexpected(twice, "--input sets the channels and sizes");
  return { ...options, inChannels, inputSize };
}

const DEVICES: readonly Device[] = ["auto", "cpu", "webgpu", "cuda"];

export function deviceFlags(flags: Flags): { readonly device: Device; readonly threads: number } {
  return { device: choiceFlag(flags, "device", DEVICES) ?? "auto", threads: integerFlag(flags, "threads", 0, 1024) ?? 0 };
}

/**
 * `--isolate` and `--time-limit`, which needs it.
 *
 * @throws InceptionError USAGE
 */
export function isolateFlags(flags: Flags): { readonly isolate?: true; readonly timeLimit?: number } {
  const timeLimit = numberFlag(flags, "timeLimit", 0.01, 86_400);
  if (flags.isolate === true) return { isolate: true, ...(timeLimit === undefined ? {} : { timeLimit }) };
  if (timeLimit === undefined) return {};
  throw unexpected(["--time-limit"], "supported only with --isolate, because only a child process can be terminated");
}

/** `--checkpoint`: best, last, or the number of an epoch. */
export function checkpointFlag(flags: Flags): { readonly checkpoint?: CheckpointChoice } {
  const text = textFlag(flags, "checkpoint");
  if (text === undefined) return {};
  if (text === "best" || text === "last") return { checkpoint: text };
  const epoch = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(epoch) && epoch >= 1) return { checkpoint: epoch };
  throw invalid("--checkpoint", text, "best, last or an epoch number");
}

/** --learning-rate for learningRate. */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
