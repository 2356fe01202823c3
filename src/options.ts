import { InceptionError } from "./errors.js";
import { formatCount } from "./text.js";

/**
 * An option of a network, an optimizer or a schedule, or a setting of a run: what it means, its default, and how a value is
 * read. Values come as JavaScript values or as the text of a command line ("1,1,1"), and go into files as JSON.
 *
 * @typeParam Input - what code may write for a value where that is more than `T`
 */
export interface Option<T, Input = T> {
  /** Options that it names stand in backticks, so that each interface can show them under its own names. */
  readonly doc: string;
  /** Undefined where the option must be given. */
  readonly default: T | undefined;
  /** What stands for the default in help where that is no single value. */
  readonly defaultDoc?: string;
  /** What a value is called where help asks for one, as in `fraction`; null for a switch, which takes none. */
  readonly placeholder: string | null;
  /** The accepted texts, of an option that has no other values. */
  readonly choices?: readonly string[];
  /** The text that stands for null, of an option that may be null. */
  readonly nullable?: string;
  /** What is accepted, for messages. */
  readonly expected: string;
  /** The value, or undefined where it is not acceptable. */
  readonly parse: (given: unknown) => T | undefined;
  /** Only a type: no option has this field. */
  readonly input?: Input;
}

/** A parsed value of an option. */
export type OptionValue = number | string | boolean | readonly number[];
/** Options by name: how each is parsed and checked, its default and its help text. */
export type OptionTable<T = OptionValue> = Readonly<Record<string, Option<T, unknown>>>;
export type OptionValues<S extends OptionTable<unknown>> = { readonly [K in keyof S]: S[K] extends Option<infer T, unknown> ? T : never };
/**
 * What code may write for the options of a table; what is left out has its default. `OptionInput` are accepted too, since whoever
 * takes options reads and checks them.
 */
export type OptionInputs<S> = {
  readonly [K in keyof S]?: (S[K] extends Option<unknown, infer Input> ? Input : never) | undefined;
};
/** The same where one option must be given. */
export type OptionInputsWith<S, Required extends keyof S> = { readonly [K in Required]: NonNullable<OptionInputs<S>[K]> } & Omit<
  OptionInputs<S>,
  Required
>;
/** Options as they come from a file or a command line: anything. */
export type OptionInput = Readonly<Record<string, unknown>>;

/** A number in [least, most]. */
export function numberOption(doc: string, value: number | undefined, least: number, most: number): Option<number> {
  return bounded(doc, value, `a number from ${least} to ${formatCount(most)}`, (number) => number >= least && number <= most);
}

/** A number in [0, 1): a share that is kept from one step to the next. */
export function fractionOption(doc: string, value: number | undefined): Option<number> {
  return numberBelowOption(doc, value, 0, 1);
}

/** True or false; as text "true" or "false". */
export function booleanOption(doc: string, value: boolean): Option<boolean> {
  return {
    doc,
    default: value,
    placeholder: null,
    expected: "true or false",
    parse: (given) => (given === true || given === "true" ? true : given === false || given === "false" ? false : undefined),
  };
}

/** One of some texts. */
export function choiceOption<const C extends string>(doc: string, value: NoInfer<C> | undefined, choices: readonly C[]): Option<C> {
  return {
    doc,
    default: value,
    placeholder: "name",
    choices,
    expected: choices.map((choice) => `"${choice}"`).join(" or "),
    parse: (given) => choices.find((choice) => choice === given),
  };
}

/** A text that is not blank. */
export function textOption(doc: string, value: string | undefined): Option<string> {
  return {
    doc,
    default: value,
    placeholder: "text",
    expected: "text",
    parse: (given) => (typeof given === "string" && given.trim() !== "" ? given : undefined),
  };
}

/**
 * An option that may also be null.
 *
 * @param word - the text that stands for null
 */
export function nullable<T, Input>(option: Option<T, Input>, value: T | null | undefined, word = "none"): Option<T | null, Input | null> {
  return {
    ...option,
    default: value,
    nullable: word,
    expected: `${option.expected}, or ${word}`,
    parse: (given) => (given === null || given === word ? null : option.parse(given)),
  };
}

/** Numbers in [least, most], each above the one before it: a list, or text as in "30,60". */
export function increasingListOption(
  doc: string,
  value: readonly number[],
  least: number,
  most: number,
): Option<readonly number[], readonly number[] | string> {
  return {
    doc,
    default: value,
    placeholder: "list",
    expected: `increasing numbers from ${least} to ${formatCount(most)}, as in 30,60`,
    parse: (given) => {
      const items: readonly unknown[] = typeof given === "string" ? given.split(",") : Array.isArray(given) ? given : [undefined];
      const numbers = items.map(toNumber).filter((number) => number !== undefined);
      const rises = numbers.every((number, index) => number > (numbers[index - 1] ?? Number.NEGATIVE_INFINITY));
      const inside = numbers.every((number) => number >= least && number <= most);
      return numbers.length === items.length && rises && inside ? numbers : undefined;
    },
  };
}

/** As many numbers as the default has, each in [least, most]; integers where `integers`. */
export function listOption(
  doc: string,
  value: readonly number[],
  least: number,
  most: number,
  integers = false,
): Option<readonly number[], readonly number[] | string> {
  return {
    doc,
    default: value,
    placeholder: "list",
    expected: `${value.length} ${integers ? "integers" : "numbers"} from ${least} to ${formatCount(most)}, as in ${value.join(",")}`,
    parse: (given) => {
      const items: readonly unknown[] = typeof given === "string" ? given.split(",") : Array.isArray(given) ? given : [];
      const numbers = items
        .map(toNumber)
        .filter((number) => number !== undefined && number >= least && number <= most && (!integers || Number.isInteger(number)));
      return numbers.length === value.length && items.length === value.length
        ? numbers.filter((number) => number !== undefined)
        : undefined;
    },
  };
}

