/// <reference lib="dom" />
import { piecesOf } from "../data/volumes/byte-feed.js";
import type { ByteSource } from "../formats/byte-source.js";
import { niftiError } from "../formats/nifti.js";
import { unshared } from "./sources.js";

/**
 * The unpacked bytes of a gzip file, chunk by chunk, as they are asked for.
 *
 * @throws InceptionError FILE_TRUNCATED where the file ends early, FILE_CORRUPT where it is damaged
 */
export async function* gunzip(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  const pieces = piecesOf(source);
  const packed = new ReadableStream<BufferSource>({
    pull: async (controller) => {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(unshared(value));
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (thrown) {
    // Browsers tell the end of the input from damage by words of their own only.
    if (!(thrown instanceof TypeError)) throw thrown;
    throw niftiError("FILE_CORRUPT", source.name, "its gzip stream is damaged or truncated");
  } finally {
    await reader.cancel().catch(() => {});
  }
}
