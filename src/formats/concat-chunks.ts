import type { OwnBytes } from "../tensor/own-bytes.js";

/** Bytes in pieces, one after the other, in one array. */
export function concatChunks(chunks: readonly Uint8Array[]): OwnBytes {
  const out = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return out;
}
