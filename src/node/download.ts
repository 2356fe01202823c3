import { createHash, type Hash } from "node:crypto";
import { InceptionError, messageOf } from "../errors.js";
import { type Checksum, compareHash } from "../formats/checksum.js";
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import type { CancelSignal } from "../runtime/session.js";
import { formatCount } from "../text.js";
import { MAX_DOWNLOAD_BYTES, type SourceOptions, STALL_SECONDS } from "./source-options.js";

/** What a download must turn out to be. */
export interface Expected {
  readonly name: string;
  /** Bytes; null where nobody said. */
  readonly size: number | null;
  /** null where nobody said. */
  readonly checksum: Checksum | null;
}

/**
 * The chunks of a download, which begins with the first of them. They are checked on the way: never more than the limit
 * or the announced size, and at the end exactly that size and content. Ends by throwing otherwise, so that a file
 * written from them is never given its name.
 *
 * @throws InceptionError FILE_LIMIT, DOWNLOAD_FAILED (broken off, or too long), HASH_MISMATCH
 */
export async function* checkedDownload(
  begin: () => Promise<AsyncIterable<Uint8Array>>,
  expected: Expected,
  options: SourceOptions,
): AsyncGenerator<Uint8Array, void> {
  const { name, size, checksum } = expected;
  const limit = options.maxBytes ?? MAX_DOWNLOAD_BYTES;
  checkSize(name, size ?? 0, limit);
  const hash = checksum && startHash(checksum, size);
  let received = 0;
  const stallSeconds = options.stallSeconds ?? STALL_SECONDS;
  for await (const chunk of readable(await begin(), name, stallSeconds, options.signal)) {
    received += chunk.byteLength;
    checkSize(name, received, limit);
    if (size !== null && received > size) throw networkError(name, `the server sent more than the ${size} bytes that it announced`);
    hash?.update(chunk);
    options.onProgress?.({ name, received, total: size ?? 0 });
    yield chunk;
  }
  if (size !== null && received < size) throw networkError(name, `the connection closed after ${received} of ${size} bytes`);
  if (hash && checksum) compareHash(name, checksum, hash.digest("hex"));
}

export function networkError(name: string, fact: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown): InceptionError {
  return new InceptionError("DOWNLOAD_FAILED", `Cannot download ${name}: ${fact}`, { name, ...details }, { cause });
}

/** What failed below `fetch`, whose own message is always "fetch failed". */
export function fetchFailure(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const text = messageOf(cause);
  return text.includes(code) ? text : `${text} (${code})`;
}

function startHash(checksum: Checksum, size: number | null): Hash {
  return checksum.kind === "git" ? createHash("sha1").update(`blob ${size ?? 0}\0`) : createHash("sha256");
}

/** A connection that brings less is as good as broken: 4 GiB would take more than a month. */
const MIN_BYTES_PER_SECOND = 1024;

async function* readable(
  body: AsyncIterable<Uint8Array>,
  name: string,
  stallSeconds: number,
  signal: CancelSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const chunks = body[Symbol.asyncIterator]();
  const stalled = () => networkError(name, `the server sent less than ${MIN_BYTES_PER_SECOND} bytes per second for ${stallSeconds} s`);
  // Only time spent waiting for the server counts, not what the reader does with a chunk.
  let waited = 0;
  let received = 0;
  let ended = false;
  try {
    for (;;) {
      const start = performance.now();
      const step = await untilAborted(signal, within(chunks.next(), Math.max(0, stallSeconds * 1000 - waited), stalled));
      if (step.done === true) break;
      waited += performance.now() - start;
      received += step.value.byteLength;
      if (received >= MIN_BYTES_PER_SECOND * stallSeconds) [waited, received] = [0, 0];
      yield step.value;
    }
    ended = true;
  } catch (thrown) {
    throwIfAborted(signal);
    throw thrown instanceof InceptionError ? thrown : networkError(name, `the connection failed: ${fetchFailure(thrown)}`, {}, thrown);
  } finally {
    // Not awaited: where the server is silent, this waits for the chunk that does not come.
    if (!ended) void chunks.return?.().catch(() => undefined);
  }
}

/** Rejects with what `late` makes when the promise takes longer. */
export async function within<T>(promise: Promise<T>, milliseconds: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function checkSize(name: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new InceptionError(
    "FILE_LIMIT",
    `Cannot download ${name}: it has more than ${formatCount(limit)} bytes, the limit for one download`,
    {
      name,
      limit,
    },
  );
}
