import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import type { ByteSource } from "./byte-source.js";
import { quoted } from "./quoted.js";

/**
 * The directory of a zip file, and where its entries lie. Nothing is inflated or copied here: torch.save stores
 * everything, so that a tensor is a byte range of the file. Why not a library: docs/decisions/0002.
 *
 * Strict where readers differ from each other, since two readings of one file are how hostile archives hide things:
 * the directory must end where the end record starts, names must be unique, entries must not overlap, and the local
 * header must name the same entry. Source: PKWARE APPNOTE 6.3.10.
 */

const LOCAL_SIGNATURE = 0x04034b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
const ZIP64_END_SIGNATURE = 0x06064b50;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR_BYTES = 20;
/** The comment's length is a 16-bit field. */
const MAX_COMMENT_BYTES = 0xffff;

/** A checkpoint has one entry per tensor: our largest network has 900, the largest language models have some 10,000. */
const MAX_ENTRIES = 65_536;
/** 256 bytes for each entry of the largest directory; torch.save writes about 80. */
const MAX_DIRECTORY_BYTES = 256 * MAX_ENTRIES;

const FULL_16 = 0xffff;
const FULL_32 = 0xffffffff;
const ZIP64_EXTRA = 1;
const ENCRYPTED_FLAG = 1;
const STORED = 0;

/** One file in the archive, as the central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes once unpacked. */
  readonly size: number;
  /** 0 is stored, 8 is deflated. */
  readonly method: number;
  readonly encrypted: boolean;
  /** Where its local header starts in the file. */
  readonly headerOffset: number;
  /** Bytes in the file, without the local header. */
  readonly packedSize: number;
  /** Where the next entry or the directory starts: this one ends before. */
  readonly limit: number;
}

/** Whether the file starts with a zip entry. Reads 4 bytes. */
export async function looksLikeZip(source: ByteSource): Promise<boolean> {
  if (source.size < END_BYTES) return false;
  return viewOf(await source.read(0, 4)).getUint32(0, true) === LOCAL_SIGNATURE;
}

/**
 * Read the central directory; no entry is touched.
 *
 * @returns entries by name, in directory order
 * @throws InceptionError FILE_TRUNCATED (no end record), FILE_CORRUPT, FILE_LIMIT (more than 65,536 entries), FILE_UNSUPPORTED (split archive)
 */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const end = await readEnd(source);
  if (end.entries > MAX_ENTRIES || end.directoryBytes > MAX_DIRECTORY_BYTES) {
    throw fail(
      "FILE_LIMIT",
      source,
      `the directory has ${formatCount(end.entries)} entries in ${formatCount(end.directoryBytes)} bytes, the limits are ${formatCount(MAX_ENTRIES)} and ${formatCount(MAX_DIRECTORY_BYTES)}`,
    );
  }
  if (end.directoryOffset + end.directoryBytes !== end.recordOffset) {
    throw fail(
      "FILE_CORRUPT",
      source,
      `the directory covers bytes ${end.directoryOffset} to ${end.directoryOffset + end.directoryBytes}, it must end at ${end.recordOffset} where its end record starts`,
    );
  }
  const view = viewOf(await source.read(end.directoryOffset, end.directoryBytes));
  const entries: Omit<ZipEntry, "limit">[] = [];
  let at = 0;
  for (let index = 0; index < end.entries; index++) {
    const { entry, next } = readCentral(source, view, at);
    entries.push(entry);
    at = next;
  }
  if (at !== view.byteLength) {
    throw fail("FILE_CORRUPT", source, `${end.entries} directory entries take ${at} bytes, the directory has ${view.byteLength}`);
  }
  return withLimits(source, entries, end.directoryOffset);
}

/**
 * Where the bytes of a stored entry lie in the file.
 *
 * @throws InceptionError FILE_UNSUPPORTED (compressed or encrypted), FILE_CORRUPT (local header disagrees with the directory)
 */
export async function locateStored(source: ByteSource, entry: ZipEntry): Promise<{ readonly offset: number; readonly length: number }> {
  if (entry.encrypted || entry.method !== STORED) {
    const how = entry.encrypted ? "encrypted" : `compressed with method ${entry.method}`;
    throw fail(
      "FILE_UNSUPPORTED",
      source,
      `entry ${quoted(entry.name)} is ${how}, only stored entries are supported; save the file again with torch.save`,
    );
  }
  return locateEntry(source, entry, [STORED]);
}

