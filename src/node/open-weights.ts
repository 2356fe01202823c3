import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { type ByteSource, isFileName } from "../formats/byte-source.js";
import { quoted } from "../formats/quoted.js";
import { looksLikeTfjs, readTfjsManifest } from "../formats/tfjs.js";
import type { CancelSignal } from "../runtime/session.js";
import { formatCount } from "../text.js";
import { openWeightFile } from "../weights/containers/index.js";
import { type OpenArray, openArrays } from "../weights/containers/numpy.js";
import type { WeightFile } from "../weights/weight-file.js";
import { type FileSource, isFile, isFolder, openFileSource } from "./file-source.js";
import { orReadFailed } from "./system-error.js";
import { type ContentDigest, digestContent, verifiedSource } from "./verified-source.js";

const INDEX_ENDING = ".index";
const NPY_ENDING = ".npy";
/** What TensorFlow.js' own writers call the file that lists the shards. */
const TFJS_MODEL = "model.json";
const TFJS_ENDING = ".json";

/** Arrays of one folder, as many as a zip may have entries. */
const MAX_ARRAYS = 65_536;

/** Weights on this machine; close them when done. */
export interface OpenWeights {
  readonly file: WeightFile;
  /** Bytes of all files that were opened. */
  readonly bytes: number;
  readonly close: () => Promise<void>;
}

/**
 * Opens weights for reading: one file of any format, the `.index` of a TensorFlow checkpoint or the `model.json` of a
 * TensorFlow.js model with their data files beside them, or a directory of `.npy` files, whose tensors are named by their
 * paths in it.
 *
 * @param where - a path as `findWeights` gives it
 * @param content - as `digestWeights` gives it: reads then fail with HASH_MISMATCH for files that changed since. Default: not checked
 * @throws InceptionError FILE_…, SOURCE_INVALID, HASH_MISMATCH
 *
 * @example
 * ```ts
 * import { openWeights } from "inceptionkit/node";
 * const { file, close } = await openWeights("assets/hippocampus.safetensors");
 * [...file.tensors.keys()].length > 0; // true
 * await close();
 * ```
 */
