/// <reference lib="dom" />
/** Files of a page: bytes, Blobs and URLs, whose parts are fetched as they are asked for. */

import { InceptionError, messageOf } from "../errors.js";
import { bytesSource, checkRange } from "../formats/byte-source.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { throwIfAborted } from "../runtime/abort.js";
import type { BlobLike, FileInput, OpenedSource, SourceOptions } from "../runtime/platform.js";
import type { CancelSignal } from "../runtime/session.js";
import type { OwnBytes } from "../tensor/own-bytes.js";
import { formatCount } from "../text.js";

// As in Node.
const MAX_BYTES = 4 * 2 ** 30;

/**
 * Bytes that can be read anywhere. Of a URL only the asked parts are fetched where its server answers range requests;
 * otherwise the whole file is.
 *
 * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT, DOWNLOAD_FAILED, SOURCE_INVALID
 */
export async function openSource(source: FileInput, options: SourceOptions = {}): Promise<OpenedSource> {
  const { maxBytes = MAX_BYTES } = options;
  if (source instanceof Uint8Array) return closable(bytesSource("model", source));
  if (typeof source === "string" || "href" in source) return openUrl(typeof source === "string" ? source : source.href, options);
  if (source.size > maxBytes) throw tooLarge(nameOfBlob(source), source.size, maxBytes);
  return blobSource(source);
}

/** Blob and File: reads slice it. */
function blobSource(blob: BlobLike): OpenedSource {
  const name = nameOfBlob(blob);
  return {
    name,
    size: blob.size,
    read: async (offset, length) => {
      checkRange(name, blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    close: async () => undefined,
  };
}

async function openUrl(url: string, options: SourceOptions): Promise<OpenedSource> {
  const name = nameOfUrl(url);
  const { maxBytes = MAX_BYTES } = options;
  const first = await request(url, options.signal, "bytes=0-0");
  const size = Number(/^bytes 0-0\/(\d+)$/.exec(first.headers.get("content-range") ?? "")?.[1]);
  if (first.status !== 206 || !Number.isSafeInteger(size)) {
    return closable(bytesSource(name, await readBody(first, name, options)));
  }
  await first.body?.cancel();
  if (size > maxBytes) throw tooLarge(name, size, maxBytes);
  // A file that is replaced meanwhile must not be read half old and half new.
  const etag = first.headers.get("etag");
  let received = 0;
  return {
    name,
    size,
    read: async (offset, length) => {
      checkRange(name, size, offset, length);
      if (length === 0) return new Uint8Array(0);
      const response = await request(url, options.signal, `bytes=${offset}-${offset + length - 1}`);
      if (response.status !== 206 || response.headers.get("etag") !== etag) {
        await response.body?.cancel();
        throw new InceptionError("DOWNLOAD_FAILED", `Cannot read "${name}": the file changed while it was read`, { url: name });
      }
      const bytes = await readBody(response, name, { maxBytes: length, ...(options.signal ? { signal: options.signal } : {}) });
      checkRange(name, bytes.length, 0, length);
      received += length;
      options.onProgress?.({ name, received, total: size });
      return bytes;
    },
    close: async () => undefined,
  };
}

/**
 * The whole file of a URL.
 *
 * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT, DOWNLOAD_FAILED; the signal's reason
 */
export async function fetchBytes(url: string, options: SourceOptions = {}): Promise<Uint8Array> {
  return (await fetchFile(url, options)).bytes;
}

/** The same, with the headers of the answer. */
export async function fetchFile(url: string, options: SourceOptions): Promise<{ readonly bytes: Uint8Array; readonly headers: Headers }> {
  const response = await request(url, options.signal);
  return { bytes: await readBody(response, nameOfUrl(url), options), headers: response.headers };
}

async function request(url: string, signal: CancelSignal | undefined, range?: string): Promise<Response> {
  const name = nameOfUrl(url);
  if (signal?.aborted) throw signal.reason;
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    const response = await fetch(url, { signal: controller.signal, ...(range === undefined ? {} : { headers: { range } }) });
    if (response.ok) return response;
    const code = response.status === 404 || response.status === 410 ? "FILE_NOT_FOUND" : "DOWNLOAD_FAILED";
    throw new InceptionError(code, `Cannot open "${name}": the server returned ${response.status}`, { url: name, status: response.status });
  } catch (thrown) {
    if (signal?.aborted) throw signal.reason;
    if (thrown instanceof InceptionError) throw thrown;
    throw new InceptionError("DOWNLOAD_FAILED", `Cannot open "${name}": ${messageOf(thrown)}`, { url: name }, { cause: thrown });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The body of an answer, piece by piece, so that a limit, progress and an abort hold while it arrives. */
async function readBody(
  response: Response,
  name: string,
  { maxBytes = MAX_BYTES, signal, onProgress }: SourceOptions,
): Promise<Uint8Array> {
  const stated = Number(response.headers.get("content-length") ?? 0);
  // A compressed body is longer than its stated length.
  const total = response.headers.get("content-encoding") === null ? stated : 0;
  if (total > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(name, total, maxBytes);
  }
  const pieces: Uint8Array[] = [];
  let received = 0;
  const reader = response.body?.getReader();
  // A server may send nothing for long; the reading then ends as if the body did.
  const stop = () => void reader?.cancel().catch(() => {});
  signal?.addEventListener("abort", stop);
  try {
    throwIfAborted(signal);
    for (;;) {
      const next = await reader?.read();
      throwIfAborted(signal);
      if (next === undefined || next.done) break;
      received += next.value.length;
      if (received > maxBytes) throw tooLarge(name, received, maxBytes);
      pieces.push(next.value);
      onProgress?.({ name, received, total });
    }
  } catch (thrown) {
    await reader?.cancel().catch(() => {});
    if (thrown instanceof InceptionError || signal?.aborted) throw thrown;
    throw new InceptionError("DOWNLOAD_FAILED", `Cannot read "${name}": ${messageOf(thrown)}`, { url: name }, { cause: thrown });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : concatChunks(pieces);
}

/** Lower-case hexadecimal SHA-256. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", unshared(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same bytes, copied only where another thread may write to them, which the platform's functions refuse. */
export function unshared(bytes: Uint8Array): OwnBytes {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : bytes.slice();
}

function closable(source: Omit<OpenedSource, "close">): OpenedSource {
  return { ...source, close: async () => undefined };
}

function nameOfBlob(blob: BlobLike): string {
  return "name" in blob && typeof blob.name === "string" ? messageOf(blob.name) : "model";
}

/** Nothing of a URL but its origin and path, since the rest may be secret. */
export function nameOfUrl(url: string): string {
  return messageOf(url.startsWith("data:") ? "data: URL" : url.replace(/[?#].*$/, ""));
}

function tooLarge(name: string, size: number, limit: number): InceptionError {
  return new InceptionError(
    "FILE_LIMIT",
    `Cannot read "${name}": it has ${formatCount(size)} bytes, the limit is ${formatCount(limit)} (option maxBytes)`,
    {
      size,
      limit,
    },
  );
}
