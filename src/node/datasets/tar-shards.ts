/**
 * WebDataset: tar files in which the files of a sample stand side by side and share their name up to the first dot after the
 * last slash: `a/0001.jpg`, `a/0001.cls`. A shard is read through once to find where the images lie; later each is read by
 * itself.
 */

import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { type Extract, extract } from "tar-stream";
import { invalid, type RawSamples, rawLabels } from "../../data/assemble.js";
import { VAL_NAMES } from "../../data/sample-list.js";
import { InceptionError, messageOf } from "../../errors.js";
import { parseJson } from "../../formats/json.js";
import { quoted } from "../../formats/quoted.js";
import { formatCount } from "../../text.js";
import { checkIsFile } from "../file-source.js";
import { readError, systemErrorCode } from "../system-error.js";

const IMAGES = new Set(["jpg", "jpeg", "png", "webp"]);
const LABELS = new Set(["cls", "json"]);
/** A label is a number or a name; a JSON record beside an image may say more, but not this much. */
const MAX_LABEL_BYTES = 65_536;
/** Samples of all shards together. */
const MAX_SAMPLES = 50_000_000;
/** More files than any dataset has; keeps a pattern such as {0..999999999} from filling the memory. */
const MAX_SHARDS = 100_000;
const MAX_NAME_LENGTH = 4096;

type Label = string | readonly string[];

/** Where the image of a sample lies in its shard. */
interface TarSample {
  /** Name of the sample in the shard, without ending. */
  readonly key: string;
  /** Its class, or all of its classes. */
  readonly label: Label;
  readonly offset: number;
  readonly length: number;
}

/**
 * The samples of shards.
 *
 * @param name what the dataset is called in messages
 * @throws InceptionError DATASET_INVALID, FILE_NOT_FOUND, FILE_CORRUPT, FILE_TRUNCATED
 */
export async function readTarShards(name: string, shards: readonly Shard[]): Promise<RawSamples> {
  const names: string[] = [];
  const labels: Label[] = [];
  const splits: ("train" | "val" | null)[] = [];
  const shard: number[] = [];
  const offset: number[] = [];
  const length: number[] = [];
  for (const [i, { file, split }] of shards.entries()) {
    for (const sample of await indexTar(file)) {
      names.push(`${path.basename(file)}:${sample.key}`);
      labels.push(sample.label);
      splits.push(split);
      shard.push(i);
      offset.push(sample.offset);
      length.push(sample.length);
    }
    if (names.length > MAX_SAMPLES) throw invalid(name, `it has more than ${MAX_SAMPLES} samples`);
  }
  const store = {
    kind: "tar" as const,
    shards: shards.map(({ file }) => path.resolve(file)),
    names,
    shard: Uint32Array.from(shard),
    offset: Float64Array.from(offset),
    length: Float64Array.from(length),
  };
  return { store, labels: rawLabels(labels), splits };
}

/** A tar file and the part of the dataset that it holds; null: not said. */
interface Shard {
  readonly file: string;
  readonly split: "train" | "val" | null;
}

/** Find the samples of one tar file. An image without label, or the reverse, is refused. */
export async function indexTar(file: string): Promise<TarSample[]> {
  await checkIsFile(file);
  const samples: TarSample[] = [];
  let open = emptyGroup("");
  const finish = () => {
    if (open.key !== "") samples.push(...sampleOf(file, open));
  };
  for await (const { header, content } of members(file)) {
    const { key, extension } = splitName(header.name);
    if (key !== open.key) {
      finish();
      open = emptyGroup(key);
    }
    addMember(file, open, extension, header, content);
    if (samples.length > MAX_SAMPLES) throw corrupt(file, `it has more than ${MAX_SAMPLES} samples`);
  }
  finish();
  return samples;
}

interface Group {
  readonly key: string;
  image: { readonly offset: number; readonly length: number } | null;
  label: Label | null;
}

function emptyGroup(key: string): Group {
  return { key, image: null, label: null };
}

