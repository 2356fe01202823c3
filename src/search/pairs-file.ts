/** Lists of image pairs: `pairs.txt` of Labeled Faces in the Wild, and CSV. Text in, records out; no file is touched. */
import { tableRecords } from "../data/sample-list.js";
import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import { at } from "../tensor/at.js";

/** Two images, and whether both show the same person or thing. */
export interface ImagePair {
  /** As the list names it: a path, of LFW `NAME/NAME_0001` without an ending. */
  readonly first: string;
  readonly second: string;
  readonly same: boolean;
  /** From 0. */
  readonly fold: number;
}

/** LFW has 6,000 pairs, the largest verification sets some millions. */
const MAX_PAIRS = 10_000_000;
/** Folds of the protocol, for lists that have none. */
const DEFAULT_FOLDS = 10;
const MAX_FOLDS = 1000;

/**
 * Reads a list of pairs.
 *
 * In LFW's format the first line has the number of folds and of pairs of each kind in a fold (`10 300`), or that of pairs alone (`500`).
 * Then each fold has lines `NAME 1 2` (same person) and `NAME 1 OTHER 4` (different ones), with tabs or spaces between. CSV has a header
 * with the columns `first`, `second`, `same` (1, 0, true, false, yes, no) and perhaps `fold`. A list without folds is split into ten:
 * the same pairs in their order, and the different pairs in theirs.
 *
 * @param where - what the list is, for messages: its path
 * @throws InceptionError DATASET_INVALID naming the line
 */
export function parsePairs(text: string, where: string): readonly ImagePair[] {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  const [head = ""] = body.split(/\r\n|\r|\n/, 1);
  return /^\s*\d+(\s+\d+)?\s*$/.test(head) ? parseLfw(body, where) : parseCsv(body, where);
}

function wrong(where: string, line: number, fact: string): InceptionError {
  return new InceptionError("DATASET_INVALID", `Cannot read the pairs ${quoted(where)}: line ${line}: ${fact}`, { list: where, line });
}

function parseLfw(text: string, where: string): readonly ImagePair[] {
  const lines = text.split(/\r\n|\r|\n/);
  const [a = 0, b] = at(lines, 0).trim().split(/\s+/).map(Number);
  const [folds, each] = b === undefined ? [1, a] : [a, b];
  if (folds < 1 || folds > MAX_FOLDS || each < 1 || folds * each * 2 > MAX_PAIRS)
    throw wrong(where, 1, `${folds} folds of ${each} pairs, expected 1 to ${MAX_FOLDS} folds and at most ${MAX_PAIRS} pairs`);
  const pairs: Unsplit[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === "") continue;
    if (pairs.length === folds * each * 2) throw wrong(where, index + 1, `more than the ${pairs.length} pairs of the first line`);
    const same = Math.floor(pairs.length / each) % 2 === 0;
    pairs.push({ ...lfwPair(line, same, where, index + 1), fold: folds === 1 ? null : Math.floor(pairs.length / (2 * each)) });
  }
  if (pairs.length < folds * each * 2)
    throw wrong(where, lines.length, `the list ends after ${pairs.length} pairs, the first line says ${folds * each * 2}`);
  return withFolds(pairs);
}

type Unsplit = Omit<ImagePair, "fold"> & { readonly fold: number | null };

function lfwPair(line: string, same: boolean, where: string, number: number): Omit<ImagePair, "fold"> {
  const fields = line.trim().split(/\t+|\s+/);
  const [name = "", one = "", other = "", two = ""] = same ? [fields[0], fields[1], fields[0], fields[2]] : fields;
  const expected = same ? "NAME N M" : "NAME N OTHER M";
  if (fields.length !== (same ? 3 : 4) || !isNumber(one) || !isNumber(two))
    throw wrong(where, number, `${quoted(line)}, expected ${expected} for a ${same ? "same" : "different"} pair`);
  if ([name, other].some((each) => /[/\\]/.test(each) || each === ".."))
    throw wrong(where, number, `${quoted(line)}, expected names without directories`);
  return { first: lfwPath(name, one), second: lfwPath(other, two), same };
}

function isNumber(text: string): boolean {
  return /^\d{1,6}$/.test(text);
}

function lfwPath(name: string, number: string): string {
  return `${name}/${name}_${number.padStart(4, "0")}`;
}

const SAME_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["true", true],
  ["yes", true],
  ["0", false],
  ["false", false],
  ["no", false],
]);

function parseCsv(text: string, where: string): readonly ImagePair[] {
  const expected = "expected the columns first, second, same and optionally fold, or a first line as LFW has it (10 300)";
  const rows = tableRecords(text, ",", where);
  const head = rows.next();
  if (head.done) throw wrong(where, 1, `the list is empty, ${expected}`);
  const names = head.value.fields.map((name) => name.trim().toLowerCase());
  const [first, second, same, fold] = ["first", "second", "same", "fold"].map((name) => names.indexOf(name));
  if (first === undefined || second === undefined || same === undefined || Math.min(first, second, same) < 0)
    throw wrong(where, head.value.line, `the header is ${quoted(head.value.fields.join(", "))}, ${expected}`);
  const pairs: Unsplit[] = [];
  for (const { line, fields } of rows) {
    if (fields.length !== names.length) throw wrong(where, line, `${fields.length} fields, the header has ${names.length}`);
    const [a, b] = [at(fields, first), at(fields, second)];
    if (a === "" || b === "") throw wrong(where, line, "an image has no name");
    const known = SAME_WORDS.get(at(fields, same).trim().toLowerCase());
    if (known === undefined) throw wrong(where, line, `same is ${quoted(at(fields, same))}, expected 1, 0, true, false, yes or no`);
    const number = fold === undefined || fold < 0 ? null : foldNumber(at(fields, fold), where, line);
    pairs.push({ first: a, second: b, same: known, fold: number });
    if (pairs.length > MAX_PAIRS) throw wrong(where, line, `more than ${MAX_PAIRS} pairs`);
  }
  return withFolds(pairs);
}

function foldNumber(text: string, where: string, line: number): number {
  if (/^\d{1,4}$/.test(text.trim())) return Number(text);
  throw wrong(where, line, `the fold is ${quoted(text)}, expected an integer from 0 to 9999`);
}

/** Where there are none, tenths of the same and of the different pairs. */
function withFolds(pairs: readonly Unsplit[]): readonly ImagePair[] {
  const counts = new Map([true, false].map((kind) => [kind, pairs.filter(({ same }) => same === kind).length]));
  const seen = new Map([
    [true, 0],
    [false, 0],
  ]);
  return pairs.map((pair) => {
    const before = seen.get(pair.same) ?? 0;
    seen.set(pair.same, before + 1);
    return { ...pair, fold: pair.fold ?? Math.floor((before * DEFAULT_FOLDS) / (counts.get(pair.same) ?? 1)) };
  });
}
