/// <reference lib="dom" />
/**
 * Downloaded models in the page's private file system (OPFS). Every read compares a kept file with its SHA-256, and asks the
 * server whether its file is still the same.
 */
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import type { SourceOptions } from "../runtime/platform.js";
import type { CancelSignal } from "../runtime/session.js";
import { fetchFile, sha256Hex, unshared } from "./sources.js";

/** A model file from the cache or the network, with its hash. */
export interface CachedModel {
  readonly bytes: Uint8Array;
  /** Of the bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** Whether it was read from the cache. */
  readonly cached: boolean;
}

/** Model files in the origin private file system (OPFS), each with its hash. */
export interface ModelCache {
  /**
   * Returns the file at a URL. A cached copy is used if it is undamaged and either matches the server's ETag or Last-Modified
   * or the server cannot be reached. Otherwise the file is downloaded and cached. If the browser cannot store it, for lack of
   * space or of a file system, the download still succeeds.
   *
   * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT, DOWNLOAD_FAILED; the signal's reason
   */
  read(url: string, options?: SourceOptions): Promise<CachedModel>;
  /** Forgets the file of a URL. */
  remove(url: string): Promise<void>;
}

/**
 * Opens the cache of model files of a page. Where the browser has no private file system, each read downloads the file.
 *
 * @param directory - its directory in the page's private file system. Default: "inceptionkit"
 */
export function modelCache(directory = "inceptionkit"): ModelCache {
  return {
    read: async (url, options = {}) => {
      const { signal } = options;
      throwIfAborted(signal);
      const folder = await openDirectory(directory);
      const key = await keyOf(url);
      const kept = folder === null ? null : await untilAborted(signal, readKept(folder, key));
      if (kept !== null && (await isCurrent(url, kept, signal))) return { bytes: kept.bytes, sha256: kept.sha256, cached: true };
      const { bytes, headers } = await fetchFile(url, options);
      const sha256 = await untilAborted(signal, sha256Hex(bytes));
      if (folder !== null) await untilAborted(signal, keep(folder, key, bytes, { sha256, version: versionOf(headers) }));
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

/** What is known of a kept file. */
interface KeptFacts {
  readonly sha256: string;
  /** By which a server tells versions of a file apart; null where it does not. */
  readonly version: string | null;
}

function versionOf(headers: Headers): string | null {
  return headers.get("etag") ?? headers.get("last-modified");
}

/** Whether the server has the file that was kept. One that does not tell versions apart may have another. */
async function isCurrent(url: string, { version }: KeptFacts, signal: CancelSignal | undefined): Promise<boolean> {
  if (version === null) return false;
  try {
    // Asks the server, not the browser's own cache.
    const { ok, headers } = await untilAborted(signal, fetch(url, { method: "HEAD", cache: "no-cache" }));
    return ok && versionOf(headers) === version;
  } catch {
    throwIfAborted(signal);
    return true;
  }
}

/** The facts are a file of their own, which is written last: a download that was cut off has none. */
async function readKept(folder: FileSystemDirectoryHandle, key: string): Promise<(KeptFacts & { readonly bytes: Uint8Array }) | null> {
  try {
    const [sha256 = "", version = ""] = (await (await contentOf(folder, `${key}${FACTS}`)).text()).split("\n");
    const bytes = new Uint8Array(await (await contentOf(folder, key)).arrayBuffer());
    if ((await sha256Hex(bytes)) === sha256) return { bytes, sha256, version: version === "" ? null : version };
  } catch {
    // It is not there.
  }
  await forget(folder, key);
  return null;
}

async function contentOf(folder: FileSystemDirectoryHandle, name: string): Promise<File> {
  return (await folder.getFileHandle(name)).getFile();
}

/** Ends the name of the file with the facts: two lines. */
const FACTS = ".sha256";

async function keep(folder: FileSystemDirectoryHandle, key: string, bytes: Uint8Array, { sha256, version }: KeptFacts): Promise<void> {
  try {
    // Facts of another file must not be beside this one, not even for a moment.
    await folder.removeEntry(`${key}${FACTS}`).catch(() => {});
    await write(folder, key, bytes);
    await write(folder, `${key}${FACTS}`, new TextEncoder().encode(`${sha256}\n${version ?? ""}`));
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
  for (const name of [`${key}${FACTS}`, key]) await folder.removeEntry(name).catch(() => {});
}