function addMember(file: string, group: Group, extension: string, header: MemberHeader, content: Uint8Array | null): void {
  if (IMAGES.has(extension)) {
    if (group.image) throw corrupt(file, `the sample ${quoted(group.key)} has two images`);
    group.image = { offset: header.offset, length: header.size };
  } else if (content) {
    const label = labelOf(file, header.name, extension, content);
    // A JSON record without a label may lie beside a label of its own.
    if (label !== null && group.label !== null && String(label) !== String(group.label)) {
      throw corrupt(file, `the sample ${quoted(group.key)} has the labels ${quoted(String(group.label))} and ${quoted(String(label))}`);
    }
    group.label ??= label;
  }
}

function sampleOf(file: string, { key, image, label }: Group): TarSample[] {
  if (!image && label === null) return [];
  if (!image) throw corrupt(file, `the sample ${quoted(key)} has no image (.jpg, .jpeg, .png or .webp)`);
  if (label === null) throw corrupt(file, `the sample ${quoted(key)} has no label (.cls, or .json with "label")`);
  return [{ key, label, ...image }];
}

function labelOf(file: string, name: string, extension: string, content: Uint8Array): Label | null {
  const text = utf8(file, name, content).trim();
  if (extension === "cls") {
    if (text === "" || /[\r\n]/.test(text)) throw corrupt(file, `${quoted(name)} is ${quoted(text)}, expected one number or name`);
    return text;
  }
  const value = parseJson(text, `${quoted(name)} of ${quoted(file)}`);
  if (!(value instanceof Map)) throw corrupt(file, `${quoted(name)} is not a JSON object`);
  const label: unknown = value.get("label");
  const labels: unknown = value.get("labels");
  if (label !== undefined && labels !== undefined) throw corrupt(file, `${quoted(name)} has both "label" and "labels"`);
  if (Array.isArray(labels)) return labels.map((each: unknown) => className(file, name, each));
  if (labels !== undefined) throw corrupt(file, `"labels" in ${quoted(name)} is not an array`);
  return label === undefined ? null : className(file, name, label);
}

function className(file: string, name: string, label: unknown): string {
  if (typeof label === "string" && label.trim() !== "") return label.trim();
  if (typeof label === "number" && Number.isSafeInteger(label) && label >= 0) return String(label);
  throw corrupt(file, `the label in ${quoted(name)} is neither a name nor an integer of at least 0`);
}

function utf8(file: string, name: string, content: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw corrupt(file, `${quoted(name)} is not UTF-8 text`);
  }
}

/** Key and ending by WebDataset's rule: the ending begins at the first dot of the last part of the path. */
function splitName(name: string): { readonly key: string; readonly extension: string } {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  return dot < 0 ? { key: name, extension: "" } : { key: name.slice(0, dot), extension: name.slice(dot + 1).toLowerCase() };
}

interface MemberHeader {
  readonly name: string;
  readonly size: number;
  /** Of the content's first byte in the file. */
  readonly offset: number;
}

/** A member as tar-stream gives it: `offset` is where its header begins. */
type Entry = Extract extends AsyncIterable<infer E> ? E : never;
const HEADER_BYTES = 512;

interface Member {
  readonly header: MemberHeader;
  /** Of labels only. */
  readonly content: Uint8Array | null;
}

/** The plain files in a tar file; contents are skipped but for those of labels. */
async function* members(file: string): AsyncGenerator<Member, void> {
  const tar = extract();
  const reading = pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), tar);
  // Awaited below; until then its failure, which also ends the loop, is not unhandled.
  reading.catch(() => undefined);
  try {
    for await (const entry of tar) yield* member(file, entry);
    await reading;
  } catch (thrown) {
    throw thrown instanceof InceptionError ? thrown : tarFault(file, thrown);
  } finally {
    tar.destroy();
    await reading.catch(() => undefined);
  }
}

async function* member(file: string, entry: Entry): AsyncGenerator<Member, void> {
  const header = memberHeader(file, entry);
  const wanted = header && !path.posix.basename(header.name).startsWith(".") ? splitName(header.name).extension : "";
  if (header && LABELS.has(wanted)) {
    if (header.size > MAX_LABEL_BYTES)
      throw corrupt(file, `${quoted(header.name)} has ${formatCount(header.size)} bytes, the limit is ${formatCount(MAX_LABEL_BYTES)}`);
    const pieces: Uint8Array[] = [];
    // tar-stream passes on the bytes that it is given, those of a file stream.
    for await (const piece of entry) pieces.push(piece as Uint8Array);
    yield { header, content: Buffer.concat(pieces) };
    return;
  }
  entry.resume();
  if (header && IMAGES.has(wanted)) yield { header, content: null };
}

