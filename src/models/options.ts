import { InceptionError } from "../errors.js";

/**
 * An option of a network: what it means, its default, and how a value is read. Values come as JavaScript values or as
 * the text of a command line ("1,1,1"), and go into exported files as JSON.
 */
export interface Option<T> {
  readonly doc: string;
  readonly default: T;
  /** What is accepted, for messages. */
  readonly expected: string;
  /** The value, or undefined where it is not acceptable. */
  readonly parse: (given: unknown) => T | undefined;
}

export type OptionTable = Readonly<Record<string, Option<OptionValue>>>;
export type OptionValue = number | string | boolean | readonly number[];
export type OptionValues<S extends OptionTable> = { readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never };
export type GivenOptions = Readonly<Record<string, unknown>>;

export function integerOption(doc: string, value: number, least: number, most: number): Option<number> {
  return {
    doc,
    default: value,
    expected: `an integer in [${least}, ${most}]`,
    parse: (given) => {
      const number = toNumber(given);
      return number !== undefined && Number.isInteger(number) && number >= least && number <= most ? number : undefined;
    },
  };
}

/** A number in [least, below). */
export function numberOption(doc: string, value: number, least: number, below: number): Option<number> {
  return {
    doc,
    default: value,
    expected: `a number in [${least}, ${below})`,
    parse: (given) => {
      const number = toNumber(given);
      return number !== undefined && number >= least && number < below ? number : undefined;
    },
  };
}

export function booleanOption(doc: string, value: boolean): Option<boolean> {
  return {
    doc,
    default: value,
    expected: "true or false",
    parse: (given) => (given === true || given === "true" ? true : given === false || given === "false" ? false : undefined),
  };
}

export function choiceOption<const C extends string>(doc: string, value: NoInfer<C>, choices: readonly C[]): Option<C> {
  return {
    doc,
    default: value,
    expected: choices.map((choice) => `"${choice}"`).join(" or "),
    parse: (given) => choices.find((choice) => choice === given),
  };
}

/** As many numbers as the default has, each in [least, most]; integers where `integers`. */
export function listOption(
  doc: string,
  value: readonly number[],
  least: number,
  most: number,
  integers = false,
): Option<readonly number[]> {
  return {
    doc,
    default: value,
    expected: `${value.length} ${integers ? "integers" : "numbers"} in [${least}, ${most}], as in ${value.join(",")}`,
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

/** Height and width in pixels: "299", "331x275" (height first), 299 or [331, 275]; each at least `least`. */
export function sizeOption(value: readonly [number, number], least: number): Option<readonly number[]> {
  return {
    doc: "Height and width of the input in pixels.",
    default: value,
    expected: `a size of ${least} to ${MOST_PIXELS} pixels, as in 299 or 331x275 (height first)`,
    parse: (given) => {
      const items: readonly unknown[] = typeof given === "string" ? given.split(/[x,]/) : Array.isArray(given) ? given : [given];
      const sizes = items
        .map(toNumber)
        .filter((size) => size !== undefined && Number.isInteger(size) && size >= least && size <= MOST_PIXELS);
      if (sizes.length !== items.length || sizes.length < 1 || sizes.length > 2) return undefined;
      const [height = 0, width = height] = sizes.filter((size) => size !== undefined);
      return [height, width];
    },
  };
}

// Beyond this one feature map of the stem alone takes several gigabytes.
const MOST_PIXELS = 16_384;

/**
 * The values of all options: the given ones, read and checked, and the defaults of the rest.
 *
 * @throws InceptionError OPTION_INVALID naming the option, the value and what is accepted
 */
export function resolveOptions<S extends OptionTable>(model: string, table: S, given: GivenOptions): OptionValues<S> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) {
      throw new InceptionError(
        "OPTION_INVALID",
        `Cannot set option "${name}" of ${model}: expected one of ${Object.keys(table).join(", ")}`,
        { model, name },
      );
    }
  }
  const values = Object.entries(table).map(([name, option]) => [name, resolveOne(model, name, option, given[name])]);
  // Each entry was parsed by the option of the same name, which is what the mapped type says.
  return Object.fromEntries(values) as OptionValues<S>;
}

/**
 * Only the given options, read and checked: what a file should remember about how its network was described.
 *
 * @throws InceptionError OPTION_INVALID as `resolveOptions`
 */
export function readGivenOptions(model: string, table: OptionTable, given: GivenOptions): Readonly<Record<string, OptionValue>> {
  const values: Readonly<Record<string, OptionValue>> = resolveOptions(model, table, given);
  return Object.fromEntries(Object.entries(values).filter(([name]) => given[name] !== undefined));
}

function resolveOne(model: string, name: string, option: Option<OptionValue>, given: unknown): OptionValue {
  if (given === undefined) return option.default;
  const value = option.parse(given);
  if (value !== undefined) return value;
  throw new InceptionError("OPTION_INVALID", `Cannot set option ${name} of ${model} to ${shown(given)}: expected ${option.expected}`, {
    model,
    name,
    given,
  });
}

/** A value as it was written; JSON alone would call NaN null and fail at a bigint. */
function shown(given: unknown): string {
  return typeof given === "number" || typeof given === "bigint" ? String(given) : (JSON.stringify(given) ?? typeof given);
}

function toNumber(given: unknown): number | undefined {
  if (typeof given === "number") return Number.isFinite(given) ? given : undefined;
  if (typeof given !== "string" || given.trim() === "") return undefined;
  const number = Number(given);
  return Number.isFinite(number) ? number : undefined;
}

/** Options that every network has. */
export function commonOptions(defaults: {
  readonly numClasses: number;
  readonly leastClasses: number;
  readonly inputSize: number;
  readonly minInputSize: number;
  readonly dropRate: number;
}) {
  return {
    numClasses: integerOption("Number of classes of the classifier.", defaults.numClasses, defaults.leastClasses, 1_000_000),
    inChannels: integerOption("Channels of the input image.", 3, 1, 1024),
    inputSize: sizeOption([defaults.inputSize, defaults.inputSize], defaults.minInputSize),
    dropRate: numberOption("Probability that a feature is dropped before the classifier in training.", defaults.dropRate, 0, 1),
    widthMultiplier: numberOption("Factor on the number of channels of every convolution, for small variants.", 1, 0.01, 8),
  };
}

/** The widths of a small variant: `channels` times the multiplier, rounded half up, at least 1. */
export function scaleWidth(channels: number, widthMultiplier: number): number {
  return Math.max(1, Math.floor(channels * widthMultiplier + 0.5));
}
