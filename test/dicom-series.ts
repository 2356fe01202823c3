/**
 * DICOM files for tests, written by hand (PS3.5, PS3.10): nothing of it is shared with what reads them. Tags are given as they are to stand in
 * the file, so that any of them can be left out or be wrong.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Names in an order that has nothing to do with that of the slices, some with endings. */
export const NAMES = ["IM4", "a.dcm", "0003.IMA", "zz", "1.2.840.113", "IM10", "b"];

/** A new folder below `root` with files under the names of NAMES. */
export function folderOf(root: string, files: readonly Uint8Array[]): string {
  const folder = mkdtempSync(path.join(root, "series-"));
  for (const [index, bytes] of files.entries()) writeFileSync(path.join(folder, NAMES[index] ?? `more-${index}`), bytes);
  return folder;
}

/** One tag: its number, its two letters, and its value. */
export type Tag = readonly [number: number, type: string, value: string | Uint8Array];

export const EXPLICIT = "1.2.840.10008.1.2.1";
export const IMPLICIT = "1.2.840.10008.1.2";
export const RLE = "1.2.840.10008.1.2.5";

export interface FileOptions {
  /** What kind of thing it is (SOP class); the default is a slice of CT. */
  readonly kind?: string;
  readonly syntax?: string;
  /** The compressed stream, instead of plain pixels. */
  readonly stream?: readonly Uint8Array[];
}

/** A file of tags, in the order of their numbers. */
export function dicomFile(
  tags: readonly Tag[],
  { kind = "1.2.840.10008.5.1.4.1.1.2", syntax = EXPLICIT, stream }: FileOptions = {},
): Buffer {
  const meta = Buffer.concat([
    encode([0x00020001, "OB", Uint8Array.of(0, 1)], true),
    encode([0x00020002, "UI", kind], true),
    encode([0x00020010, "UI", syntax], true),
  ]);
  const body = tags.toSorted(([a], [b]) => a - b).map((tag) => encode(tag, syntax !== IMPLICIT));
  const items = stream === undefined ? [] : [longHeader(0x7fe00010, "OB", 0xffffffff), item(0xfffee000, Buffer.alloc(0))];
  const parts = (stream ?? []).map((part) => item(0xfffee000, part));
  const end = stream === undefined ? [] : [item(0xfffee0dd, Buffer.alloc(0))];
  const groupLength = encode([0x00020000, "UL", uint32(meta.length)], true);
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), groupLength, meta, ...body, ...items, ...parts, ...end]);
}

function encode([number, type, value]: Tag, explicit: boolean): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  const padded = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(type === "UI" || type === "OB" ? "\0" : " ")]);
  if (!explicit) return Buffer.concat([tagNumber(number), uint32(padded.length), padded]);
  if (["OB", "OW", "SQ", "UN"].includes(type)) return Buffer.concat([longHeader(number, type, padded.length), padded]);
  return Buffer.concat([tagNumber(number), Buffer.from(type), uint16(padded.length), padded]);
}

function longHeader(number: number, type: string, length: number): Buffer {
  return Buffer.concat([tagNumber(number), Buffer.from(type), uint16(0), uint32(length)]);
}

function item(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([tagNumber(number), uint32(content.length), content]);
}

function tagNumber(number: number): Buffer {
  return Buffer.concat([uint16(number >>> 16), uint16(number & 0xffff)]);
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** DICOM's run-length encoding of 16-bit values: upper bytes, then lower ones, each as runs (PS3.5, G). */
export function rleFrame(values: Int16Array | Uint16Array): Buffer {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const segments = [1, 0].map((from) => packBits(bytes.filter((_, index) => index % 2 === from)));
  const [first = Buffer.alloc(0)] = segments;
  const offsets = [2, 64, 64 + first.length, ...new Array<number>(13).fill(0)];
  return Buffer.concat([...offsets.map(uint32), ...segments]);
}

function packBits(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let run = 1;
    while (run < 128 && at + run < bytes.length && bytes[at + run] === bytes[at]) run++;
    const count = run > 1 ? run : Math.min(100, bytes.length - at);
    if (run > 1) out.push(257 - run, bytes[at] ?? 0);
    else out.push(count - 1, ...bytes.subarray(at, at + count));
    at += count;
  }
  return Buffer.from(out.length % 2 === 0 ? out : [...out, 0]);
}

