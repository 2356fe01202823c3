import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { invalid, listed, type RawSamples } from "../../data/assemble.js";
import { VAL_NAMES } from "../../data/sample-list.js";
import { messageOf } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { listImages } from "../list-images.js";
import { orReadFailed } from "../system-error.js";

const EXPECTED = "train/CLASS/*.jpg and val/CLASS/*.jpg, or CLASS/*.jpg";
/** As the files of ImageNet's training images begin: `n01440764_10026.JPEG`. */
const WORDNET_NAME = /^(n\d{8})(?!\d)/;

/**
 * The samples of a folder: `train/CLASS/…` with `val`, `valid`, `validation` or `test` beside it (the first of them that is
 * there), or `CLASS/…`. Images of a class may be in subdirectories. Hidden directories are skipped, and so are those without
 * images. Where there are no directories with images, the names of the images themselves may begin with the WordNet id of
 * their class: `n01440764_10026.JPEG`.
 *
 * @throws InceptionError DATASET_INVALID when there is no folder per class, or only some of the names begin with an id
 */
export async function readImageFolder(folder: string): Promise<RawSamples> {
  const root = path.resolve(folder);
  const folders = await subfolders(root);
  const val = VAL_NAMES.find((name) => folders.includes(name));
  // Without "train", a folder called "test" is a class like any other.
  if (!folders.includes("train")) return collect(root, [{ folder: root, split: null }], folder);
  const parts: Part[] = [{ folder: path.join(root, "train"), split: val ? "train" : null }];
  if (val) parts.push({ folder: path.join(root, val), split: "val" });
  return collect(root, parts, folder);
}

interface Part {
  readonly folder: string;
  readonly split: "train" | "val" | null;
}

async function collect(root: string, parts: readonly Part[], name: string): Promise<RawSamples> {
  const files: string[] = [];
  const labels: string[] = [];
  const splits: ("train" | "val" | null)[] = [];
  for (const part of parts) {
    const before = files.length;
    const classes = await subfolders(part.folder);
    for (const label of classes) {
      for (const file of await listImages([path.join(part.folder, label)])) {
        files.push(path.relative(root, file));
        labels.push(label);
        splits.push(part.split);
      }
    }
    if (files.length > before) continue;
    const flat = classes.length === 0 ? await wordNetFiles(part.folder, name) : [];
    if (flat.length === 0) throw await nothingIn(part.folder, classes, name);
    for (const { file, label } of flat) {
      files.push(path.relative(root, file));
      labels.push(label);
      splits.push(part.split);
    }
  }
  return { store: { kind: "files", root, files }, labels, splits };
}

/** The images of a directory by the WordNet ids that their names begin with; none where no name does. */
async function wordNetFiles(folder: string, name: string): Promise<readonly { readonly file: string; readonly label: string }[]> {
  const images = await listImages([folder]);
  const named = images.flatMap((file) => {
    const label = WORDNET_NAME.exec(path.basename(file))?.[1];
    return label === undefined ? [] : [{ file, label }];
  });
  if (named.length === 0 || named.length === images.length) return named;
  const other = images.find((file) => !WORDNET_NAME.test(path.basename(file))) ?? "";
  const fact = `${named.length} of its ${images.length} images start with a WordNet id, ${quoted(path.basename(other))} does not`;
  throw invalid(name, `${fact}; expected all of them to, or one directory of images per class (${EXPECTED})`);
}

async function nothingIn(folder: string, classes: readonly string[], name: string): Promise<Error> {
  const place = path.basename(folder) === path.basename(name) ? "it" : `its directory "${path.basename(folder)}"`;
  const found = classes.length > 0 ? `the directories ${listed(classes)} without images` : await looseFiles(folder);
  return invalid(name, `${place} has ${found}, expected one directory of images per class (${EXPECTED})`, { classes });
}

async function looseFiles(folder: string): Promise<string> {
  const entries = await orReadFailed(`list images of "${messageOf(folder)}"`, folder, readdir(folder));
  const images = await listImages([folder]);
  if (images.length > 0) return `${images.length} images outside of class directories`;
  return entries.length === 0 ? "no files" : `no images and no directories, but ${listed(entries.sort(), 5)}`;
}

/** Names, sorted, of the folders in a folder, also of those that links lead to. */
async function subfolders(folder: string): Promise<string[]> {
  const entries = await orReadFailed(`list images of "${messageOf(folder)}"`, folder, readdir(folder, { withFileTypes: true }));
  const names: string[] = [];
  for (const entry of entries) {
    if (!entry.name.startsWith(".") && (await isFolder(folder, entry))) names.push(entry.name);
  }
  return names.sort();
}

async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const found = await stat(path.join(folder, entry.name)).catch(() => null);
  return found?.isDirectory() === true;
}
