/** Indexes of directories, and of what else Node has. */
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import type { ImageInput } from "../../runtime/platform.js";
import type { IndexHeader } from "../../search/index-header.js";
import type { ModelHost, OpenModelOptions } from "../../tasks/model-host.js";
import type { ModelSource } from "../../tasks/model-source.js";
import type { IndexItem } from "../../tasks/search/index-images.js";
import { type IndexedImages, type IndexImagesOptions, indexSource, inMemory } from "../../tasks/search/search-sources.js";
import { isFolder } from "../file-source.js";
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
  if (!(await isFolder(directory))) throw refused("FILE_NOT_FOUND", "there is no such directory");
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
export function relativePath(index: string, place: string): string {
  const relative = path.relative(path.dirname(path.resolve(index)), path.resolve(place));
  return relative === "" ? "." : relative.split(path.sep).join("/");
}

/** Where a place is that an index names. */
export function placeOf(index: string, relative: string): string {
  return path.join(path.dirname(index), ...relative.split("/"));
}
