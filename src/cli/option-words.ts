/**
 * Library texts in the words of the command line. Messages and the docs of options name options and functions in backticks:
 * `clipNorm` is --clip-norm here, and `options.numClasses` is --option numClasses=N.
 */
import { InceptionError, messageOf, type Remedy } from "../errors.js";
import { flagName } from "./flags.js";

/** Options whose flags have other names. */
const FLAG_NAMES: Readonly<Record<string, string>> = {
  batch: "batchSize",
  labels: "classNames",
  learningRateMultipliers: "lrMultipliers",
};

/** What a command line says as an operand. */
export const OPERANDS: readonly string[] = ["data"];

/** Functions as commands. */
const COMMANDS: Readonly<Record<string, string>> = {
  compareTensors: "diff --tensors",
  knownWeights: "inception weights list",
  resumeSegmentation: "inception train-seg",
  resumeTraining: "inception train",
  trainSegmentation: "train-seg",
};

/** What the values of a command line call an option. */
export function flagKey(option: string): string {
  return FLAG_NAMES[option] ?? option;
}

/** What a command line calls an option. */
export function optionFlagName(option: string): string {
  return OPERANDS.includes(option) ? option.toUpperCase() : flagName(flagKey(option));
}

/** A name in backticks that stands by itself: not one inside of a quoted path. */
const NAMED = /(?<=^|[\s(])`(options\.)?([A-Za-z]+)`(?=$|[\s,;:.)'])/g;

/** A library text with the flags and commands of what it names. */
export function inFlags(text: string): string {
  return text.replace(NAMED, (_, ofNetwork: string | undefined, name: string) =>
    ofNetwork === undefined ? (COMMANDS[name] ?? optionFlagName(name)) : `--option ${name}=N`,
  );
}

/** Remedies whose wording is more than the flag of an option. */
const REMEDIES: Readonly<Record<Remedy, string>> = {
  "needs-classifier": "pass --option numClasses=N",
  "needs-empty-directory": "choose another --out",
  "needs-preprocessing": "pass --preprocessing with a preset name or a JSON file",
  "needs-weights": "pass --weights pretrained, hf:OWNER/NAME or a file",
  resumable: "resume it with --resume, or choose another --out",
  "skip-self-check": "re-export the model on this machine",
};

/** The message of anything thrown, on one line, for people at a command line. */
export function errorText(thrown: unknown): string {
  const text = inFlags(messageOf(thrown));
  const remedy = thrown instanceof InceptionError ? thrown.details.remedy : undefined;
  return remedy === undefined ? text : `${text.slice(0, text.lastIndexOf("; "))}; ${REMEDIES[remedy]}`;
}