export async function openWeights(where: string, content?: WeightDigests): Promise<OpenWeights> {
  if (await isFolder(where)) return openFolder(where, content);
  const opened: FileSource[] = [];
  const close = async () => {
    for (const source of opened) await source.close();
  };
  const open = async (file: string): Promise<FileSource> => {
    const source = await openFileSource(file);
    opened.push(source);
    return checked(source, content);
  };
  try {
    const source = await open(where);
    const beside = (ending: string, other: string): Promise<ByteSource> => open(where.slice(0, where.length - ending.length) + other);
    const sibling = (name: string): Promise<ByteSource> => open(siblingPath(where, name));
    const file = await openWeightFile({ ...source, beside, sibling });
    return { file, bytes: opened.reduce((sum, { size }) => sum + size, 0), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The path of a file in the directory of another, whose name comes from that file's content. */
function siblingPath(where: string, name: string): string {
  if (isFileName(name)) return path.join(path.dirname(where), name);
  const message = `Cannot open ${quoted(name)} beside "${messageOf(where)}": expected the name of a file in the same directory`;
  throw new InceptionError("FILE_UNSAFE", message, { file: where, name });
}

/**
 * The file that a path to weights means: itself; `PATH.index` where only that exists, since TensorFlow names checkpoints
 * without an ending; of a directory its only `.index`, its `model.json`, or the directory itself where it holds `.npy`
 * files. Null for none of these.
 */
export async function findWeights(where: string): Promise<string | null> {
  if (!(await isFolder(where))) {
    if (await isFile(where)) return where;
    return (await isFile(where + INDEX_ENDING)) ? where + INDEX_ENDING : null;
  }
  const names = (await namesIn(where)).filter((name) => name.endsWith(INDEX_ENDING));
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return path.join(where, only);
  const model = path.join(where, TFJS_MODEL);
  if (await isFile(model)) return model;
  return (await listArrays(where)).length > 0 ? where : null;
}

/** What the files of weights contain, so that they can be recognized when they are read. */
interface WeightDigests {
  /**
   * Of one file its SHA-256, in lower-case hexadecimal. Of several it is that of a list: their hashes and names, as
   * `sha256sum` prints them, sorted by name.
   */
  readonly sha256: string;
  /** By path. */
  readonly files: ReadonlyMap<string, ContentDigest>;
}

/**
 * Hashes weights, so that `openWeights` reads what was hashed and nothing else.
 *
 * @param signal - ends the reading; it rejects with the signal's reason
 * @throws InceptionError as `openFileSource`
 */
export async function digestWeights(where: string, signal?: CancelSignal): Promise<WeightDigests> {
  const [folder, names] = await filesOf(where);
  const files = new Map<string, ContentDigest>();
  const hash = createHash("sha256");
  let sha256 = "";
  for (const name of names) {
    const file = path.join(folder, name);
    const source = await openFileSource(file);
    const digest = await digestContent(source, signal).finally(() => source.close());
    files.set(file, digest);
    sha256 = digest.sha256;
    hash.update(`${sha256}  ${name.replaceAll("\\", "/")}\n`);
  }
  return { sha256: names.length === 1 ? sha256 : hash.digest("hex"), files };
}

/** A file of weights whose content is known; one that was not there before is none of them. */
function checked(source: FileSource, content: WeightDigests | undefined): FileSource {
  if (content === undefined) return source;
  const digest = content.files.get(path.join(source.name));
  if (digest !== undefined) return verifiedSource(source, digest);
  const message = `Cannot use "${messageOf(source.name)}": it is not one of the verified files`;
  throw new InceptionError("HASH_MISMATCH", message, { name: source.name });
}

function namesIn(folder: string): Promise<string[]> {
  return orReadFailed(`read weights from "${messageOf(folder)}"`, folder, readdir(folder));
}

/** The files that belong to weights, relative to a folder, sorted. */
async function filesOf(where: string): Promise<readonly [folder: string, names: readonly string[]]> {
  if (await isFolder(where)) return [where, await listArrays(where)];
  const [folder, name] = [path.dirname(where), path.basename(where)];
  if (name.endsWith(TFJS_ENDING)) return [folder, [name, ...(await shardsOf(where))].sort()];
  if (!name.endsWith(INDEX_ENDING)) return [folder, [name]];
  const start = name.slice(0, -INDEX_ENDING.length);
  const isShard = (other: string) => other.startsWith(start) && /^\.data-\d{5}-of-\d{5}$/.test(other.slice(start.length));
  const shards = (await namesIn(folder)).filter(isShard).sort();
  return [folder, [...shards, name]];
}

/** The shards of a TensorFlow.js model; none for any other JSON file. */
async function shardsOf(file: string): Promise<readonly string[]> {
  const source = await openFileSource(file);
  try {
    if (!(await looksLikeTfjs(source))) return [];
    return [...new Set((await readTfjsManifest(source)).groups.flatMap(({ shards }) => shards))];
  } finally {
    await source.close();
  }
}

/** The `.npy` files of a folder and of the folders in it, by relative path; links to other folders are not followed. */
async function listArrays(folder: string): Promise<readonly string[]> {
  const listing = readdir(folder, { recursive: true, withFileTypes: true });
  const entries = await orReadFailed(`read weights from "${messageOf(folder)}"`, folder, listing);
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(NPY_ENDING));
  if (files.length > MAX_ARRAYS) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot read weights from "${messageOf(folder)}": it has ${files.length} arrays, the limit is ${formatCount(MAX_ARRAYS)}`,
      {
        folder,
      },
    );
  }
  return files.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();
}

async function openFolder(folder: string, content: WeightDigests | undefined): Promise<OpenWeights> {
  let bytes = 0;
  const arrays: (readonly [string, OpenArray])[] = [];
  for (const name of await listArrays(folder)) {
    const file = path.join(folder, name);
    // One at a time: a network has more tensors than a process may have files open.
    const open: OpenArray = async (use) => {
      const source = await openFileSource(file);
      try {
        return await use(checked(source, content));
      } finally {
        await source.close();
      }
    };
    bytes += await open(async ({ size }) => size);
    arrays.push([name, open]);
  }
  if (arrays.length === 0) {
    throw new InceptionError("SOURCE_INVALID", `Cannot read weights from "${messageOf(folder)}": it is a directory without .npy files`, {
      folder,
    });
  }
  return { file: await openArrays("NumPy folder", folder, bytes, arrays), bytes, close: async () => undefined };
}