export interface SeriesOptions {
  readonly uid?: string;
  readonly syntax?: string;
  readonly bits?: number;
  readonly slope?: readonly string[];
  readonly intercept?: string;
  /** Directions of rows and columns, and the step from slice to slice in millimeters. */
  readonly row?: readonly number[];
  readonly column?: readonly number[];
  readonly step?: readonly number[];
  readonly position?: readonly number[];
  /** Between rows, then between columns, as the tag has them. */
  readonly spacing?: readonly [number, number];
  /** The compressed stream of slice `index`, or null for plain pixels. */
  readonly stream?: (index: number) => { readonly syntax: string; readonly parts: readonly Uint8Array[] } | null;
  /** Changes of the tags of slice `index`. */
  readonly change?: (tags: readonly Tag[], index: number) => readonly Tag[];
}

type Stored = Int16Array | Uint16Array | Uint8Array | Int8Array;

/** The files of a series, slice after slice; `stored` holds one array for each slice. */
export function dicomSeries(
  shape: readonly [columns: number, rows: number],
  stored: readonly Stored[],
  options: SeriesOptions = {},
): Buffer[] {
  const {
    uid = "1.2.3.4",
    syntax = EXPLICIT,
    row = [1, 0, 0],
    column = [0, 1, 0],
    step = [0, 0, 2.5],
    position = [-10, -20, 30],
  } = options;
  const { spacing = [1, 1], slope = [], intercept, change = (tags: readonly Tag[]) => tags } = options;
  return stored.map((values, index) => {
    const size = 8 * values.BYTES_PER_ELEMENT;
    const { bits = size } = options;
    const signed = values instanceof Int16Array || values instanceof Int8Array;
    const place = position.map((value, axis) => value + index * (step[axis] ?? 0));
    const decimals = (list: readonly number[]): string => list.map((value) => String(Number(value.toPrecision(12)))).join("\\");
    const pixels = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    const factor = slope[index % Math.max(1, slope.length)];
    const tags: readonly Tag[] = [
      [0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"],
      [0x00080018, "UI", `${uid}.${index + 1}`],
      [0x00080060, "CS", "CT"],
      [0x0008103e, "LO", "a test series"],
      [0x00100010, "PN", "Nobody"],
      [0x0020000e, "UI", uid],
      // Counts backwards: whoever sorts by it gets the volume upside down.
      [0x00200013, "IS", String(stored.length - index)],
      [0x00200032, "DS", decimals(place)],
      [0x00200037, "DS", decimals([...row, ...column])],
      [0x00280002, "US", uint16(1)],
      [0x00280004, "CS", "MONOCHROME2"],
      [0x00280010, "US", uint16(shape[1])],
      [0x00280011, "US", uint16(shape[0])],
      [0x00280030, "DS", decimals(spacing)],
      [0x00280100, "US", uint16(size)],
      [0x00280101, "US", uint16(bits)],
      [0x00280102, "US", uint16(bits - 1)],
      [0x00280103, "US", uint16(signed ? 1 : 0)],
      ...(factor === undefined ? [] : ([[0x00281053, "DS", factor]] as const)),
      ...(intercept === undefined ? [] : ([[0x00281052, "DS", intercept]] as const)),
    ];
    const rle =
      syntax === RLE && (values instanceof Int16Array || values instanceof Uint16Array) ? { syntax, parts: [rleFrame(values)] } : null;
    const compressed = options.stream?.(index) ?? rle;
    const changed = change([...tags, ...(compressed === null ? [[0x7fe00010, "OW", pixels] as const] : [])], index);
    return dicomFile(changed, compressed === null ? { syntax } : { syntax: compressed.syntax, stream: compressed.parts });
  });
}
