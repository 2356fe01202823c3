import { access } from "node:fs/promises";
import path from "node:path";
import { invalid, type RawSamples, rawLabels } from "../../data/assemble.js";
import { type ListFormat, parseSampleList } from "../../data/sample-list.js";
import { InceptionError } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { formatCount } from "../../text.js";
import { openFileSource } from "../file-source.js";

/** 256 MiB list three million samples; larger sets belong into shards. */
const MAX_BYTES = 256 * 2 ** 20;

/** As many of the first files are looked for: a wrong folder shows at once, and a million files are not touched one by one. */
const LOOKED_FOR = 16;

/**
 * The samples of a CSV, TSV or JSON lines file. Paths are relative to the folder of the file.
 *
 * @throws InceptionError DATASET_INVALID when a line is wrong or none of the first files is there; FILE_LIMIT above 256 MiB
 */
export async function readListFile(file: string, format: ListFormat): Promise<RawSamples> {
  const samples = parseSampleList(await readText(file), format, file);
  const root = path.dirname(path.resolve(file));
  const files = samples.map((sample) => sample.path);
  await checkSomeAreThere(file, root, files);
  return {
    store: { kind: "files", root, files },
    labels: rawLabels(samples.map(({ label, labels }) => labels ?? label)),
    splits: partsOf(samples.map((sample) => sample.split)),
  };
}

/** Where some lines say their part, the others are for training. */
function partsOf(splits: readonly ("train" | "val" | null)[]): readonly ("train" | "val" | null)[] {
  return splits.some((split) => split !== null) ? splits.map((split) => split ?? "train") : splits;
}

async function readText(file: string): Promise<string> {
  const source = await openFileSource(file);
  try {
    if (source.size > MAX_BYTES) {
      const message = `Cannot read the list ${quoted(file)}: it has ${formatCount(source.size)} bytes, the limit is ${formatCount(MAX_BYTES)}`;
      throw new InceptionError("FILE_LIMIT", message, { file, size: source.size, limit: MAX_BYTES });
    }
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await source.read(0, source.size));
  } catch (thrown) {
    if (thrown instanceof TypeError) throw invalid(file, "the list is not UTF-8 text");
    throw thrown;
  } finally {
    await source.close();
  }
}

async function checkSomeAreThere(list: string, root: string, files: readonly string[]): Promise<void> {
  const first = files.slice(0, LOOKED_FOR);
  if (first.length === 0) return;
  const there = await Promise.all(
    first.map((file) =>
      access(path.resolve(root, file)).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (there.includes(true)) return;
  throw invalid(
    list,
    `none of its first ${first.length} files exists, such as ${quoted(first[0] ?? "")}; paths are relative to the directory of the list`,
  );
}
