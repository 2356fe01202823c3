/**
 * LevelDB's table, which TensorFlow's checkpoints are: blocks of sorted keys and values, an index block with the last
 * key and the place of each, and a footer of 48 bytes that says where the index is.
 * Sources: doc/table_format.md of https://github.com/google/leveldb and its table/format.cc, table/block.cc, util/crc32c.h
 * (checksums are stored rotated by 15 bits and shifted by a constant, "masked").
 */
import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../byte-source.js";
import { crc32c } from "../crc32c.js";
import { quoted } from "../quoted.js";
import { unpackSnappy } from "./snappy.js";

const FOOTER_BYTES = 48;
/** The first 64 bits of the SHA-1 of "http://code.google.com/p/leveldb/", little-endian. */
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/** One byte of compression and four of checksum follow every block. */
const TRAILER_BYTES = 5;
const SNAPPY = 1;
const MASK_DELTA = 0xa282ead8;

/** Keys of one block. Checkpoints have a key per tensor: our largest network has 900, the largest language models some 10,000. */
const MAX_BLOCK_ENTRIES = 65_536;
/** Bytes of a key: the longest names of variables are near 120. Keys share prefixes, so that a short block can spell long ones. */
const MAX_KEY_BYTES = 1024;

export interface TableEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A block of the table that has not been read. */
export interface TableBlock {
  /** No key in the block is larger. */
  readonly lastKey: Uint8Array;
  readonly offset: number;
  /** In bytes, without the trailer. */
  readonly size: number;
}

/** Whether the file ends like a table. Reads 8 bytes. */
export async function looksLikeTable(source: ByteSource): Promise<boolean> {
  if (source.size < FOOTER_BYTES) return false;
  const end = await source.read(source.size - MAGIC.length, MAGIC.length);
  return MAGIC.every((byte, index) => end[index] === byte);
}

/**
 * The blocks of a table, in the order of their keys; none of them is read.
 *
 * @throws InceptionError FILE_CORRUPT, FILE_LIMIT (more than 65,536 blocks, keys above 1024 bytes), FILE_TRUNCATED
 */
export async function readTableIndex(source: ByteSource): Promise<readonly TableBlock[]> {
  const footer = await source.read(source.size - FOOTER_BYTES, FOOTER_BYTES);
  const meta = readHandle(footer, 0);
  const index = meta && readHandle(footer, meta.next);
  if (!index) throw fail("FILE_CORRUPT", source, "its footer does not contain the position of its index");
  const entries = await readTableBlock(source, index);
  return entries.map(({ key, value }) => {
    const handle = readHandle(value, 0);
    if (handle === null) throw fail("FILE_CORRUPT", source, "an entry of its index is not the position of a block");
    return { lastKey: key, offset: handle.offset, size: handle.size };
  });
}

/**
 * The keys and values of a block, after its checksum was compared.
 *
 * @throws InceptionError FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED (a compression that is not Snappy's)
 */
export async function readTableBlock(
  source: ByteSource,
  { offset, size }: Pick<TableBlock, "offset" | "size">,
): Promise<readonly TableEntry[]> {
  const where = `the block at byte ${offset} of ${quoted(source.name)}`;
  if (offset + size + TRAILER_BYTES > source.size - FOOTER_BYTES) {
    throw fail(
      "FILE_CORRUPT",
      source,
      `a block covers bytes ${offset} to ${offset + size}, the footer starts at ${source.size - FOOTER_BYTES}`,
    );
  }
  const bytes = await source.read(offset, size + TRAILER_BYTES);
  const stored = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(size + 1, true);
  const actual = maskedCrc32c(bytes.subarray(0, size + 1));
  if (stored !== actual) {
    throw fail("FILE_CORRUPT", source, `the checksum of the block at byte ${offset} is ${hex(actual)}, expected ${hex(stored)}`);
  }
  const compression = bytes[size] ?? 0;
  if (compression > SNAPPY) {
    throw fail(
      "FILE_UNSUPPORTED",
      source,
      `the block at byte ${offset} is compressed by method ${compression}, only Snappy (1) is supported`,
    );
  }
  const plain = bytes.subarray(0, size);
  return readEntries(source, compression === SNAPPY ? unpackSnappy(plain, where) : plain, offset);
}

/** A CRC-32C as TensorFlow and LevelDB store it: the checksum of bytes that hold checksums is known to be weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

export function hex(checksum: number): string {
  return `0x${checksum.toString(16).padStart(8, "0")}`;
}

/** By unsigned bytes, as LevelDB sorts. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function fail(code: "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_UNSUPPORTED", source: ByteSource, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read table ${quoted(source.name)}: ${fact}`, { file: source.name });
}

/** Each entry: bytes shared with the key before, bytes of its own, bytes of the value; then the latter two. */
function readEntries(source: ByteSource, block: Uint8Array, offset: number): readonly TableEntry[] {
  const corrupt = (fact: string) => fail("FILE_CORRUPT", source, `the block at byte ${offset} ${fact}`);
  const restarts = block.length < 4 ? -1 : new DataView(block.buffer, block.byteOffset, block.length).getUint32(block.length - 4, true);
  const end = block.length - 4 * (restarts + 1);
  if (restarts < 0 || end < 0) throw corrupt(`has ${block.length} bytes, too few for its list of ${Math.max(restarts, 0)} restarts`);
  const entries: TableEntry[] = [];
  let key = new Uint8Array(0);
  for (let at = 0; at < end; ) {
    const shared = readVarint(block, at);
    const own = shared && readVarint(block, shared.next);
    const length = own && readVarint(block, own.next);
    const valueAt = length && own ? length.next + own.value : 0;
    if (!shared || !own || !length || shared.value > key.length || valueAt + length.value > end) {
      throw corrupt(`has an entry at byte ${at} that extends beyond its end`);
    }
    if (shared.value + own.value > MAX_KEY_BYTES || entries.length >= MAX_BLOCK_ENTRIES) {
      const fact = `the block at byte ${offset} has more than ${MAX_BLOCK_ENTRIES} keys, or one of more than ${MAX_KEY_BYTES} bytes`;
      throw fail("FILE_LIMIT", source, fact);
    }
    const next = new Uint8Array(shared.value + own.value);
    next.set(key.subarray(0, shared.value));
    next.set(block.subarray(length.next, valueAt), shared.value);
    if (entries.length > 0 && compareBytes(key, next) >= 0) throw corrupt(`has keys that are not in order, at byte ${at}`);
    key = next;
    at = valueAt + length.value;
    entries.push({ key, value: block.subarray(valueAt, at) });
  }
  return entries;
}

interface Handle {
  readonly offset: number;
  readonly size: number;
  readonly next: number;
}

function readHandle(bytes: Uint8Array, at: number): Handle | null {
  const offset = readVarint(bytes, at);
  const size = offset && readVarint(bytes, offset.next);
  return offset && size ? { offset: offset.value, size: size.value, next: size.next } : null;
}

/** A varint of at most 53 bits, or null. */
function readVarint(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } | null {
  let value = 0;
  for (let i = 0; i < 8 && at + i < bytes.length; i++) {
    const byte = bytes[at + i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, next: at + i + 1 } : null;
  }
  return null;
}
