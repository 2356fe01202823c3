import { createHash } from "node:crypto";
import { InceptionError, messageOf } from "../errors.js";
import { type ByteSource, checkRange } from "../formats/byte-source.js";
import { compareHash } from "../formats/checksum.js";
import { throwIfAborted } from "../runtime/abort.js";
import type { CancelSignal } from "../runtime/session.js";

/** Small enough that a reader of a few bytes causes little work, large enough that 4 GiB have hashes of 512 KiB. */
const CHUNK_BYTES = 256 * 2 ** 10;
/** Chunks that are read from the file in one call. */
const CHUNKS_PER_READ = 16;
/** Verified chunks that a source keeps (8 MiB): readers of headers and trees come back to the same places. */
const KEPT_CHUNKS = 32;
const HASH_BYTES = 32;

/** The content of a file at one time, by which later reads are recognized as the same. */
export interface ContentDigest {
  readonly size: number;
  /** Of the whole file, in lower-case hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of each 256 KiB, one after the other. */
  readonly chunks: Uint8Array;
}

/** Reads a source once, from its start to its end. @param signal - ends the reading; it rejects with the signal's reason */
export async function digestContent(source: ByteSource, signal?: CancelSignal): Promise<ContentDigest> {
  const { size } = source;
  const whole = createHash("sha256");
  const chunks = new Uint8Array(Math.ceil(size / CHUNK_BYTES) * HASH_BYTES);
  for (let index = 0; index * CHUNK_BYTES < size; index++) {
    throwIfAborted(signal);
    const bytes = await source.read(index * CHUNK_BYTES, chunkLength(size, index));
    whole.update(bytes);
    chunks.set(hashOf(bytes), index * HASH_BYTES);
  }
  return { size, sha256: whole.digest("hex"), chunks };
}

/**
 * A source whose reads give what was there when the digest was made, or fail: a file may be replaced or written to between
 * hashing and reading, and then its hash says nothing about what is read.
 *
 * @throws InceptionError HASH_MISMATCH where the size differs; so does `read` where the content does
 */
export function verifiedSource<S extends ByteSource>(source: S, digest: ContentDigest): S {
  const { name } = source;
  const { size } = digest;
  const changed = () => new InceptionError("HASH_MISMATCH", `Cannot use "${messageOf(name)}": it changed while it was read`, { name });
  if (source.size !== size) throw changed();
  const verify = (index: number, bytes: Uint8Array): void => {
    const expected = digest.chunks.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    if (hashOf(bytes).compare(expected) !== 0) throw changed();
  };
  const kept = new Map<number, Uint8Array>();
  const chunk = async (index: number): Promise<Uint8Array> => {
    const known = kept.get(index);
    if (known !== undefined) return known;
    const bytes = await source.read(index * CHUNK_BYTES, chunkLength(size, index));
    verify(index, bytes);
    kept.set(index, bytes);
    for (const oldest of kept.keys()) if (kept.size > KEPT_CHUNKS) kept.delete(oldest);
    return bytes;
  };
  /** Whole chunks from `index` to before `end`, into `into`. */
  const readChunks = async (index: number, end: number, into: Uint8Array): Promise<void> => {
    const bytes = await source.read(index * CHUNK_BYTES, into.length);
    for (let k = index; k < end; k++) verify(k, bytes.subarray((k - index) * CHUNK_BYTES, (k - index + 1) * CHUNK_BYTES));
    into.set(bytes);
  };
  return {
    ...source,
    read: async (offset, length) => {
      checkRange(name, size, offset, length);
      const bytes = new Uint8Array(length);
      for (let at = offset; at < offset + length; ) {
        const index = Math.floor(at / CHUNK_BYTES);
        const start = index * CHUNK_BYTES;
        const whole = Math.min(CHUNKS_PER_READ, Math.floor((offset + length - start) / CHUNK_BYTES));
        if (at === start && whole > 0) {
          const end = start + whole * CHUNK_BYTES;
          await readChunks(index, index + whole, bytes.subarray(at - offset, end - offset));
          at = end;
        } else {
          const part = (await chunk(index)).subarray(at - start, Math.min(CHUNK_BYTES, offset + length - start));
          bytes.set(part, at - offset);
          at += part.length;
        }
      }
      return bytes;
    },
  };
}

/**
 * A source that must have a hash, read and checked through the same opening of the file.
 *
 * @param name - how messages name it
 * @throws InceptionError HASH_MISMATCH
 */
export async function pinnedSource<S extends ByteSource>(source: S, name: string, sha256: string): Promise<S> {
  const digest = await digestContent(source);
  compareHash(name, { kind: "sha256", hex: sha256 }, digest.sha256);
  return verifiedSource(source, digest);
}

function chunkLength(size: number, index: number): number {
  return Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES);
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
