/** Lists of labeled files: CSV with a header line (RFC 4180) and JSON lines. Text in, records out; no file is touched. */
import { InceptionError } from "../errors.js";
import { type JsonValue, parseJson } from "../formats/json.js";
import { quoted } from "../formats/quoted.js";

/** One line of a list. */
export interface ListedSample {
  /** As written: relative to the folder of the list, or absolute. */
  readonly path: string;
  /** Name of the class; where the list has `labels`, all of them joined by "|". */
  readonly label: string;
  /** Names of the classes, in a list of images that may have several or none. */
  readonly labels?: readonly string[];
  /** Null where the list does not say. */
  readonly split: "train" | "val" | null;
}

/** A format of lists of labeled images. */
export type ListFormat = "csv" | "tsv" | "jsonl";

/** More than the largest public classification sets list; keeps a wrong file from filling the memory. */
const MAX_SAMPLES = 50_000_000;
/** No path or label is longer; a forgotten quote makes the rest of the file one field. */
const MAX_FIELD_LENGTH = 65_536;
const MAX_COLUMNS = 1000;

/**
 * Reads a list of samples.
 *
 * CSV and TSV need a header line with the columns `path` and `label`, and may have `split`; other columns are left alone.
 * A line of JSON lines is an object with `path` (text), `label` (text or integer) and perhaps `split`. Where images may have several
 * classes or none, `labels` is in place of `label`: names separated by "|" in a table, an array in JSON lines. A split is "train", or
 * "val", "valid", "validation" or "test", which all mean validation. Empty lines are skipped.
 *
 * @param where what the list is, for messages: its path
 * @throws InceptionError DATASET_INVALID naming the line
 */
export function parseSampleList(text: string, format: ListFormat, where: string): ListedSample[] {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  return format === "jsonl" ? parseLines(body, where) : parseTable(body, format === "csv" ? "," : "\t", where);
}

function wrong(where: string, line: number, fact: string): InceptionError {
  return new InceptionError("DATASET_INVALID", `Cannot read the list ${quoted(where)}: line ${line}: ${fact}`, { list: where, line });
}

const COLUMNS = "expected the columns path and label, and optionally split";
const SEPARATOR = "|";

function parseTable(text: string, delimiter: string, where: string): ListedSample[] {
  const rows = tableRecords(text, delimiter, where);
  const head = rows.next();
  if (head.done) throw wrong(where, 1, `the list is empty, ${COLUMNS}`);
  const names = head.value.fields.map((name) => name.trim().toLowerCase());
  const column = (name: string) => names.indexOf(name);
  const [path, label, labels, split] = [column("path"), column("label"), column("labels"), column("split")];
  if (path < 0 || (label < 0 && labels < 0)) {
    const found = quoted(head.value.fields.join(", "));
    throw wrong(where, head.value.line, `the header is ${found}, ${COLUMNS}`);
  }
  if (label >= 0 && labels >= 0) throw wrong(where, head.value.line, "the header has both label and labels, expected one of them");
  const samples: ListedSample[] = [];
  for (const { line, fields } of rows) {
    if (fields.length !== names.length) throw wrong(where, line, `${fields.length} fields, the header has ${names.length}`);
    const classes = labels < 0 ? (fields[label] ?? "") : separated(fields[labels] ?? "");
    samples.push(sampleOf(fields[path], classes, split < 0 ? "" : (fields[split] ?? ""), where, line));
    if (samples.length > MAX_SAMPLES) throw wrong(where, line, `more than ${MAX_SAMPLES} samples`);
  }
  return samples;
}

interface TableRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** RFC 4180, with lines that end in LF, CR LF or CR. A quoted field may hold delimiters, line ends and doubled quotes. */
export function* tableRecords(text: string, delimiter: string, where: string): Generator<TableRecord, void> {
  const special = new RegExp(`[${delimiter}\r\n]`, "g");
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const start = line;
    const fields: string[] = [];
    for (;;) {
      const field = text[at] === '"' ? quotedField(text, at, where, line) : plainField(text, at, special);
      if (field.value.length > MAX_FIELD_LENGTH) throw wrong(where, line, `a field is longer than ${MAX_FIELD_LENGTH} characters`);
      fields.push(field.value);
      if (fields.length > MAX_COLUMNS) throw wrong(where, start, `more than ${MAX_COLUMNS} fields`);
      line += field.lines;
      at = field.end;
      const next = text[at];
      if (next !== delimiter) {
        if (next !== undefined && next !== "\r" && next !== "\n") throw wrong(where, line, "text follows a closing quote");
        break;
      }
      at += 1;
    }
    at += text.startsWith("\r\n", at) ? 2 : 1;
    line += 1;
    if (fields.length > 1 || fields[0] !== "") yield { line: start, fields };
  }
}

