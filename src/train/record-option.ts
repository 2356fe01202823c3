/** Settings that are records: `name:option=value,…` of something that a table lists, and JSON. */
import { type Option, toNumber } from "../options.js";
import { decodeJson, isJsonRecord, type JsonData } from "./json.js";

/** A name and its options, as in `{name: "sgd", momentum: 0.9}`. */
type NamedRecord = Readonly<Record<string, number | string | boolean | readonly number[]>>;

/**
 * A record with a name, or the text `name:option=value,…`.
 *
 * @param expected - what is accepted, for messages
 * @param check - throws for a record that names nothing, or has an option that is not acceptable
 */
export function namedRecordOption(
  doc: string,
  value: NamedRecord | undefined,
  expected: string,
  check: (record: NamedRecord) => unknown,
): Option<NamedRecord, NamedRecord | string> {
  return { doc, default: value, placeholder: "spec", expected, parse: (given) => namedRecord(given, check) };
}

function namedRecord(given: unknown, check: (record: NamedRecord) => unknown): NamedRecord | undefined {
  const record = typeof given === "string" ? recordOfText(given) : given;
  if (typeof record !== "object" || record === null || Array.isArray(record)) return undefined;
  const entries = Object.entries(record).filter((entry): entry is [string, NamedRecord[string]] => isScalar(entry[1]));
  if (entries.length !== Object.keys(record).length) return undefined;
  const scalars = Object.fromEntries(entries);
  check(scalars);
  return scalars;
}

function isScalar(value: unknown): value is NamedRecord[string] {
  return (
    ["number", "string", "boolean"].includes(typeof value) || (Array.isArray(value) && value.every((item) => typeof item === "number"))
  );
}

function recordOfText(given: string): NamedRecord | undefined {
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

/**
 * A name, or a record of JSON, which may also be given as its text.
 *
 * @param expected - what is accepted, for messages
 * @param check - throws for a value that is not acceptable
 */
export function jsonOption(
  doc: string,
  value: JsonData | undefined,
  expected: string,
  check: (value: unknown) => unknown,
): Option<JsonData> {
  return {
    doc,
    default: value,
    placeholder: "name|json",
    expected,
    parse: (given) => {
      const read = typeof given === "string" && given.trimStart().startsWith("{") ? decodeJson(given, "the settings") : given;
      check(read);
      if (typeof read === "string") return read;
      // What passed the check is a record of JSON.
      const json = read as JsonData;
      return isJsonRecord(json) ? json : undefined;
    },
  };
}
