import { concat } from "../weight-fixtures.js";
import type { Draws } from "./draws.js";

/** Bytes that are limits of something: of a byte, of a varint of 32 and 64 bits, and of an offset that ends in zeros. */
const LIMITS: readonly (readonly number[])[] = [
  [0x00],
  [0x01],
  [0x7f],
  [0x80],
  [0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x10],
];

/**
 * A damaged copy of a file: most often some bytes are set, which reaches deeper than changes of its length.
 *
 * @param head - bytes at the beginning, where sizes and places are stated; half of the changes are made there
 */
export function mutate(file: Uint8Array, draws: Draws, head = 256): Uint8Array {
  let bytes = Uint8Array.from(file);
  for (let left = draws.pick([1, 1, 1, 2, 3, 4]); left > 0 && bytes.length > 0; left--) bytes = mutateOnce(bytes, draws, head);
  return bytes;
}

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, draws: Draws, head: number): Uint8Array<ArrayBuffer> {
  const at = draws.int(0, (draws.chance(0.5) ? Math.min(head, bytes.length) : bytes.length) - 1);
  const value = newValue(bytes[at] ?? 0, draws);
  const kind = draws.number();
  if (kind < 0.75) {
    bytes.set(value.subarray(0, bytes.length - at), at);
    return bytes;
  }
  if (kind < 0.8) return concat(bytes.subarray(0, at), value, bytes.subarray(at));
  if (kind < 0.85) return concat(bytes.subarray(0, at), bytes.subarray(at + value.length));
  if (kind < 0.9) return bytes.slice(0, at);
  if (kind < 0.95) return concat(bytes, bytes.subarray(at));
  // A piece of the file in another place of it.
  return bytes.copyWithin(at, draws.int(0, bytes.length - 1), bytes.length - draws.int(0, Math.min(40, bytes.length)));
}

/** Another value for a byte: near to it, a sign of text, any, or a limit of what begins there. */
function newValue(old: number, draws: Draws): Uint8Array {
  const kind = draws.number();
  if (kind < 0.3) return Uint8Array.of(draws.pick([old + 1, old - 1, old ^ (1 << draws.int(0, 7))]));
  if (kind < 0.5) return new TextEncoder().encode(draws.pick([..."0123456789 ,:;()[]{}'\"-.+eE"]));
  return Uint8Array.from(kind < 0.7 ? [draws.int(0, 255)] : draws.pick(LIMITS));
}
