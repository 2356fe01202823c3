import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { type ImagePair, parsePairs } from "../../search/pairs-file.js";
import { formatCount } from "../../text.js";
import { isFile } from "../file-source.js";
import { orReadFailed } from "../system-error.js";

/** A million lines of LFW's form have 40 MB. */
const MAX_LIST_BYTES = 2 ** 28;
/** What names without an ending may lack, in the order in which it is tried. */
const ENDINGS = [".jpg", ".jpeg", ".png", ".webp"] as const;

/**
 * Reads a list of pairs and finds its images.
 *
 * @param directory - of the images. Default: that of the list
 * @returns the pairs, and the file of each name
 * @throws InceptionError FILE_NOT_FOUND for the list and for the first image that is missing, FILE_LIMIT, DATASET_INVALID
 */
export async function readPairs(
  list: string,
  directory = path.dirname(list),
): Promise<{ readonly pairs: readonly ImagePair[]; readonly fileOf: (name: string) => string }> {
  const action = `read the pairs "${messageOf(list)}"`;
  const { size } = await orReadFailed(action, list, stat(list));
  if (size > MAX_LIST_BYTES) {
    const fact = `the file has ${formatCount(size)} bytes, the limit is ${formatCount(MAX_LIST_BYTES)}`;
    throw new InceptionError("FILE_LIMIT", `Cannot ${action}: ${fact}`, { list, size });
  }
  const pairs = parsePairs(await orReadFailed(action, list, readFile(list, "utf8")), list);
  const files = new Map<string, string>();
  for (const name of new Set(pairs.flatMap(({ first, second }) => [first, second]))) files.set(name, await imageFile(directory, name));
  return { pairs, fileOf: (name) => files.get(name) ?? name };
}

async function imageFile(directory: string, name: string): Promise<string> {
  const file = path.resolve(directory, name);
  const candidates = path.extname(name) === "" ? ENDINGS.map((ending) => `${file}${ending}`) : [file];
  for (const candidate of candidates) if (await isFile(candidate)) return path.relative(".", candidate);
  const expected = path.extname(name) === "" ? `, expected a file of that name that ends in ${ENDINGS.join(", ")}` : "";
  const message = `Cannot find the image "${messageOf(name)}" of a pair in "${messageOf(directory)}"${expected}; pass the directory of the images as \`images\``;
  throw new InceptionError("FILE_NOT_FOUND", message, { name, directory });
}