interface Field {
  readonly value: string;
  readonly end: number;
  /** Line ends inside. */
  readonly lines: number;
}

function plainField(text: string, at: number, special: RegExp): Field {
  special.lastIndex = at;
  const end = special.exec(text)?.index ?? text.length;
  return { value: text.slice(at, end), end, lines: 0 };
}

function quotedField(text: string, start: number, where: string, line: number): Field {
  let value = "";
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw wrong(where, line, "a quoted field is not closed");
    value += text.slice(at, quote);
    if (value.length > MAX_FIELD_LENGTH) throw wrong(where, line, `a field is longer than ${MAX_FIELD_LENGTH} characters`);
    if (text[quote + 1] !== '"') return { value, end: quote + 1, lines: value.match(/\r\n|\r|\n/g)?.length ?? 0 };
    value += '"';
    at = quote + 2;
  }
}

function parseLines(text: string, where: string): ListedSample[] {
  const samples: ListedSample[] = [];
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const row = text.slice(at, end < 0 ? text.length : end).trim();
    at = end < 0 ? text.length : end + 1;
    line += 1;
    if (row === "") continue;
    samples.push(lineSample(row, where, line));
    if (samples.length > MAX_SAMPLES) throw wrong(where, line, `more than ${MAX_SAMPLES} samples`);
  }
  return samples;
}

function lineSample(row: string, where: string, line: number): ListedSample {
  if (row.length > MAX_FIELD_LENGTH) throw wrong(where, line, `it is longer than ${MAX_FIELD_LENGTH} characters`);
  const value = jsonOf(row, where, line);
  if (!(value instanceof Map)) throw wrong(where, line, 'expected an object such as {"path": "a.jpg", "label": "daisy"}');
  // The guard narrows to Map<any, any>; parseJson makes no other maps than these.
  const record = value as ReadonlyMap<string, JsonValue>;
  const path = record.get("path");
  const [label, labels] = [record.get("label"), record.get("labels")];
  const split = record.get("split") ?? "";
  if (typeof path !== "string") throw wrong(where, line, "path is missing or no text");
  if (label !== undefined && labels !== undefined) throw wrong(where, line, "it has both label and labels, expected one of them");
  const classes = labels === undefined ? labelName(label) : labelNames(labels);
  if (classes === null) {
    const fact = "label is missing or neither text nor an integer";
    throw wrong(where, line, labels === undefined ? fact : "labels is not an array of texts and integers");
  }
  if (typeof split !== "string") throw wrong(where, line, "split is not text");
  return sampleOf(path, classes, split, where, line);
}

function labelName(label: JsonValue | undefined): string | null {
  if (typeof label === "number" && Number.isSafeInteger(label)) return String(label);
  return typeof label === "string" ? label : null;
}

function labelNames(labels: JsonValue): readonly string[] | null {
  if (!Array.isArray(labels)) return null;
  const names = labels.map((each: JsonValue) => labelName(each)).filter((name) => name !== null);
  return names.length === labels.length ? names : null;
}

/** The names in a field; none in an empty one. */
function separated(field: string): readonly string[] {
  return field.trim() === "" ? [] : field.split(SEPARATOR);
}

function jsonOf(row: string, where: string, line: number): JsonValue {
  try {
    return parseJson(row, "the line");
  } catch (thrown) {
    if (thrown instanceof InceptionError) throw wrong(where, line, thrown.message);
    throw thrown;
  }
}

function sampleOf(path = "", label: string | readonly string[], split: string, where: string, line: number): ListedSample {
  if (path.trim() === "") throw wrong(where, line, "path is empty");
  if (path.includes("\0")) throw wrong(where, line, "path contains a zero byte");
  const names = (typeof label === "string" ? [label] : label).map((name) => name.trim());
  if (names.includes("")) throw wrong(where, line, typeof label === "string" ? "label is empty" : "one of its labels is empty");
  const part = splitOf(split.trim());
  if (part === undefined) throw wrong(where, line, `split is ${quoted(split)}, expected train, val, valid, validation or test`);
  const several = typeof label === "string" ? {} : { labels: names };
  return { path: path.trim(), label: names.join(SEPARATOR), ...several, split: part };
}

/** Names that mean validation, in the order in which a folder is searched for them. */
export const VAL_NAMES = ["val", "valid", "validation", "test"] as const;

/** What the name of a part means; null for none, undefined for an unknown one. */
function splitOf(name: string): "train" | "val" | null | undefined {
  const lower = name.toLowerCase();
  if (lower === "") return null;
  if (lower === "train") return "train";
  return VAL_NAMES.some((each) => each === lower) ? "val" : undefined;
}