/** Null for what is no plain file: folders, links, devices. */
function memberHeader(file: string, { header, offset }: Entry): MemberHeader | null {
  if (header.type !== "file" && header.type !== "contiguous-file") return null;
  const { name, size } = header;
  if (name.length > MAX_NAME_LENGTH)
    throw corrupt(file, `a name has ${formatCount(name.length)} characters, the limit is ${formatCount(MAX_NAME_LENGTH)}`);
  if (!Number.isSafeInteger(size) || size < 0) throw corrupt(file, `the header of ${quoted(name)} is damaged`);
  return { name, size, offset: offset + HEADER_BYTES };
}

function corrupt(file: string, fact: string): InceptionError {
  return new InceptionError("DATASET_INVALID", `Cannot read the shard ${quoted(file)}: ${fact}`, { file });
}

function tarFault(file: string, thrown: unknown): InceptionError {
  if (systemErrorCode(thrown) !== null) return readError(`read the shard ${quoted(file)}`, file, thrown);
  const reason = messageOf(thrown);
  const truncated = reason === "Unexpected end of data";
  const fact = truncated ? "it ends in the middle of a file" : `it is not a tar file, or it is damaged (${reason})`;
  return new InceptionError(
    truncated ? "FILE_TRUNCATED" : "FILE_CORRUPT",
    `Cannot read the shard ${quoted(file)}: ${fact}`,
    { file },
    { cause: thrown },
  );
}

/**
 * The files that a pattern with number ranges stands for: "shard-{000..003}.tar" is four files, numbers as wide as written.
 *
 * @throws InceptionError DATASET_INVALID when a range runs backwards or the files are more than 100,000
 */
export function expandBraces(pattern: string): string[] {
  const range = /\{(\d{1,15})\.\.(\d{1,15})\}/.exec(pattern);
  if (!range) return [pattern];
  const [all, from = "", to = ""] = range;
  const [first, last] = [Number(from), Number(to)];
  if (first > last) throw invalid(pattern, `the range ${all} is descending`);
  if (last - first >= MAX_SHARDS) throw invalid(pattern, `the range ${all} has more than ${formatCount(MAX_SHARDS)} files`);
  const rest = expandBraces(pattern.slice(range.index + all.length));
  if ((last - first + 1) * rest.length > MAX_SHARDS) throw invalid(pattern, `it has more than ${formatCount(MAX_SHARDS)} files`);
  const width = from.length === to.length || from.startsWith("0") ? from.length : 0;
  const head = pattern.slice(0, range.index);
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i).padStart(width, "0")).flatMap((number) =>
    rest.map((tail) => head + number + tail),
  );
}

/**
 * The shards of a folder, sorted by name; null where it has none. Shards in subfolders `train` and `val`, or with such a word
 * in their names ("imagenet-val-000.tar"), belong to that part.
 */
export async function shardsOfFolder(folder: string): Promise<readonly Shard[] | null> {
  const own = await tarsIn(folder);
  const train = await tarsIn(path.join(folder, "train"));
  if (own.length === 0 && train.length === 0) return null;
  if (own.length === 0) {
    for (const name of VAL_NAMES) {
      const val = await tarsIn(path.join(folder, name));
      if (val.length > 0)
        return [...train.map((file) => ({ file, split: "train" as const })), ...val.map((file) => ({ file, split: "val" as const }))];
    }
    return train.map((file) => ({ file, split: null }));
  }
  return splitByName(own);
}

/** Only where some shards are named for training and some for validation does a name decide. */
export function splitByName(files: readonly string[]): Shard[] {
  const partOf = (file: string) => {
    const words = path
      .basename(file)
      .toLowerCase()
      .split(/[^a-z]+/);
    if (words.includes("train")) return "train";
    return VAL_NAMES.some((name) => words.includes(name)) ? "val" : null;
  };
  const parts = files.map(partOf);
  const decided = parts.includes("train") && parts.includes("val");
  return files.map((file, i) => ({ file, split: decided ? (parts[i] ?? "train") : null }));
}

async function tarsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries
    .filter((name) => !name.startsWith(".") && name.toLowerCase().endsWith(".tar"))
    .sort()
    .map((name) => path.join(folder, name));
}
