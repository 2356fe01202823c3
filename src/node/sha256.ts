import { createHash, type Hash } from "node:crypto";
import type { ByteSource } from "../formats/byte-source.js";
import { openFileSource } from "./file-source.js";

// Large enough that the disk and not the calls decide, small enough to stay in the processor's cache.
const CHUNK_BYTES = 2 ** 20;

/** SHA-256 of bytes, in lower-case hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * SHA-256 of a file, in lower-case hexadecimal, reading it in pieces: about 1 GB/s.
 *
 * @throws InceptionError as `openFileSource` and its `read`
 */
export async function sha256OfFile(file: string): Promise<string> {
  const source = await openFileSource(file);
  return sha256OfSource(source).finally(() => source.close());
}

/** The same of what is open already, so that it is the hash of what is read there, also where the file is replaced meanwhile. */
export async function sha256OfSource(source: ByteSource): Promise<string> {
  const hash = createHash("sha256");
  await feed(source, [hash]);
  return hash.digest("hex");
}

/** Of one reading of a file: its SHA-256, and the SHA-1 that git gives to a file of this content. */
export async function hashesOf(file: string): Promise<{ readonly sha256: string; readonly git: string }> {
  const source = await openFileSource(file);
  const [sha256, git] = [createHash("sha256"), createHash("sha1").update(`blob ${source.size}\0`)];
  await feed(source, [sha256, git]).finally(() => source.close());
  return { sha256: sha256.digest("hex"), git: git.digest("hex") };
}

async function feed(source: ByteSource, hashes: readonly Hash[]): Promise<void> {
  for (let offset = 0; offset < source.size; offset += CHUNK_BYTES) {
    const chunk = await source.read(offset, Math.min(CHUNK_BYTES, source.size - offset));
    for (const hash of hashes) hash.update(chunk);
  }
}
