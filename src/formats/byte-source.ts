import { InceptionError } from "../errors.js";
import { concatChunks } from "./concat-chunks.js";

/**
 * Random access to the bytes of a file, wherever they live: memory, disk, HTTP ranges, a Blob.
 * Readers never see which; they ask only for what they need, so that a header can be read without its gigabytes.
 */
export interface ByteSource {
  /** How messages name the file; a path or URL, never parsed. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`. Rejects with FILE_TRUNCATED when the range ends behind `size`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * The file beside this one whose name has another ending: `x.index` and `.data-00000-of-00001`, in place of `.index`.
   * Rejects with FILE_NOT_FOUND. Absent where there are no other files; nothing but such a name can be asked for.
   */
  beside?(ending: string, otherEnding: string): Promise<ByteSource>;
  /**
   * The file with this name in the same directory. Rejects with FILE_NOT_FOUND, and with FILE_UNSAFE for a name that is
   * not a plain one (`isFileName`). Absent where there are no other files.
   */
  sibling?(fileName: string): Promise<ByteSource>;
}

/** The longest file name that common file systems allow, in UTF-16 units. */
const MAX_FILE_NAME = 255;

/**
 * Whether a text from a file may name another file in the same directory: no separator of any system, no drive letter or
 * URL scheme, not `.` or `..`, no control characters.
 */
export function isFileName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: rejecting control characters is the purpose
  return text !== "" && text !== "." && text !== ".." && text.length <= MAX_FILE_NAME && !/[/\\:\u0000-\u001f\u007f]/.test(text);
}

/** A source over bytes in memory; reads are views, not copies. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (offset, length) => {
      checkRange(name, bytes.byteLength, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A part of another source as a source of its own; its reads are those of the other. */
export function partOfSource(source: ByteSource, name: string, offset: number, size: number): ByteSource {
  checkRange(source.name, source.size, offset, size);
  return {
    name,
    size,
    read: async (start, length) => {
      checkRange(name, size, start, length);
      return source.read(offset + start, length);
    },
  };
}

/** Several sources, one after the other, as one. */
export function joinSources(name: string, parts: readonly ByteSource[]): ByteSource {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    checkRange(name, size, offset, length);
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (const part of parts) {
      const [from, to] = [Math.max(offset, start), Math.min(offset + length, start + part.size)];
      if (from < to) pieces.push(await part.read(from - start, to - from));
      start += part.size;
    }
    const [only, ...more] = pieces;
    if (only !== undefined && more.length === 0) return only;
    return concatChunks(pieces);
  };
  return { name, size, read };
}

/** Refuse a range that is not inside the file; every ByteSource calls this before it touches memory. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new InceptionError("FILE_TRUNCATED", `Cannot read ${length} bytes at ${offset} of "${name}": the file has ${size} bytes`, {
    name,
    size,
    offset,
    length,
  });
}