/**
 * Where the bytes of an entry lie in the file, packed as they are.
 *
 * @param methods - how the entry may be packed
 * @throws InceptionError as `locateStored`
 */
export async function locateEntry(
  source: ByteSource,
  entry: ZipEntry,
  methods: readonly number[],
): Promise<{ readonly offset: number; readonly length: number }> {
  const { name, headerOffset, packedSize: size } = entry;
  if (entry.encrypted || !methods.includes(entry.method)) {
    const how = entry.encrypted ? "encrypted" : `compressed with method ${entry.method}`;
    throw fail("FILE_UNSUPPORTED", source, `entry ${quoted(name)} is ${how}, only entries that are stored or deflated are supported`);
  }
  const header = viewOf(await source.read(headerOffset, LOCAL_BYTES));
  const nameBytes = header.getUint16(26, true);
  const offset = headerOffset + LOCAL_BYTES + nameBytes + header.getUint16(28, true);
  if (header.getUint32(0, true) !== LOCAL_SIGNATURE) {
    throw fail("FILE_CORRUPT", source, `entry ${quoted(name)} has no local header at byte ${headerOffset}`);
  }
  if (offset + size > entry.limit) {
    throw fail("FILE_CORRUPT", source, `entry ${quoted(name)} covers bytes ${offset} to ${offset + size}, it must end by ${entry.limit}`);
  }
  const localName = decodeName(await source.read(headerOffset + LOCAL_BYTES, nameBytes));
  if (localName !== name) {
    throw fail("FILE_CORRUPT", source, `entry ${quoted(name)} is named ${quoted(localName ?? "not UTF-8")} in its local header`);
  }
  return { offset, length: size };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** As a double: exact up to 2^53, and beyond it still larger than any file, which is all that the checks ask. */
function readU64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function fail(code: "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNSUPPORTED", source: ByteSource, fact: string) {
  return new InceptionError(code, `Cannot read zip file ${quoted(source.name)}: ${fact}`, { file: source.name });
}

interface EndRecord {
  readonly entries: number;
  readonly directoryBytes: number;
  readonly directoryOffset: number;
  /** Where the end record itself starts: the zip64 one where there is one. */
  readonly recordOffset: number;
}

async function readEnd(source: ByteSource): Promise<EndRecord> {
  const tailBytes = Math.min(source.size, END_BYTES + MAX_COMMENT_BYTES);
  const tail = viewOf(await source.read(source.size - tailBytes, tailBytes));
  let at = tailBytes - END_BYTES;
  // The record counts only where its comment reaches exactly to the end of the file.
  while (at >= 0 && !(tail.getUint32(at, true) === END_SIGNATURE && at + END_BYTES + tail.getUint16(at + 20, true) === tailBytes)) at--;
  if (at < 0) {
    throw fail(
      "FILE_TRUNCATED",
      source,
      `no end-of-directory record in its last ${tailBytes} bytes; the file is truncated, or other bytes follow it`,
    );
  }
  const end = {
    entries: tail.getUint16(at + 10, true),
    directoryBytes: tail.getUint32(at + 12, true),
    directoryOffset: tail.getUint32(at + 16, true),
    recordOffset: source.size - tailBytes + at,
  };
  if (tail.getUint16(at + 4, true) !== 0 || tail.getUint16(at + 6, true) !== 0 || tail.getUint16(at + 8, true) !== end.entries) {
    throw fail("FILE_UNSUPPORTED", source, "it is split into several files, which is not supported");
  }
  return readZip64End(source, end);
}

/** torch.save always writes the 64-bit record beside the short one. Where both state a number they must agree. */
async function readZip64End(source: ByteSource, end: EndRecord): Promise<EndRecord> {
  const locatorOffset = end.recordOffset - ZIP64_LOCATOR_BYTES;
  if (locatorOffset < ZIP64_END_BYTES) return end;
  const locator = viewOf(await source.read(locatorOffset, ZIP64_LOCATOR_BYTES));
  if (locator.getUint32(0, true) !== ZIP64_LOCATOR_SIGNATURE) return end;
  const recordOffset = locatorOffset - ZIP64_END_BYTES;
  const record = viewOf(await source.read(recordOffset, ZIP64_END_BYTES));
  if (readU64(locator, 8) !== recordOffset || record.getUint32(0, true) !== ZIP64_END_SIGNATURE) {
    throw fail("FILE_CORRUPT", source, `the zip64 end record is not at byte ${recordOffset}, just before its locator`);
  }
  const wide = {
    entries: readU64(record, 32),
    directoryBytes: readU64(record, 40),
    directoryOffset: readU64(record, 48),
    recordOffset,
  };
  const agrees = (short: number, full: number, long: number) => short === full || short === long;
  if (
    !agrees(end.entries, FULL_16, wide.entries) ||
    !agrees(end.directoryBytes, FULL_32, wide.directoryBytes) ||
    !agrees(end.directoryOffset, FULL_32, wide.directoryOffset)
  ) {
    throw fail("FILE_CORRUPT", source, "its two end records disagree on the directory");
  }
  return wide;
}

function readCentral(source: ByteSource, view: DataView, at: number): { readonly entry: Omit<ZipEntry, "limit">; readonly next: number } {
  if (at + CENTRAL_BYTES > view.byteLength || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
    throw fail("FILE_CORRUPT", source, `no directory entry at byte ${at} of its ${view.byteLength}-byte directory`);
  }
  const nameEnd = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > view.byteLength) {
    throw fail("FILE_CORRUPT", source, `the directory entry at byte ${at} ends at ${next}, the directory has ${view.byteLength} bytes`);
  }
  const name = decodeName(new Uint8Array(view.buffer, view.byteOffset + at + CENTRAL_BYTES, nameEnd - at - CENTRAL_BYTES));
  if (name === null) throw fail("FILE_CORRUPT", source, `the name of the directory entry at byte ${at} is not UTF-8`);
  const short = {
    size: view.getUint32(at + 24, true),
    packedSize: view.getUint32(at + 20, true),
    headerOffset: view.getUint32(at + 42, true),
  };
  const method = view.getUint16(at + 10, true);
  const sizes = widen(source, name, short, new DataView(view.buffer, view.byteOffset + nameEnd, extraEnd - nameEnd));
  if (method === STORED && sizes.size !== sizes.packedSize) {
    throw fail(
      "FILE_CORRUPT",
      source,
      `stored entry ${quoted(name)} declares ${sizes.size} bytes, ${sizes.packedSize} of them in the file`,
    );
  }
  return { entry: { name, method, encrypted: (view.getUint16(at + 8, true) & ENCRYPTED_FLAG) !== 0, ...sizes }, next };
}

