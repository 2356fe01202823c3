import { InceptionError } from "../errors.js";

/** What a file of class names may be, for messages. */
const EXPECTED = 'expected a list of names, or an object like Keras\' {"0": ["n01440764", "tench"], …} with every index from 0';

/**
 * Class names by index from parsed JSON: a list of names, or the form of Keras' `imagenet_class_index.json`, whose
 * underscores stand for spaces.
 *
 * @param file - how messages name it
 * @throws InceptionError FILE_CORRUPT
 */
export function parseClassNames(value: unknown, file: string): readonly string[] {
  const names: readonly unknown[] = (Array.isArray(value) ? value : byIndex(value)) ?? [null];
  if (names.every((name) => typeof name === "string")) return names;
  throw new InceptionError("FILE_CORRUPT", `Cannot read class names "${file}": ${EXPECTED}`, { file });
}

/** The second part of each entry, in the order of the keys; null where a key is missing or is not an index. */
function byIndex(value: unknown): readonly unknown[] | null {
  if (typeof value !== "object" || value === null) return null;
  const entries = new Map(Object.entries(value));
  const names = Array.from({ length: entries.size }, (_, index) => {
    const entry: unknown = entries.get(String(index));
    if (!Array.isArray(entry) || entry.length !== 2) return null;
    const name: unknown = entry[1];
    return typeof name === "string" ? name.replaceAll("_", " ") : null;
  });
  return names.length > 0 ? names : null;
}
