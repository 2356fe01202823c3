/** Indexes of directories, and of what else Node has. */
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import type { ImageInput } from "../../runtime/platform.js";
import type { IndexHeader } from "../../search/index-header.js";
import type { ModelHost, OpenModelOptions } from "../../tasks/model-host.js";
import type { ModelSource } from "../../tasks/model-source.js";
import type { IndexItem } from "../../tasks/search/index-images.js";
import { type IndexedImages, type IndexImagesOptions, indexSource, inMemory } from "../../tasks/search/search-sources.js";
import { isFile, isFolder } from "../file-source.js";
import { IMAGE_EXTENSIONS, listImages } from "../list-images.js";
import type { PlaceOptions } from "../platform.js";
import type { SourceOptions } from "../source-options.js";
import { writeFileAtomic } from "../write-file.js";

/** What is indexed in Node: images, or a directory of them. */
export type IndexedPlace = string | readonly (ImageInput | IndexItem)[];

/**
 * Indexes images, or the images in and below a directory. A file in a subdirectory has the name of that as its label.
 *
 * @param open - how the model is loaded
 * @param source - how an index names the model, for a later search
 * @throws InceptionError as `indexSource`, `listImages` and `writeFileAtomic`
 */
export async function indexPlace(
  host: ModelHost<SourceOptions, PlaceOptions>,
  model: ModelSource,
  place: IndexedPlace,
  open: OpenModelOptions & SourceOptions & PlaceOptions,
  options: Pick<IndexImagesOptions, "batchSize" | "previous" | "onProgress" | "out">,
  source: IndexHeader["source"] = null,
): Promise<IndexedImages> {
  const { out, ...rest } = options;
  const items = typeof place === "string" ? await directoryItems(place) : place;
  const root = typeof place === "string" && out !== undefined ? relativePath(out, place) : null;
  const sink = out === undefined ? inMemory : async (chunks: AsyncIterable<Uint8Array>) => writeFileAtomic(out, chunks).then(() => null);
  return indexSource(host, model, items, open, { ...rest, root, source, sink });
}

async function directoryItems(directory: string): Promise<readonly IndexItem[]> {
  const refused = (code: "DATASET_INVALID" | "FILE_NOT_FOUND", fact: string) =>
    new InceptionError(code, `Cannot index "${messageOf(directory)}": ${fact}`, { directory });
  if (!(await isFolder(directory))) throw refused("FILE_NOT_FOUND", "no such directory");
  const files = await listImages([directory]);
  if (files.length === 0)
    throw refused("DATASET_INVALID", `it contains no image, expected files that end in ${IMAGE_EXTENSIONS.join(", ")}`);
  return files.map((image): IndexItem => {
    const names = path.relative(directory, image).split(path.sep);
    const label = names.at(-2);
    return { image, path: names.join("/"), ...(label === undefined ? {} : { label }) };
  });
}

/** A place as an index beside it names it, with `/` between names. */
function relativePath(index: string, place: string): string {
  const relative = path.relative(path.dirname(path.resolve(index)), path.resolve(place));
  return relative === "" ? "." : relative.split(path.sep).join("/");
}

/** Where a place is that an index names. */
export function placeOf(index: string, relative: string): string {
  return path.join(path.dirname(index), ...relative.split("/"));
}

/**
 * How an index names its model: files relative to the index, everything else as it was given.
 *
 * @param weights - undefined where the model has its own
 */
export async function sourceRecord(index: string, model: string, weights: string | undefined): Promise<NonNullable<IndexHeader["source"]>> {
  const recorded = async (text: string): Promise<string> =>
    (await isFile(text)) || (await isFolder(text)) ? `${FILE}${relativePath(index, text)}` : text;
  return { model: await recorded(model), weights: weights === undefined ? null : await recorded(weights) };
}

/** Marks a file in a record; no id begins like this. */
const FILE = "file:./";

/**
 * The model that an index names, for a search without one. An index may come from anywhere: what would be executed or downloaded has to
 * be given by the person who searches.
 *
 * @throws InceptionError OPTION_INVALID where there is none, or where it has to be given
 */
export function recordedSource(index: string, source: IndexHeader["source"]): { readonly model: string; readonly weights?: string } {
  const refused = (fact: string) =>
    new InceptionError("OPTION_INVALID", `Cannot load the model of the index "${messageOf(index)}": ${fact}; pass \`model\``, { index });
  if (source === null) throw refused("it was built from a model without a name");
  const place = (text: string): string => {
    if (text.startsWith(FILE)) {
      if (/\.m?js$/i.test(text)) throw refused("it is a custom network, which would be executed");
      return placeOf(index, text.slice(FILE.length));
    }
    if (/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^pretrained(:|$)/.test(text)) throw refused("it would be downloaded");
    return text;
  };
  return { model: place(source.model), ...(source.weights === null ? {} : { weights: place(source.weights) }) };
}
