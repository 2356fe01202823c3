/**
 * A bounded reader of protobuf's wire format, for files of strangers.
 *
 * Writing uses BinaryWriter of @bufbuild/protobuf. Its BinaryReader is not used: it drops the upper bits of lengths and of other
 * numbers above 2^32 (a length of 2^32 + 5 is read as 5), skips varints of any length, and its errors name no place. Here every
 * number is read whole or refused, every length is held against the bytes that remain, and every field counts against one budget.
 */

import { type ErrorCode, InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { quoted } from "../quoted.js";
import type { OnnxInt } from "./types.js";

/** Wire types of protobuf; 3 and 4 (groups) occur in no ONNX message. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Protobuf keeps sizes in signed 32-bit integers, so no implementation reads or writes a larger message.
 * Larger models keep their weights in other files.
 */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/**
 * Fields and packed attribute numbers of one file. Real graphs have 10 to 20 per node, so a training step of Inception-ResNet-v1
 * (7,454 nodes) has some 150,000. An empty field takes two bytes of a file and up to 100 bytes of memory once read: this keeps a
 * crafted file of a few megabytes near 100 MB and one second.
 */
export const MAX_FIELDS = 1_000_000;

/** Names are mostly short ASCII; up to this length, reading them by character takes half the time of a call of the decoder. */
const MAX_SHORT_TEXT = 32;

/** Bytes from `start` up to `end` of the file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Encoded numbers of one field: where they lie and how many they are. */
export interface NumberSpan extends Span {
  readonly count: number;
}

/** The bytes being read, and what reading them may still cost. One per decode call. */
export interface WireFile {
  /** How messages name the file. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly text: InstanceType<typeof TextDecoder>;
  /** Counts of what was read so far, held against the caps. */
  readonly spent: { fields: number; nodes: number; tensors: number };
}

/** Begin to read a file. Nothing is copied: what is read views `bytes`, which must not change meanwhile. */
export function openWire(name: string, bytes: Uint8Array): WireFile {
  if (bytes.byteLength > MAX_MODEL_BYTES) {
    throw wireError(
      "FILE_LIMIT",
      { name },
      "model",
      `${formatCount(bytes.byteLength)} bytes, the limit of protobuf is ${formatCount(MAX_MODEL_BYTES)}`,
    );
  }
  return {
    name,
    // A plain view: the views that Node's Buffer makes of itself are Buffers, slower to make and of different habits.
    bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
    spent: { fields: 0, nodes: 0, tensors: 0 },
  };
}

/** The one form of every message about an ONNX file: `Cannot read <place> of "<file>": <fact and law>`. */
export function wireError(code: ErrorCode, file: { readonly name: string }, place: string, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read ${place} of ${quoted(file.name)}: ${fact}`, { name: file.name, place });
}

/** A cursor over the fields of one message. After `next()` returned true, exactly one of the value methods or `skip()` must be called. */
export class MessageReader {
  /** Field number of the current field. */
  field = 0;
  /** What messages call this message: `graph.node[3].attribute[0]`. */
  readonly place: string;
  readonly #file: WireFile;
  readonly #end: number;
  #wireType = 0;
  #position: number;
  // The varint read last, as two unsigned 32-bit words, so that only numbers beyond 2^53 become bigints.
  #low = 0;
  #high = 0;

  constructor(file: WireFile, span: Span, place: string) {
    this.#file = file;
    this.place = place;
    this.#position = span.start;
    this.#end = span.end;
  }

  /** Advance to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    this.#spend();
    const start = this.#position;
    this.#readVarint();
    this.field = this.#low >>> 3;
    this.#wireType = this.#low & 7;
    if (this.#high !== 0 || this.field === 0) throw this.error("FILE_CORRUPT", `the tag at byte ${start} has no valid field number`);
    return true;
  }

  /** An int64, exact. */
  int(): OnnxInt {
    this.#expect(WIRE.varint);
    this.#readVarint();
    return this.#signed();
  }

  /** An int64 that must be a safe integer; `what` names it in the message. */
  safeInt(what: string): number {
    const value = this.int();
    if (typeof value === "bigint") throw this.error("FILE_CORRUPT", `${what} is ${value}, beyond ${Number.MAX_SAFE_INTEGER}`);
    return value;
  }

  /** An int32 or an enum: the low 32 bits, as protobuf prescribes. */
  int32(): number {
    this.#expect(WIRE.varint);
    this.#readVarint();
    return this.#low | 0;
  }

  float(): number {
    this.#expect(WIRE.fixed32);
    return this.#file.view.getFloat32(this.#take(4), true);
  }

  /** A length-delimited value: where it lies. */
  span(): Span {
    this.#expect(WIRE.bytes);
    return this.#readSpan();
  }

  /** A length-delimited value: a view of the file. */
  bytes(): Uint8Array {
    const { start, end } = this.span();
    return this.#file.bytes.subarray(start, end);
  }

  string(): string {
    const { start, end } = this.span();
    const { bytes, text } = this.#file;
    const short = end - start <= MAX_SHORT_TEXT ? asciiText(bytes, start, end) : null;
    if (short !== null) return short;
    try {
      return text.decode(bytes.subarray(start, end));
    } catch {
      throw this.error("FILE_CORRUPT", `field ${this.field} contains text that is not UTF-8`);
    }
  }

  /** Append the int64 numbers of this field, packed or not, to `out`. */
  ints(out: OnnxInt[]): void {
    if (this.#wireType !== WIRE.bytes) {
      out.push(this.int());
      return;
    }
    const { start, end } = this.#readSpan();
    this.#position = start;
    while (this.#position < end) {
      this.#spend();
      this.#readVarint(end);
      out.push(this.#signed());
    }
  }

  /** Append the float32 numbers of this field, packed or not, to `out`. */
  floats(out: number[]): void {
    if (this.#wireType !== WIRE.bytes) {
      out.push(this.float());
      return;
    }
    const { start, end } = this.#readSpan();
    this.#checkPacked(end - start, 4);
    for (let offset = start; offset < end; offset += 4) {
      this.#spend();
      out.push(this.#file.view.getFloat32(offset, true));
    }
  }

  /**
   * Where the encoded numbers of this field lie, packed or not, and how many they are: `fixedBytes` is the width of one, null for
   * varints. Every number is checked here, none is kept.
   */
  numbers(fixedBytes: 4 | 8 | null): NumberSpan {
    if (this.#wireType === WIRE.bytes) return this.#packedNumbers(fixedBytes);
    const start = this.#position;
    if (fixedBytes === null) {
      this.#expect(WIRE.varint);
      this.#readVarint();
    } else {
      this.#expect(fixedBytes === 4 ? WIRE.fixed32 : WIRE.fixed64);
      this.#take(fixedBytes);
    }
    return { start, end: this.#position, count: 1 };
  }

  /** Step over a field that is not needed. */
  skip(): void {
    if (this.#wireType === WIRE.varint) this.#readVarint();
    else if (this.#wireType === WIRE.fixed64) this.#take(8);
    else if (this.#wireType === WIRE.bytes) this.#readSpan();
    else if (this.#wireType === WIRE.fixed32) this.#take(4);
    else throw this.error("FILE_CORRUPT", `field ${this.field} has wire type ${this.#wireType}, which no ONNX file uses`);
  }

  error(code: ErrorCode, fact: string): InceptionError {
    return wireError(code, this.#file, this.place, fact);
  }

  #expect(wireType: number): void {
    if (this.#wireType === wireType) return;
    throw this.error("FILE_CORRUPT", `field ${this.field} has wire type ${this.#wireType}, expected ${wireType}`);
  }

  #spend(): void {
    this.#file.spent.fields += 1;
    if (this.#file.spent.fields <= MAX_FIELDS) return;
    throw this.error("FILE_LIMIT", `the file has more than ${MAX_FIELDS} fields`);
  }

  #readSpan(): Span {
    this.#readVarint();
    const length = this.#high * 2 ** 32 + this.#low;
    const start = this.#take(length);
    return { start, end: start + length };
  }

  #packedNumbers(fixedBytes: 4 | 8 | null): NumberSpan {
    const { start, end } = this.#readSpan();
    if (fixedBytes !== null) {
      this.#checkPacked(end - start, fixedBytes);
      return { start, end, count: (end - start) / fixedBytes };
    }
    let count = 0;
    for (this.#position = start; this.#position < end; count++) this.#readVarint(end);
    return { start, end, count };
  }

  #checkPacked(length: number, width: number): void {
    if (length % width === 0) return;
    throw this.error("FILE_CORRUPT", `field ${this.field} packs ${length} bytes, not a multiple of ${width}`);
  }

  /** The offset of the next `length` bytes, which are stepped over. */
  #take(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) {
      throw this.#cutOff(this.#end, `field ${this.field} takes ${length} bytes from byte ${start}, ${this.#end - start} remain`);
    }
    this.#position = start + length;
    return start;
  }

  #signed(): OnnxInt {
    const value = (this.#high | 0) * 2 ** 32 + this.#low;
    return Number.isSafeInteger(value) ? value : (BigInt(this.#high | 0) << 32n) | BigInt(this.#low);
  }

  #readVarint(end = this.#end): void {
    const { bytes } = this.#file;
    let low = 0;
    let high = 0;
    for (let count = 0; count < 10; count++) {
      if (this.#position >= end) throw this.#cutOff(end, `the number at byte ${this.#position - count} has no last byte`);
      const byte = bytes[this.#position++] as number;
      const bits = byte & 0x7f;
      if (count < 5) low |= bits << (7 * count);
      // The fifth byte has the last four bits of the low word and the first three of the high one.
      if (count >= 4) high |= count === 4 ? bits >>> 4 : bits << (7 * count - 32);
      if (count === 9 && byte > 1) break;
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw this.error("FILE_CORRUPT", `the number that ends at byte ${this.#position} has more than 64 bits`);
  }

  /** Something runs past `end`: of the file, which was cut off then, or of a message inside it. */
  #cutOff(end: number, fact: string): InceptionError {
    return this.error(end === this.#file.bytes.byteLength ? "FILE_TRUNCATED" : "FILE_CORRUPT", fact);
  }
}

/** The text of bytes that are all ASCII, otherwise null. */
function asciiText(bytes: Uint8Array, start: number, end: number): string | null {
  let text = "";
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * Write the low `width` bytes of each varint of `span`, which `numbers` has checked, to `out` from `offset`.
 * Protobuf widens narrow and negative integers to 64 bits; the low bytes are the integer itself.
 */
export function copyVarints(file: WireFile, span: Span, width: number, out: Uint8Array, offset: number): void {
  let position = span.start;
  let written = offset;
  while (position < span.end) {
    let low = 0;
    let high = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = file.bytes[position++] as number;
      if (shift <= 28) low |= (byte & 0x7f) << shift;
      if (shift === 28) high |= (byte & 0x7f) >>> 4;
      else if (shift > 28) high |= (byte & 0x7f) << (shift - 32);
    }
    for (let i = 0; i < width; i++) out[written++] = i < 4 ? low >>> (8 * i) : high >>> (8 * (i - 4));
  }
}
