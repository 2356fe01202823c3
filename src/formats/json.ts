import { InceptionError } from "../errors.js";
import { quoted } from "./quoted.js";

/**
 * JSON with objects as Map, so that a key such as "__proto__" is a key and nothing else, and so that two equal keys in
 * one object are seen and refused (JSON.parse keeps the last one without a word). RFC 8259.
 */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** JSON with objects as plain records. */
export type JsonData = null | boolean | number | string | readonly JsonData[] | JsonRecord;
/** A JSON object. */
export interface JsonRecord {
  readonly [key: string]: JsonData;
}

/** Headers that we read nest three deep; 16 leaves room and keeps the recursion far from the stack's end. */
const MAX_DEPTH = 16;
/** No number that a header needs is longer; a double prints in 24 characters. */
const MAX_NUMBER_LENGTH = 32;

const SPACE = new Set([" ", "\t", "\n", "\r"]);

interface Cursor {
  readonly text: string;
  readonly where: string;
  at: number;
}

/**
 * Parse a whole JSON text.
 *
 * @param where - what the text is, for messages: `the header of "x.safetensors"`
 * @throws InceptionError FILE_CORRUPT on anything that is not one JSON value, on duplicate keys and on nesting deeper than 16
 */
export function parseJson(text: string, where: string): JsonValue {
  const cursor: Cursor = { text, where, at: 0 };
  const value = readValue(cursor, 0);
  skipSpace(cursor);
  if (cursor.at !== text.length) throw wrong(cursor, "expected the end of the text");
  return value;
}

/**
 * Parse JSON from a file into plain records. Unlike `JSON.parse` it rejects repeated keys and nesting deeper than 16, so
 * that a function that walks or prints the result cannot overflow the stack.
 *
 * @param where - names the text in messages: `config.json of run "x"`
 * @throws InceptionError FILE_CORRUPT
 */
export function decodeJson(text: string, where: string): JsonData {
  return plain(parseJson(text, where));
}

function plain(value: JsonValue): JsonData {
  if (value === null || typeof value !== "object") return value;
  // fromEntries defines own properties, so that a key "__proto__" is a key and nothing else.
  if (isMap(value)) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  return value.map(plain);
}

function isMap(value: JsonValue): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map;
}

function wrong(cursor: Cursor, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read ${cursor.where} as JSON: ${fact} at character ${cursor.at}`, { at: cursor.at });
}

function skipSpace(cursor: Cursor): void {
  while (SPACE.has(cursor.text.charAt(cursor.at))) cursor.at++;
}

function readValue(cursor: Cursor, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw wrong(cursor, `nesting is deeper than ${MAX_DEPTH}`);
  skipSpace(cursor);
  const first = cursor.text.charAt(cursor.at);
  if (first === "{") return readObject(cursor, depth);
  if (first === "[") return readArray(cursor, depth);
  if (first === '"') return readString(cursor);
  for (const [word, value] of [
    ["true", true],
    ["false", false],
    ["null", null],
  ] as const) {
    if (cursor.text.startsWith(word, cursor.at)) {
      cursor.at += word.length;
      return value;
    }
  }
  return readNumber(cursor);
}

function readObject(cursor: Cursor, depth: number): ReadonlyMap<string, JsonValue> {
  const entries = new Map<string, JsonValue>();
  cursor.at++;
  skipSpace(cursor);
  if (takeIf(cursor, "}")) return entries;
  for (;;) {
    skipSpace(cursor);
    if (cursor.text.charAt(cursor.at) !== '"') throw wrong(cursor, "expected a key in double quotes");
    const keyStart = cursor.at;
    const key = readString(cursor);
    if (entries.has(key)) throw wrong({ ...cursor, at: keyStart }, `key ${quoted(key)} is repeated`);
    skipSpace(cursor);
    if (!takeIf(cursor, ":")) throw wrong(cursor, 'expected ":"');
    entries.set(key, readValue(cursor, depth + 1));
    skipSpace(cursor);
    if (takeIf(cursor, "}")) return entries;
    if (!takeIf(cursor, ",")) throw wrong(cursor, 'expected "," or "}"');
  }
}

function readArray(cursor: Cursor, depth: number): readonly JsonValue[] {
  const items: JsonValue[] = [];
  cursor.at++;
  skipSpace(cursor);
  if (takeIf(cursor, "]")) return items;
  for (;;) {
    items.push(readValue(cursor, depth + 1));
    skipSpace(cursor);
    if (takeIf(cursor, "]")) return items;
    if (!takeIf(cursor, ",")) throw wrong(cursor, 'expected "," or "]"');
  }
}

function takeIf(cursor: Cursor, character: string): boolean {
  if (cursor.text.charAt(cursor.at) !== character) return false;
  cursor.at++;
  return true;
}

function readString(cursor: Cursor): string {
  const start = cursor.at;
  let end = start + 1;
  while (end < cursor.text.length && cursor.text.charAt(end) !== '"') end += cursor.text.charAt(end) === "\\" ? 2 : 1;
  if (end >= cursor.text.length) throw wrong(cursor, "a string does not end that starts");
  const value = builtIn(cursor, cursor.text.slice(start, end + 1));
  // Half a surrogate pair is no Unicode text: it could be neither printed nor written back.
  if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) throw wrong(cursor, "a string contains an unpaired surrogate");
  cursor.at = end + 1;
  return value;
}

function readNumber(cursor: Cursor): number {
  let end = cursor.at;
  while (end - cursor.at <= MAX_NUMBER_LENGTH && /[-+.0-9eE]/.test(cursor.text.charAt(end))) end++;
  if (end - cursor.at > MAX_NUMBER_LENGTH) throw wrong(cursor, `a number is longer than ${MAX_NUMBER_LENGTH} characters`);
  const value = builtIn(cursor, cursor.text.slice(cursor.at, end));
  if (typeof value !== "number") throw wrong(cursor, "expected a value");
  cursor.at = end;
  return value;
}

/** A single string or number is parsed by the platform, which knows every escape and rounding rule. */
function builtIn(cursor: Cursor, token: string): unknown {
  try {
    return JSON.parse(token);
  } catch {
    throw wrong(cursor, token === "" ? "expected a value" : `${quoted(token)} is not a JSON value`);
  }
}
