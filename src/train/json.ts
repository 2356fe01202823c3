/**
 * JSON as a run writes it. JSON has no NaN and no infinities, and a run that diverges has both: they are written as the
 * strings "NaN", "Infinity" and "-Infinity" (as ProtoJSON does), and read back as numbers wherever a number is expected.
 */
import type { JsonData, JsonRecord } from "../formats/json.js";

export { decodeJson, type JsonData, type JsonRecord } from "../formats/json.js";

const NOT_FINITE: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/**
 * One line of JSON. Equal values give equal text: keys are sorted, numbers are written in the shortest form that gives
 * the same double (-0 included), and halves of surrogate pairs, which are no text, become U+FFFD.
 */
export function encodeJson(value: JsonData): string {
  if (typeof value === "number") return encodeNumber(value);
  if (typeof value === "string") return encodeText(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (isList(value)) return `[${value.map(encodeJson).join(",")}]`;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${encodeText(key)}:${encodeJson(item)}`).join(",")}}`;
}

function encodeNumber(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : String(value);
}

function encodeText(text: string): string {
  return JSON.stringify(text.replace(/\p{Surrogate}/gu, "\ufffd"));
}

export function isJsonRecord(value: JsonData | undefined): value is JsonRecord {
  return typeof value === "object" && value !== null && !isList(value);
}

/** Array.isArray, which does not narrow readonly lists. */
export function isList(value: JsonData | undefined): value is readonly JsonData[] {
  return Array.isArray(value);
}

/** A number as `encodeJson` writes it, or null for anything else. */
export function jsonNumber(value: JsonData | undefined): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" ? (NOT_FINITE.get(value) ?? null) : null;
}
