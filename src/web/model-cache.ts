/// <reference lib="dom" />
/** Downloaded models in the page's private file system (OPFS), each with its SHA-256, which every read checks. */
import type { SourceOptions } from "../runtime/platform.js";
import { fetchBytes, sha256Hex, unshared } from "./sources.js";

export interface CachedModel {
  readonly bytes: Uint8Array;
  /** Of the bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** Whether it was read from the cache. */
  readonly cached: boolean;
}

export interface ModelCache {
  /**
   * The file of a URL: from the cache where it is there and unchanged, otherwise from the network, and kept. A browser
   * that refuses to keep it, for lack of room or of a file system, does not make this fail.
   *
   * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT, DOWNLOAD_FAILED; the signal's reason
   */
  read(url: string, options?: SourceOptions): Promise<CachedModel>;
  /** Forgets the file of a URL. */
  remove(url: string): Promise<void>;
}

/** @param directory - its directory in the page's private file system. Default: "inceptionkit" */
export function modelCache(directory = "inceptionkit"): ModelCache {
  return {
    read: async (url, options = {}) => {
      const folder = await openDirectory(directory);
      const key = await keyOf(url);
      const kept = folder === null ? null : await readKept(folder, key);
      if (kept !== null) return kept;
      const bytes = await fetchBytes(url, options);
      const sha256 = await sha256Hex(bytes);
      if (folder !== null) await keep(folder, key, bytes, sha256);
      return { bytes, sha256, cached: false };
    },
    remove: async (url) => {
      const folder = await openDirectory(directory);
      if (folder !== null) await forget(folder, await keyOf(url));
    },
  };
}

/** A name for the files of a URL: it may be long, and have any characters. */
async function keyOf(url: string): Promise<string> {
  return sha256Hex(new TextEncoder().encode(new URL(url, globalThis.location?.href).href));
}

/** Null where the browser has no private file system, or denies it (private windows). */
async function openDirectory(name: string): Promise<FileSystemDirectoryHandle | null> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle(name, { create: true });
  } catch {
    return null;
  }
}

/** The hash stands in a file of its own, which is written last: a download that was cut off has none. */
async function readKept(folder: FileSystemDirectoryHandle, key: string): Promise<CachedModel | null> {
  try {
    const sha256 = await (await contentOf(folder, `${key}.sha256`)).text();
    const bytes = new Uint8Array(await (await contentOf(folder, key)).arrayBuffer());
    if ((await sha256Hex(bytes)) === sha256) return { bytes, sha256, cached: true };
  } catch {
    // It is not there.
  }
  await forget(folder, key);
  return null;
}

async function contentOf(folder: FileSystemDirectoryHandle, name: string): Promise<File> {
  return (await folder.getFileHandle(name)).getFile();
}

async function keep(folder: FileSystemDirectoryHandle, key: string, bytes: Uint8Array, sha256: string): Promise<void> {
  try {
    await write(folder, key, bytes);
    await write(folder, `${key}.sha256`, new TextEncoder().encode(sha256));
  } catch {
    await forget(folder, key);
  }
}

async function write(folder: FileSystemDirectoryHandle, name: string, bytes: Uint8Array): Promise<void> {
  const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await file.write(unshared(bytes));
  await file.close();
}

async function forget(folder: FileSystemDirectoryHandle, key: string): Promise<void> {
  for (const name of [`${key}.sha256`, key]) await folder.removeEntry(name).catch(() => {});
}
