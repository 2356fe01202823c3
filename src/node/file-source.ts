import { constants } from "node:buffer";
import { type FileHandle, open, stat } from "node:fs/promises";
import { InceptionError, messageOf } from "../errors.js";
import { type ByteSource, checkRange } from "../formats/byte-source.js";
import { formatCount } from "../text.js";
import { readError } from "./system-error.js";

/** A file on disk; close it when done. Reads may overlap. */
export interface FileSource extends ByteSource {
  /** Let go of the file. Calling it again does nothing. */
  close(): Promise<void>;
}

// One read of more than 2 GiB fails on Linux and macOS; smaller pieces also keep the thread pool free for others.
const CHUNK_BYTES = 64 * 2 ** 20;

/**
 * Opens a file for random access. Only the requested ranges are read.
 *
 * Its `read` rejects with FILE_TRUNCATED outside the file, or when the file has become shorter since it was opened, and
 * with FILE_LIMIT for more bytes than one array can hold (4 GiB on Node 20).
 *
 * @throws InceptionError FILE_NOT_FOUND; SOURCE_INVALID for a directory, a device or pipe, or a file that may not be read
 */
export async function openFileSource(file: string): Promise<FileSource> {
  await checkIsFile(file);
  let handle: FileHandle;
  let size: number;
  try {
    handle = await open(file, "r");
    size = (await handle.stat()).size;
  } catch (thrown) {
    throw openError(file, thrown);
  }
  let closed: Promise<void> | null = null;
  return {
    name: file,
    size,
    read: async (offset, length) => {
      if (closed) throw new InceptionError("SOURCE_INVALID", `Cannot read "${messageOf(file)}": it is closed`, { file });
      return readRange(handle, file, size, offset, length);
    },
    close: () => {
      closed ??= handle.close();
      return closed;
    },
  };
}

/**
 * The text of a UTF-8 file.
 *
 * @param maxBytes - nothing is read of a longer one
 * @throws InceptionError FILE_LIMIT; as `openFileSource` and its `read`
 */
export async function readTextFile(file: string, maxBytes: number): Promise<string> {
  const source = await openFileSource(file);
  try {
    if (source.size > maxBytes) {
      const message = `Cannot read "${messageOf(file)}": it has ${formatCount(source.size)} bytes, the limit is ${formatCount(maxBytes)}`;
      throw new InceptionError("FILE_LIMIT", message, { file, size: source.size, limit: maxBytes });
    }
    return new TextDecoder().decode(await source.read(0, source.size));
  } finally {
    await source.close();
  }
}

/**
 * Refuse what is no plain file before it is opened: opening a pipe waits for its other end, reading a device need not end.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID
 */
export async function checkIsFile(file: string): Promise<void> {
  const info = await stat(file).catch((thrown) => {
    throw openError(file, thrown);
  });
  if (info.isFile()) return;
  const found = info.isDirectory() ? "a directory" : "a device or pipe";
  throw new InceptionError("SOURCE_INVALID", `Cannot open "${messageOf(file)}": it is ${found}, not a regular file`, { file });
}

/** Whether a path leads to a folder. One that leads nowhere does not; opening it says the rest. */
export async function isFolder(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found?.isDirectory() ?? false;
}

/** Whether a path leads to a plain file. */
export async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found?.isFile() ?? false;
}

/** 4 GiB is what Node 20 allows; newer versions allow more than any memory has, and fail with a RangeError. */
const MAX_ARRAY_BYTES = Math.min(constants.MAX_LENGTH, 2 ** 32);

async function readRange(handle: FileHandle, file: string, size: number, offset: number, length: number): Promise<Uint8Array> {
  checkRange(file, size, offset, length);
  if (length > MAX_ARRAY_BYTES) {
    const message = `Cannot read ${formatCount(length)} bytes of "${messageOf(file)}" at once: the limit of one array is ${formatCount(MAX_ARRAY_BYTES)}`;
    throw new InceptionError("FILE_LIMIT", message, { file, length, limit: MAX_ARRAY_BYTES });
  }
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(CHUNK_BYTES, length - done), offset + done).catch((thrown: unknown) => {
      throw readError(`read ${length} bytes at ${offset} of "${messageOf(file)}"`, file, thrown);
    });
    if (bytesRead === 0) {
      const message = `Cannot read ${length} bytes at ${offset} of "${messageOf(file)}": the file had ${size} bytes when it was opened and ends now at ${offset + done}`;
      throw new InceptionError("FILE_TRUNCATED", message, { file, size, offset, length, end: offset + done });
    }
    done += bytesRead;
  }
  return bytes;
}

function openError(file: string, thrown: unknown): InceptionError {
  return readError(`open "${messageOf(file)}"`, file, thrown);
}