/** An integer in [least, most]. */
export function integerOption(doc: string, value: number | undefined, least: number, most: number): Option<number> {
  const inside = (number: number) => Number.isInteger(number) && number >= least && number <= most;
  return { ...bounded(doc, value, `an integer from ${least} to ${formatCount(most)}`, inside), placeholder: "n" };
}

/** A number in [least, below). */
export function numberBelowOption(doc: string, value: number | undefined, least: number, below: number): Option<number> {
  return bounded(doc, value, `a number in [${least}, ${below})`, (number) => number >= least && number < below);
}

function bounded(doc: string, value: number | undefined, expected: string, accepts: (number: number) => boolean): Option<number> {
  return {
    doc,
    default: value,
    placeholder: "number",
    expected,
    parse: (given) => {
      const number = toNumber(given);
      return number !== undefined && accepts(number) ? number : undefined;
    },
  };
}

/**
 * The values of all options: the given ones, read and checked, and the defaults of the rest.
 *
 * @param owner - whose options they are, for messages, as in `sgd`
 * @throws InceptionError OPTION_INVALID naming the option, the value and what is accepted
 */
export function resolveOptions<S extends OptionTable<unknown>>(owner: string, table: S, given: OptionInput): OptionValues<S> {
  checkNames(owner, table, given);
  const values = Object.entries(table).map(([name, option]) => [name, readOption(owner, name, option, given[name])]);
  // Each entry was parsed by the option of the same name, which is what the mapped type says.
  return Object.fromEntries(values) as OptionValues<S>;
}

/**
 * Only the given options, read and checked: what a file should remember about how its network was described.
 *
 * @throws InceptionError OPTION_INVALID as `resolveOptions`
 */
export function readOptionInput<T>(owner: string, table: OptionTable<T>, given: OptionInput): Readonly<Record<string, T>> {
  checkNames(owner, table, given);
  const entries = Object.entries(table).filter(([name]) => given[name] !== undefined);
  return Object.fromEntries(entries.map(([name, option]) => [name, readOption(owner, name, option, given[name])]));
}

/**
 * The value of one option: the given one, read and checked, or its default.
 *
 * @throws InceptionError OPTION_INVALID as `resolveOptions`
 */
export function readOption<T>(owner: string, name: string, option: Option<T, unknown>, given: unknown): T {
  const value = given === undefined ? option.default : option.parse(given);
  if (value !== undefined) return value;
  if (given !== undefined) throw optionError(owner, name, given, option.expected);
  const text = `Cannot set option ${name} of ${owner}: no value given; expected ${option.expected}`;
  throw new InceptionError("OPTION_INVALID", text, { owner, name });
}

/** @throws InceptionError OPTION_INVALID for a name that the table does not have */
function checkNames(owner: string, table: OptionTable<unknown>, given: OptionInput): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(table, name));
  if (unknown === undefined) return;
  const names = Object.keys(table).join(", ");
  const text = `Cannot set option ${JSON.stringify(unknown)} of ${owner}: expected ${names === "" ? "none, it takes no options" : `one of ${names}`}`;
  throw new InceptionError("OPTION_INVALID", text, { owner, name: unknown });
}

/** The error of an option whose value does not go with the others. */
export function optionError(owner: string, name: string, given: unknown, expected: string): InceptionError {
  const text = `Cannot set option ${name} of ${owner} to ${shown(given)}: expected ${expected}`;
  return new InceptionError("OPTION_INVALID", text, { owner, name, given });
}

/**
 * The entry of a table that a record like `{name: "sgd", momentum: 0.9}` names, and the record's other fields.
 *
 * @param kind - what the table holds, for messages, as in `optimizer`
 * @throws InceptionError OPTION_INVALID where the record is none or names nothing in the table
 */
export function chooseNamed<T>(kind: string, table: Readonly<Record<string, T>>, record: unknown): readonly [T, OptionInput] {
  const names = Object.keys(table).join(", ");
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    const text = `Cannot read ${kind} ${shown(record)}: expected a record with a name, one of ${names}`;
    throw new InceptionError("OPTION_INVALID", text, { given: record });
  }
  const { name, ...given }: { readonly name?: unknown } = record;
  const chosen = typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
  if (chosen !== undefined) return [chosen, given];
  throw new InceptionError("OPTION_INVALID", `Cannot find ${kind} ${shown(name)}: expected one of ${names}`, { name });
}

/** A value as it was written; JSON alone would call NaN null and fail at a bigint. */
function shown(given: unknown): string {
  if (typeof given === "number" || typeof given === "bigint") return String(given);
  try {
    return JSON.stringify(given) ?? typeof given;
  } catch {
    // A record that contains itself, or one that holds a bigint.
    return typeof given;
  }
}

/** A finite number, or the one that a text is. */
export function toNumber(given: unknown): number | undefined {
  if (typeof given === "number") return Number.isFinite(given) ? given : undefined;
  if (typeof given !== "string" || given.trim() === "") return undefined;
  const number = Number(given);
  return Number.isFinite(number) ? number : undefined;
}
