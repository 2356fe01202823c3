import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { isFolder } from "./file-source.js";
import { expandGlob, isGlob } from "./glob.js";
import { isUtf8Name, readError, systemErrorCode } from "./system-error.js";

/** File name endings that are taken from a folder, in lower case; `decodeImage` then decides by content. */
export const IMAGE_EXTENSIONS = [".avif", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"] as const;

/**
 * Lists the image files at paths, in order. A directory yields every file in and below it with a common image extension,
 * sorted by name, files and subdirectories mixed. Hidden entries are skipped, and a directory that symbolic links reach
 * again is read once. A named file is kept whatever its extension, and so is one that a pattern such as `photos/*.jpg` names.
 *
 * @throws InceptionError FILE_NOT_FOUND when a path does not exist or a pattern matches nothing, SOURCE_INVALID when a directory cannot be read
 */
export async function listImages(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const each of paths) {
    for (const place of await placesOf(each)) {
      if (place.folder) await collect(place.file, new Set(), files);
      else files.push(place.file);
    }
  }
  return files;
}

interface Place {
  readonly file: string;
  readonly folder: boolean;
}

/** The path itself, or what it matches as a pattern where nothing has that very name. */
async function placesOf(each: string): Promise<readonly Place[]> {
  const found = await stat(each).catch((error: unknown) => {
    if (systemErrorCode(error) === "ENOENT" && isGlob(each)) return null;
    throw unreadable(each, error);
  });
  if (found !== null) return [{ file: each, folder: found.isDirectory() }];
  const matches = await expandGlob(each);
  if (matches.length === 0) {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot list images of "${messageOf(each)}": no file matches this pattern`, { file: each });
  }
  return Promise.all(matches.map(async (file) => ({ file, folder: await isFolder(file) })));
}

/** `seen` holds real paths, so that a link to a parent ends instead of going round. */
async function collect(folder: string, seen: Set<string>, files: string[]): Promise<void> {
  const real = await realpath(folder).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  if (seen.has(real)) return;
  seen.add(real);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const full = path.join(folder, entry.name);
    const kind = await kindOf(entry, full);
    if (kind === "folder") await collect(full, seen, files);
    else if (kind === "file" && hasImageExtension(entry.name)) files.push(full);
  }
}

function hasImageExtension(name: string): boolean {
  const extension = path.extname(name).toLowerCase();
  return IMAGE_EXTENSIONS.some((known) => known === extension);
}

/** Follows links; one that leads nowhere or round is neither. A name that is not UTF-8 is kept: reading it says why it cannot be read. */
async function kindOf(entry: Dirent, full: string): Promise<"file" | "folder" | "other"> {
  const found = entry.isSymbolicLink() ? await stat(full).catch(() => null) : entry;
  if (found === null && !isUtf8Name(entry.name)) return "file";
  if (found?.isDirectory()) return "folder";
  return found?.isFile() ? "file" : "other";
}

function unreadable(file: string, thrown: unknown): InceptionError {
  return readError(`list images of "${messageOf(file)}"`, file, thrown);
}
