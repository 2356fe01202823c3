import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { systemErrorCode } from "./file-source.js";

/**
 * Write a file so that it is either there whole or not at all: the chunks go to a hidden file in the same folder, which
 * takes the name when all of it has reached the disk. Until then, and on failure, a file of that name stays as it was.
 * A symbolic link is followed: what it points to is replaced.
 *
 * A process that is killed half-way leaves the hidden file, `.NAME.*.tmp`.
 *
 * @param chunks - the content in pieces; an error that it throws ends the writing and is passed on as it is
 * @throws InceptionError WRITE_FAILED when the system refuses, or the path is a folder or device
 */
export async function writeFileAtomic(file: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const target = await orWriteFailed(file, () => replaceable(file));
  const folder = path.dirname(target);
  const temporary = path.join(folder, `.${path.basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  const handle = await orWriteFailed(file, () => open(temporary, "wx"));
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
  }
  await syncFolder(folder);
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
  const found = info.isDirectory() ? "a folder" : "a device or pipe";
  throw new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(file)}": it is ${found}, expected a file`, { file });
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
    if (thrown instanceof InceptionError) throw thrown;
    const fact = FACTS[systemErrorCode(thrown) ?? ""] ?? messageOf(thrown);
    throw new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(file)}": ${fact}`, { file }, { cause: thrown });
  }
}

const FACTS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder does not exist",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
};
