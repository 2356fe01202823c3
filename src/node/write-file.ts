import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { type FileHandle, mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { isFolder } from "./file-source.js";
import { systemErrorCode, writeError } from "./system-error.js";

/**
 * Writes a file completely or not at all: the chunks go to a hidden file in the same directory, which is renamed when all
 * of it has reached the disk. Until then, and on failure, a file of that name stays as it was.
 * A symbolic link is followed: what it points to is replaced.
 *
 * A process that exits half-way removes the hidden file, `.NAME.*.tmp`; one that is killed leaves it.
 *
 * @param chunks - the content in pieces; an error that it throws ends the writing and is rethrown unchanged
 * @throws InceptionError WRITE_FAILED when the system rejects the write, or the path is a directory or device
 */
export async function writeFileAtomic(file: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const target = await orWriteFailed(file, () => replaceable(file));
  const temporary = temporaryFile(target);
  const handle = await orWriteFailed(file, () => open(temporary, "wx"));
  // A signal or an error elsewhere may end the process while this file is half written.
  const onExit = () => rmSync(temporary, { force: true });
  process.once("exit", onExit);
  try {
    try {
      for await (const chunk of inOrder(chunks)) await writeAll(file, handle, chunk);
      await orWriteFailed(file, () => handle.sync());
    } finally {
      await handle.close();
    }
    await orWriteFailed(file, () => rename(temporary, target));
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  } finally {
    process.off("exit", onExit);
  }
  await syncFolder(path.dirname(target));
}

/** Bytes of a file's name that file systems take. */
const LONGEST_NAME = 255;

/**
 * A hidden file beside another one, `.NAME.*.tmp`; of a name so long that this would be longer than any may be, as much of its
 * beginning as fits.
 *
 * @param hex - 12 hexadecimal digits. Default: random ones
 */
export function temporaryFile(file: string, hex: string = randomBytes(6).toString("hex")): string {
  const ending = `.${hex}.tmp`;
  const characters = [...path.basename(file)];
  while (Buffer.byteLength(`.${characters.join("")}${ending}`) > LONGEST_NAME) characters.pop();
  return path.join(path.dirname(file), `.${characters.join("")}${ending}`);
}

async function* inOrder(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}

/** Where to write for `file`: itself, or what it links to. Refuses what a rename must not replace. */
async function replaceable(file: string): Promise<string> {
  const info = await stat(file).catch((thrown) => {
    if (systemErrorCode(thrown) === "ENOENT") return null;
    throw thrown;
  });
  if (info === null) return path.resolve(file);
  if (info.isFile()) return realpath(file);
  const found = info.isDirectory() ? "a directory" : "a device or pipe";
  throw new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(file)}": it is ${found}, not a regular file`, { file });
}

async function writeAll(file: string, handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    // Without a position the bytes go where the last ones ended. One call may take fewer than it is given.
    const from = done;
    const { bytesWritten } = await orWriteFailed(file, () => handle.write(chunk, from, chunk.byteLength - from));
    done += bytesWritten;
  }
}

/** The new name reaches the disk with its folder. Not every system can do that for a folder, so it is only tried. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file itself is safe; a power cut in this second could bring back the old one.
  }
}

/** @throws InceptionError WRITE_FAILED, saying what the system says in words, where the step fails */
export async function orWriteFailed<T>(file: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    throw writeError(file, thrown);
  }
}

/**
 * Make a folder and those above it, where they are not there.
 *
 * @throws InceptionError WRITE_FAILED, with the system's reason
 */
export async function makeFolder(folder: string): Promise<void> {
  await orWriteFailed(folder, () => makeFolders(path.resolve(folder)));
}

/** Node's own `recursive` goes round for ever where the system says "no such directory" of a parent that is there, as /proc does. */
async function makeFolders(folder: string): Promise<void> {
  const failure = await tryFolder(folder);
  if (failure === null) return;
  const parent = path.dirname(folder);
  if (systemErrorCode(failure) !== "ENOENT" || parent === folder) throw failure;
  await makeFolders(parent);
  const again = await tryFolder(folder);
  if (again !== null) throw again;
}

/** Null where the folder is there now, made or found; else why it is not. */
async function tryFolder(folder: string): Promise<Error | null> {
  try {
    await mkdir(folder);
    return null;
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    if (await isFolder(folder)) return null;
    if (systemErrorCode(thrown) !== "EEXIST") return thrown;
    return new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(folder)}": it is a file, not a directory`, { folder });
  }
}
