/** One setting of a run: how it is told, read and checked. */
import { InceptionError } from "../errors.js";
import { decodeJson, isJsonRecord, type JsonData } from "./json.js";

export interface Setting<T> {
  readonly doc: string;
  /** What a value is called where it is asked for: <number>, <text>, <name> of a list; null for a flag, which needs none. */
  readonly placeholder: "number" | "text" | "name" | null;
  readonly expected: string;
  /** The value of what a file or a command line says, or undefined where it is not acceptable. */
  readonly parse: (given: unknown) => T | undefined;
}

/** A table of settings, whose keys are the fields of what it reads. */
export type SettingTable<T> = { readonly [K in keyof T]: Setting<T[K]> };

/**
 * Read every setting of a table.
 *
 * @param given - values by name, as a command line or a file says them; what is undefined there is not given
 * @param defaults - values of what is not given
 * @throws InceptionError OPTION_INVALID naming the setting, the value and what is accepted; for an unknown setting too
 */
export function readSettings<T>(
  table: SettingTable<T>,
  given: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): T {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(table, name));
  if (unknown.length > 0) {
    throw new InceptionError("OPTION_INVALID", `Cannot set ${unknown.join(", ")} of a run: expected ${Object.keys(table).join(", ")}`, {
      unknown,
    });
  }
  const merged: Readonly<Record<string, unknown>> = { ...defaults, ...definedOnly(given) };
  // Each entry is parsed by the setting of the same name, which is what the table's type says.
  const values = Object.entries<Setting<unknown>>(table).map(([name, setting]) => [name, readSetting(name, setting, merged[name])]);
  return Object.fromEntries(values) as T;
}

/** @throws InceptionError OPTION_INVALID */
export function readSetting<T>(name: string, { parse, expected }: Setting<T>, given: unknown): T {
  const value = parse(given);
  if (value !== undefined) return value;
  const fact =
    given === undefined ? `Cannot train without ${name}` : `Cannot set ${name} of a run to ${JSON.stringify(given) ?? typeof given}`;
  throw new InceptionError("OPTION_INVALID", `${fact}: expected ${expected}`, { name, given });
}

export function definedOnly(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function toNumber(given: unknown): number | undefined {
  const value = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function number(doc: string, least: number, most: number): Setting<number> {
  const parse = (given: unknown) => {
    const value = toNumber(given);
    return value !== undefined && value >= least && value <= most ? value : undefined;
  };
  return { doc, placeholder: "number", expected: `a number in [${least}, ${most}]`, parse };
}

export function integer(doc: string, least: number, most: number): Setting<number> {
  const inner = number(doc, least, most);
  const parse = (given: unknown) => {
    const value = inner.parse(given);
    return value !== undefined && Number.isInteger(value) ? value : undefined;
  };
  return { doc, placeholder: "number", expected: `a whole number in [${least}, ${most}]`, parse };
}

export function text(doc: string): Setting<string> {
  return {
    doc,
    placeholder: "text",
    expected: "text",
    parse: (given) => (typeof given === "string" && given.trim() !== "" ? given : undefined),
  };
}

export function flag(doc: string): Setting<boolean> {
  const parse = (given: unknown) => (given === true || given === "true" ? true : given === false || given === "false" ? false : undefined);
  return { doc, placeholder: null, expected: "true or false", parse };
}

export function choice<C extends string>(doc: string, choices: readonly C[]): Setting<C> {
  return { doc, placeholder: "name", expected: choices.join(", "), parse: (given) => choices.find((candidate) => candidate === given) };
}

/** @param none - how null is said */
export function orNull<T>({ doc, placeholder, expected, parse }: Setting<T>, none = "none"): Setting<T | null> {
  return {
    doc,
    placeholder,
    expected: `${expected}, or ${none}`,
    parse: (given) => (given === null || given === none ? null : parse(given)),
  };
}

type ScalarRecord = Readonly<Record<string, number | string | boolean | readonly number[]>>;

/** `name:option=value,…` or a record, checked by what it is for. Throws as `check` does. */
export function scalarRecord(given: unknown, check: (record: ScalarRecord) => unknown): ScalarRecord | undefined {
  const record = typeof given === "string" ? recordOfText(given) : given;
  if (typeof record !== "object" || record === null || Array.isArray(record)) return undefined;
  const entries = Object.entries(record).filter((entry): entry is [string, number | string | boolean | readonly number[]] =>
    isScalar(entry[1]),
  );
  if (entries.length !== Object.keys(record).length) return undefined;
  const scalars = Object.fromEntries(entries);
  check(scalars);
  return scalars;
}

function isScalar(value: unknown): value is number | string | boolean | readonly number[] {
  return (
    ["number", "string", "boolean"].includes(typeof value) || (Array.isArray(value) && value.every((item) => typeof item === "number"))
  );
}

function recordOfText(given: string): ScalarRecord | undefined {
  const [name = "", rest = ""] = given.split(/:(.*)/s);
  const options = rest.split(",").filter((option) => option !== "");
  const pairs = options.map((option) => option.split("="));
  if (pairs.some((pair) => pair.length !== 2)) return undefined;
  return { name, ...Object.fromEntries(pairs.map(([key = "", value = ""]) => [key, scalarOf(value)])) };
}

function scalarOf(value: string): number | string | boolean {
  if (value === "true" || value === "false") return value === "true";
  return toNumber(value) ?? value;
}

export function checkedJson(given: unknown, check: (value: unknown) => unknown): JsonData | undefined {
  const value = typeof given === "string" && given.trimStart().startsWith("{") ? decodeJson(given, "the settings") : given;
  check(value);
  if (typeof value === "string") return value;
  // parseAugmentation accepts nothing but records of JSON.
  const json = value as JsonData;
  return isJsonRecord(json) ? json : undefined;
}
