import type { ByteSource } from "../../formats/byte-source.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { niftiError } from "../../formats/nifti.js";
import { formatCount } from "../../text.js";

/** The bytes of a file from its beginning, unpacked where it is packed; nothing is held that was not asked for. */
export interface ByteFeed {
  /** As many of the next bytes as there are, at most `length`; they stay next. */
  peek(length: number): Promise<Uint8Array>;
  /** Exactly the next `length` bytes. Rejects with FILE_TRUNCATED where there are fewer. */
  take(length: number): Promise<Uint8Array>;
  skip(length: number): Promise<void>;
  /** Refuse a file that cannot hold as many bytes from its beginning, before anyone makes room for them. */
  checkHolds(length: number): void;
  /** Read to the end, where the checksum of a packed file stands. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** Bytes of the file that go through memory at once. */
const CHUNK_BYTES = 2 ** 20;
/** A deflate stream cannot hold more for each of its bytes: 258 out of two bits, and less for the frame around it. Source: zlib's technical notes. */
const MAX_GZIP_RATIO = 1032;
/** Behind the voxels nothing is defined; editors leave padding of some hundred bytes. What goes on for longer is a bomb or not this file. */
const MAX_TRAILING_BYTES = 2 ** 20;
const GZIP_MAGIC = [0x1f, 0x8b];

/** Whether the file begins as gzip does. */
export async function looksLikeGzip(source: ByteSource): Promise<boolean> {
  const start = await source.read(0, Math.min(GZIP_MAGIC.length, source.size));
  return GZIP_MAGIC.every((byte, index) => start[index] === byte);
}

/** The bytes of a file that is not packed. Skipping reads nothing. */
export function plainFeed(source: ByteSource): ByteFeed {
  let at = 0;
  const checkHolds = (length: number): void => {
    if (length > source.size) throw truncated(source.name, length, source.size);
  };
  return {
    peek: (length) => source.read(at, Math.min(length, Math.max(0, source.size - at))),
    take: async (length) => {
      checkHolds(at + length);
      at += length;
      return source.read(at - length, length);
    },
    skip: async (length) => {
      at += length;
    },
    checkHolds,
    finish: async () => undefined,
    close: async () => undefined,
  };
}

/** What unpacks a gzip file, chunk by chunk, as they are asked for. Throws FILE_TRUNCATED and FILE_CORRUPT. */
export type Unpack = (source: ByteSource) => AsyncGenerator<Uint8Array, void>;

/** The unpacked bytes of a gzip file, in a stream: the memory taken is that of what is asked for. */
export function gzipFeed(source: ByteSource, unpack: Unpack): ByteFeed {
  const { name, size } = source;
  const chunks = unpack(source);
  /** Unpacked, and not yet taken. */
  let rest: readonly Uint8Array[] = [];
  let passed = 0;

  /** Bytes in pieces, at most `length` of them. */
  const next = async (length: number): Promise<readonly Uint8Array[]> => {
    const pieces: Uint8Array[] = [];
    for (let wanted = length; wanted > 0; ) {
      const [chunk, ...others] = rest.length > 0 ? rest : await one(chunks);
      if (chunk === undefined) break;
      const piece = chunk.subarray(0, wanted);
      rest = piece.length < chunk.length ? [chunk.subarray(piece.length), ...others] : others;
      pieces.push(piece);
      wanted -= piece.length;
    }
    passed += total(pieces);
    return pieces;
  };
  return {
    peek: async (length) => {
      const pieces = await next(length);
      passed -= total(pieces);
      rest = [...pieces, ...rest];
      return concatChunks(pieces);
    },
    take: async (length) => {
      const out = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const pieces = await next(Math.min(CHUNK_BYTES, length - done));
        if (pieces.length === 0) throw truncated(name, passed + length - done, passed);
        for (const piece of pieces) {
          out.set(piece, done);
          done += piece.length;
        }
      }
      return out;
    },
    skip: async (length) => {
      for (let done = 0; done < length; ) {
        const pieces = await next(Math.min(CHUNK_BYTES, length - done));
        if (pieces.length === 0) throw truncated(name, passed + length - done, passed);
        done += total(pieces);
      }
    },
    checkHolds: (length) => {
      const most = size * MAX_GZIP_RATIO;
      if (length <= most) return;
      throw niftiError(
        "FILE_TRUNCATED",
        name,
        `its header declares ${formatCount(length)} bytes, its ${formatCount(size)} compressed bytes cannot decode to more than ${formatCount(most)}`,
      );
    },
    finish: async () => {
      const trailing = total(await next(MAX_TRAILING_BYTES + 1));
      if (trailing <= MAX_TRAILING_BYTES) return;
      throw niftiError("FILE_LIMIT", name, `more than ${MAX_TRAILING_BYTES} bytes follow its voxels`);
    },
    close: async () => {
      await chunks.return(undefined);
    },
  };
}

async function one(chunks: AsyncGenerator<Uint8Array, void>): Promise<readonly Uint8Array[]> {
  const { done, value } = await chunks.next();
  return done === true ? [] : [value];
}

/** A source from its beginning to its end, piece by piece. */
export async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < source.size; at += CHUNK_BYTES) yield await source.read(at, Math.min(CHUNK_BYTES, source.size - at));
}

function truncated(name: string, wanted: number, held: number): Error {
  return niftiError("FILE_TRUNCATED", name, `its header declares ${wanted} bytes, the file contains ${held}`);
}

function total(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
