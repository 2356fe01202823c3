/** Reading numbers of a piece of an HDF5 file, bounded by the piece, and the errors of all of this folder. */

import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import type { ByteSource } from "../byte-source.js";
import { quoted } from "../quoted.js";

type Hdf5Failure = "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNSUPPORTED";

/** Bytes of one structure (a header's block, a heap, a node of a tree). Files of Keras have some thousand. */
const MAX_STRUCTURE_BYTES = 16 * 2 ** 20;
/** Structures read of one file, and so the time that lists which lead to themselves can take. A layer takes about 8. */
const MAX_STRUCTURES = 200_000;
/** Bytes of all structures over bytes of the file: an honest file is read about once. */
const MAX_REREADING = 8;

export interface Hdf5File {
  readonly source: ByteSource;
  /** Bytes of an address and of a length: 2, 4 or 8. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** What was read so far, held against the caps. */
  readonly spent: { structures: number; bytes: number };
}

export function hdf5Error(code: Hdf5Failure, source: ByteSource, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read HDF5 file ${quoted(source.name)}: ${fact}`, { file: source.name });
}

/** The bytes of a structure, counted against the caps. */
export async function readStructure(file: Hdf5File, offset: number, length: number, what: string): Promise<Cursor> {
  const { source, spent } = file;
  if (length > MAX_STRUCTURE_BYTES) {
    throw hdf5Error(
      "FILE_LIMIT",
      source,
      `${what} at byte ${offset} has ${formatCount(length)} bytes, the limit is ${formatCount(MAX_STRUCTURE_BYTES)}`,
    );
  }
  if (offset + length > source.size) {
    throw hdf5Error("FILE_TRUNCATED", source, `${what} covers bytes ${offset} to ${offset + length}, the file has ${source.size}`);
  }
  spent.structures += 1;
  spent.bytes += length;
  if (spent.structures > MAX_STRUCTURES || spent.bytes > MAX_REREADING * source.size) {
    throw hdf5Error(
      "FILE_LIMIT",
      source,
      `it has more than ${formatCount(MAX_STRUCTURES)} structures, or they take more than ${MAX_REREADING} times its ${formatCount(source.size)} bytes`,
    );
  }
  return new Cursor(file, await source.read(offset, length), what, offset);
}

/** A position in the bytes of one structure. */
export class Cursor {
  at = 0;
  readonly bytes: Uint8Array;
  readonly #file: Hdf5File;
  readonly #view: DataView;
  readonly #what: string;
  readonly #offset: number;

  /** @param offset - where the bytes begin in the file, for messages */
  constructor(file: Hdf5File, bytes: Uint8Array, what: string, offset: number) {
    this.#file = file;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#offset = offset;
  }

  get left(): number {
    return this.bytes.byteLength - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A number of 1, 2, 4 or 8 bytes; beyond 2^53 it is rounded, and larger than any file. */
  number(width: number): number {
    if (width === 1) return this.u8();
    if (width === 2) return this.u16();
    if (width === 4) return this.u32();
    if (width === 8) return Number(this.#view.getBigUint64(this.#take(8), true));
    throw this.error("FILE_UNSUPPORTED", `has numbers of ${width} bytes, expected 1, 2, 4 or 8`);
  }

  length(): number {
    return this.number(this.#file.lengthBytes);
  }

  /** A place in the file; null for the address of all ones, which means none. */
  address(): number | null {
    const width = this.#file.offsetBytes;
    const start = this.at;
    const value = this.number(width);
    return this.bytes.subarray(start, start + width).every((byte) => byte === 0xff) ? null : value;
  }

  /** An address that must be there. */
  place(): number {
    const address = this.address();
    if (address === null) throw this.error("FILE_CORRUPT", "has an undefined address");
    return address;
  }

  take(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  expect(signature: string): void {
    const found = String.fromCharCode(...this.take(signature.length));
    if (found !== signature) throw this.error("FILE_CORRUPT", `does not start with ${signature}`);
  }

  expectVersion(...known: readonly number[]): number {
    const version = this.u8();
    if (!known.includes(version)) throw this.error("FILE_UNSUPPORTED", `has version ${version}, supported are ${known.join(" and ")}`);
    return version;
  }

  /** A cursor over a part of these bytes. */
  part(length: number, what: string): Cursor {
    const offset = this.#offset + this.at;
    return new Cursor(this.#file, this.take(length), what, offset);
  }

  error(code: Hdf5Failure, fact: string): InceptionError {
    return hdf5Error(code, this.#file.source, `${this.#what} at byte ${this.#offset} ${fact}`);
  }

  #take(length: number): number {
    const start = this.at;
    if (length > this.bytes.byteLength - start) {
      throw this.error("FILE_CORRUPT", `needs ${length} bytes at its byte ${start}, it has ${this.bytes.byteLength}`);
    }
    this.at = start + length;
    return start;
  }
}
