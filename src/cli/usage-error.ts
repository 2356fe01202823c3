/** Errors of a command line that a command finds itself, in the forms of those that the parser finds (usage.ts). */
import { InceptionError } from "../errors.js";

/**
 * A flag or an operand that is required: `missing --model: pass a model id`.
 *
 * @param remedy - what to pass, in the imperative
 */
export function missing(name: string, remedy: string): InceptionError {
  return new InceptionError("USAGE", `missing ${name}: ${remedy}`, { name, seeHelp: true });
}

/** A value that a flag does not take: `invalid --batch-size 2.5: expected an integer from 1 to 4,096`. */
export function invalid(flag: string, value: string, expected: string): InceptionError {
  return new InceptionError("USAGE", `invalid ${flag} ${value}: expected ${expected}`, { flag, value });
}

/** Flags or operands that would have no effect, which is a mistake: `unexpected --half: supported only with --format safetensors`. */
export function unexpected(names: readonly string[], reason: string): InceptionError {
  return new InceptionError("USAGE", `unexpected ${names.join(", ")}: ${reason}`, { names, seeHelp: true });
}

/** Where the help of a command is: what errors of usage end with. */
export function helpHint(command: string | undefined): string {
  return `see inception ${command === undefined ? "" : `${command} `}--help`;
}