interface EntrySizes {
  readonly size: number;
  readonly packedSize: number;
  readonly headerOffset: number;
}

/** A field that is all ones is in the zip64 extra field instead, in this order. */
function widen(source: ByteSource, name: string, short: EntrySizes, extra: DataView): EntrySizes {
  const wide = { ...short };
  const full = (["size", "packedSize", "headerOffset"] as const).filter((field) => short[field] === FULL_32);
  if (full.length === 0) return wide;
  let at = 0;
  while (at + 4 <= extra.byteLength) {
    const bytes = extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === ZIP64_EXTRA && bytes >= 8 * full.length && at + 4 + bytes <= extra.byteLength) {
      for (const [index, field] of full.entries()) wide[field] = readU64(extra, at + 4 + 8 * index);
      return wide;
    }
    at += 4 + bytes;
  }
  throw fail("FILE_CORRUPT", source, `entry ${quoted(name)} has no zip64 field for its ${full.join(", ")}`);
}

function decodeName(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function withLimits(
  source: ByteSource,
  entries: readonly Omit<ZipEntry, "limit">[],
  directoryOffset: number,
): ReadonlyMap<string, ZipEntry> {
  const limits = new Map<string, number>();
  let limit = directoryOffset;
  for (const { name, headerOffset, packedSize } of entries.toSorted((a, b) => b.headerOffset - a.headerOffset)) {
    if (limits.has(name)) throw fail("FILE_CORRUPT", source, `two entries are named ${quoted(name)}`);
    const end = headerOffset + LOCAL_BYTES + packedSize;
    if (end > limit) {
      throw fail(
        "FILE_CORRUPT",
        source,
        `entry ${quoted(name)} covers bytes ${headerOffset} to ${end}, the next part of the file starts at ${limit}`,
      );
    }
    limits.set(name, limit);
    limit = headerOffset;
  }
  return new Map(entries.map((entry) => [entry.name, { ...entry, limit: limits.get(entry.name) ?? 0 }]));
}
