import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";

/** The polynomial 0x04C11DB7, bits reversed: the CRC of zip, gzip and PNG. */
const POLYNOMIAL = 0xedb88320;

/** The checksum of every single byte, so that a byte takes one step instead of eight. */
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  return remainder;
});

/** CRC-32 of bytes, an unsigned 32-bit number. `crc32(new TextEncoder().encode("123456789"))` is 0xcbf43926. */
function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ byte) & 0xff] ?? 0);
  return (remainder ^ 0xffffffff) >>> 0;
}

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
/** Without the 64-bit extension. */
const MAX_ARCHIVE_BYTES = 2 ** 32 - 1;
const MAX_ENTRIES = 2 ** 16 - 1;
/** Names are UTF-8. */
const UTF8_FLAG = 0x0800;
/** Version 2.0 of the format: the least that reads folders and deflation, and what Python writes. */
const VERSION = 20;
/** 1 January 1980: the same content gives the same bytes. */
const DATE = 0x0021;

/**
 * A zip file of stored entries, in chunks that view the contents without copying them. Source: PKWARE APPNOTE 6.3.10.
 *
 * @throws InceptionError FILE_LIMIT for 65,536 entries or 4 GiB and more
 */
export function encodeStoredZip(entries: readonly (readonly [name: string, content: Uint8Array])[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const encoded = new TextEncoder().encode(name);
    const shared = sharedFields(content, encoded);
    const local = record(0x04034b50, LOCAL_BYTES, shared, 4, encoded);
    const central = record(0x02014b50, CENTRAL_BYTES, shared, 6, encoded);
    new DataView(central.buffer).setUint16(4, VERSION, true);
    new DataView(central.buffer).setUint32(42, offset, true);
    chunks.push(local, content);
    directory.push(central);
    offset += local.byteLength + content.byteLength;
  }
  const directoryBytes = directory.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (entries.length > MAX_ENTRIES || offset + directoryBytes + END_BYTES > MAX_ARCHIVE_BYTES) {
    const fact = `${formatCount(entries.length)} entries of ${formatCount(offset)} bytes, the limits are ${formatCount(MAX_ENTRIES)} and ${formatCount(MAX_ARCHIVE_BYTES)}`;
    throw new InceptionError("FILE_LIMIT", `Cannot write a zip file: ${fact}`, { entries: entries.length, bytes: offset });
  }
  const end = new DataView(new ArrayBuffer(END_BYTES));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, directoryBytes, true);
  end.setUint32(16, offset, true);
  return [...chunks, ...directory, new Uint8Array(end.buffer)];
}

/** What both headers of an entry say alike, from "version needed" to "length of the extra field". */
function sharedFields(content: Uint8Array, name: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(LOCAL_BYTES - 4));
  view.setUint16(0, VERSION, true);
  view.setUint16(2, UTF8_FLAG, true);
  view.setUint16(8, DATE, true);
  view.setUint32(10, crc32(content), true);
  view.setUint32(14, content.byteLength, true);
  view.setUint32(18, content.byteLength, true);
  view.setUint16(22, name.byteLength, true);
  return new Uint8Array(view.buffer);
}

function record(signature: number, bytes: number, shared: Uint8Array, at: number, name: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes + name.byteLength);
  new DataView(whole.buffer).setUint32(0, signature, true);
  whole.set(shared, at);
  whole.set(name, bytes);
  return whole;
}
