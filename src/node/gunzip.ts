import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { piecesOf } from "../data/volumes/byte-feed.js";
import { messageOf } from "../errors.js";
import type { ByteSource } from "../formats/byte-source.js";
import { niftiError } from "../formats/nifti.js";

/** The unpacked bytes of a gzip file. @throws InceptionError FILE_TRUNCATED, FILE_CORRUPT */
export async function* gunzip(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  const unpacker = createGunzip({ chunkSize: 2 ** 18 });
  // The failure of either end reaches the loop below; this promise only keeps it from being reported twice.
  pipeline(Readable.from(piecesOf(source)), unpacker).catch(() => undefined);
  try {
    for await (const chunk of unpacker as AsyncIterable<Uint8Array>) yield chunk;
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    if (code === "Z_BUF_ERROR") throw niftiError("FILE_TRUNCATED", source.name, "its gzip stream ends before its end");
    if (!code.startsWith("Z_")) throw thrown;
    throw niftiError("FILE_CORRUPT", source.name, `its gzip stream is damaged (${messageOf(thrown)})`);
  } finally {
    unpacker.destroy();
  }
}
