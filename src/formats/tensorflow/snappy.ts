/**
 * Snappy's block format, reading only: LevelDB's tables may hold their blocks so.
 * Source: format_description.txt of https://github.com/google/snappy. Sixty lines; npm's packages are older than their format is long.
 */
import { InceptionError } from "../../errors.js";

/** The best that the format can do: a copy of 64 bytes from an element of 3. */
const MAX_RATIO = 22;

/**
 * Unpack one block.
 *
 * @param where - what the bytes are, for messages: `the block at byte 0 of "x.ckpt"`
 * @throws InceptionError FILE_CORRUPT
 */
export function unpackSnappy(packed: Uint8Array, where: string): Uint8Array {
  const fail = (fact: string) => new InceptionError("FILE_CORRUPT", `Cannot decode ${where}: ${fact}`, { where });
  const head = readLength(packed);
  if (head === null || head.length > MAX_RATIO * packed.length) {
    throw fail(`its ${packed.length} bytes cannot decode to the ${head?.length ?? "2^32 or more"} that they declare`);
  }
  const out = new Uint8Array(head.length);
  let from = head.end;
  let to = 0;
  while (from < packed.length) {
    const element = readElement(packed, from);
    if (element === null || to + element.length > out.length) throw fail(`the element at byte ${from} extends beyond its end`);
    const { length, offset, next } = element;
    if (offset === 0) out.set(packed.subarray(next - length, next), to);
    else if (offset > to) throw fail(`the element at byte ${from} copies from ${offset} bytes back, ${to} are unpacked`);
    // One by one: a copy may read what it has just written.
    else for (let i = to; i < to + length; i++) out[i] = out[i - offset] ?? 0;
    to += length;
    from = next;
  }
  if (to !== out.length) throw fail(`it ends after ${to} of ${out.length} bytes`);
  return out;
}

function readLength(packed: Uint8Array): { readonly length: number; readonly end: number } | null {
  let length = 0;
  for (let i = 0; i < Math.min(5, packed.length); i++) {
    const byte = packed[i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length < 2 ** 32 ? { length, end: i + 1 } : null;
  }
  return null;
}

interface Element {
  readonly length: number;
  /** How far back a copy reads; 0 for a literal, whose bytes end at `next`. */
  readonly offset: number;
  readonly next: number;
}

/** The element at `at`, or null where it does not end within the bytes. A copy from 0 bytes back is none. */
function readElement(packed: Uint8Array, at: number): Element | null {
  const tag = packed[at] ?? 0;
  const number = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += (packed[at + 1 + i] ?? 0) * 2 ** (8 * i);
    return value;
  };
  if ((tag & 3) === 0) {
    const extra = Math.max(0, (tag >> 2) - 59);
    const length = 1 + (extra === 0 ? tag >> 2 : number(extra));
    const next = at + 1 + extra + length;
    return next <= packed.length ? { length, offset: 0, next } : null;
  }
  const short = (tag & 3) === 1;
  const offsetBytes = short ? 1 : (tag & 3) === 2 ? 2 : 4;
  const offset = short ? (tag >> 5) * 256 + number(1) : number(offsetBytes);
  const length = short ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
  const next = at + 1 + offsetBytes;
  return next <= packed.length && offset > 0 ? { length, offset, next } : null;
}
