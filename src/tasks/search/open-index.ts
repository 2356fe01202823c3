/// <reference lib="esnext.disposable" preserve="true" />
/** An index that is open: nearest images of images and of vectors, and duplicates. */
import { InceptionError, messageOf } from "../../errors.js";
import { throwIfAborted } from "../../runtime/abort.js";
import type { CallOptions, ImageInput, SourceOptions } from "../../runtime/platform.js";
import { duplicateGroups } from "../../search/duplicates.js";
import type { IndexEntry, IndexFile } from "../../search/index-file.js";
import { type Match, type Metric, prepareVectors, type VectorSet } from "../../search/vectors.js";
import { at } from "../../tensor/at.js";
import { runImages } from "../run-images.js";
import type { Searcher } from "./product-search.js";
import type { VectorModel } from "./vector-model.js";

/** An image of the index that is close to a query. */
export interface Neighbor extends IndexEntry {
  /** Row of the index. */
  readonly index: number;
  /** Cosine similarity in [-1, 1], the larger the closer; or Euclidean distance, the smaller the closer. */
  readonly score: number;
}

/** Images that are equal, or nearly so. */
export interface DuplicateImages {
  readonly images: readonly Neighbor[];
  /** Whether all files have the same bytes. */
  readonly exact: boolean;
}

/** Options of `ImageIndex.search`. */
export interface SearchOptions extends CallOptions {
  /** Number of neighbors, at least 1. Default: 10. */
  readonly top?: number;
  /** Query images that run together. Default: 8. */
  readonly batchSize?: number;
  /** Called after each batch of query images. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options of `ImageIndex.duplicates`. */
export interface DuplicatesOptions extends CallOptions {
  /** Lowest cosine similarity of two images that are duplicates. Default: 0.95. */
  readonly threshold?: number;
}

/** An opened index of images. Call `close()`, or declare it with `await using`, to release its memory. */
export interface ImageIndex {
  /** Model id of the model that computed the vectors. */
  readonly model: string;
  /** Values of a vector. */
  readonly dimension: number;
  readonly metric: Metric;
  /** Indexed images, in the order of the rows. */
  readonly images: readonly IndexEntry[];
  /** Directory of the images, relative to that of the index; null for images that were in memory. */
  readonly root: string | null;
  /** Fraction of the 10 nearest images that approximate search found for vectors of the index; null for exact search. */
  readonly recall: number | null;
  /**
   * Nearest images of an image, or of a vector (Float32Array), best first. Images need the model that the index was opened with.
   *
   * @throws InceptionError OPTION_INVALID, NOT_FINITE, and for images as `Embedder.embed`
   */
  search(query: ImageInput | Float32Array, options?: SearchOptions): Promise<readonly Neighbor[]>;
  search(queries: readonly (ImageInput | Float32Array)[], options?: SearchOptions): Promise<readonly (readonly Neighbor[])[]>;
  /**
   * Groups of images with the same bytes, or with a cosine similarity of at least `threshold` to another of the group; the largest first.
   * Of each image the 50 nearest are compared.
   *
   * @throws InceptionError OPTION_INVALID
   */
  duplicates(options?: DuplicatesOptions): Promise<readonly DuplicateImages[]>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an index is opened with. */
interface IndexParts<F extends SourceOptions> {
  readonly file: IndexFile;
  readonly images: readonly IndexEntry[];
  readonly set: VectorSet;
  readonly searcher: Searcher;
  readonly model: VectorModel<F> | null;
  readonly recall: number | null;
}

/** Reads all rows. @throws InceptionError as `openIndexFile` and its readers */
export async function readIndex(
  file: IndexFile,
  metric: Metric,
): Promise<{ readonly images: readonly IndexEntry[]; readonly set: VectorSet }> {
  const { dimension } = file.header;
  const data = new Float32Array(file.size * dimension);
  const images: IndexEntry[] = [];
  for (const group of file.groups.keys()) {
    data.set(await file.readVectors(group), images.length * dimension);
    images.push(...(await file.readEntries(group)));
  }
  return { images, set: prepareVectors(data, dimension, metric) };
}

/** Builds what a program sees of an index from its parts, which it closes. */
export function imageIndex<F extends SourceOptions>(parts: IndexParts<F>): ImageIndex {
  const { file, images, set, searcher, model, recall } = parts;
  const neighbor = ({ index, score }: Match): Neighbor => ({ ...at(images, index), index, score });
  const close = async (): Promise<void> => {
    await Promise.all([searcher.close(), model?.opened.loaded.close()]);
  };
  const search = async (queries: ImageInput | Float32Array | readonly (ImageInput | Float32Array)[], options: SearchOptions = {}) => {
    const top = checkedTop(options.top);
    const all = isList(queries) ? queries : [queries];
    const vectors = await queryVectors(model, all, options);
    const found = (await searcher.search(vectors, top)).map((matches) => matches.map(neighbor));
    return isList(queries) ? found : at(found, 0);
  };
  return {
    model: file.header.model,
    dimension: file.header.dimension,
    metric: set.metric,
    images,
    root: file.header.root,
    recall,
    // The overloads say which result belongs to which query; the function computes both alike.
    search: search as ImageIndex["search"],
    duplicates: async (options = {}) => findDuplicates(parts, options, neighbor),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isList<T>(queries: T | readonly T[]): queries is readonly T[] {
  return Array.isArray(queries);
}

function checkedTop(top = 10): number {
  if (Number.isSafeInteger(top) && top >= 1 && top <= MAX_TOP) return top;
  throw new InceptionError("OPTION_INVALID", `Cannot search with top ${top}: expected an integer from 1 to ${MAX_TOP}`, { top });
}

/** Nobody looks at more; a list of them all is the index itself. */
const MAX_TOP = 10_000;

/** Vectors of all queries, in their order. */
async function queryVectors<F extends SourceOptions>(
  model: VectorModel<F> | null,
  queries: readonly (ImageInput | Float32Array)[],
  { top: _top, ...options }: SearchOptions,
): Promise<readonly Float32Array[]> {
  const images = queries.filter((query): query is ImageInput => !(query instanceof Float32Array));
  if (images.length === 0) return queries.filter((query) => query instanceof Float32Array);
  if (model === null) {
    const message = "Cannot search for an image: the index was opened without a model; pass `model`, or a vector in place of the image";
    throw new InceptionError("OPTION_INVALID", message, {});
  }
  const rows = await runImages(model.opened.run, images, model.output, options);
  let next = 0;
  return queries.map((query) => (query instanceof Float32Array ? query : at(rows, next++)));
}

/** Neighbors of an image that are compared with it. More would be found through each other. */
const COMPARED = 50;
const ROWS_AT_ONCE = 32;

async function findDuplicates<F extends SourceOptions>(
  { images, set, searcher }: IndexParts<F>,
  { threshold = 0.95, signal }: DuplicatesOptions,
  neighbor: (match: Match) => Neighbor,
): Promise<readonly DuplicateImages[]> {
  if (set.metric !== "cosine") {
    const message = `Cannot find duplicates by the metric ${messageOf(set.metric)}: expected an index that was opened with "cosine"`;
    throw new InceptionError("OPTION_INVALID", message, { metric: set.metric });
  }
  if (!(threshold > 0 && threshold <= 1)) {
    const message = `Cannot find duplicates with threshold ${threshold}: expected a number above 0 and at most 1`;
    throw new InceptionError("OPTION_INVALID", message, { threshold });
  }
  const pairs: { readonly row: number; readonly match: Match }[] = [];
  /** The highest similarity of each image to another one. */
  const best = new Float64Array(set.size);
  for (let start = 0; start < set.size; start += ROWS_AT_ONCE) {
    throwIfAborted(signal);
    const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, set.size - start) }, (_, k) => start + k);
    const queries = rows.map((row) => set.data.subarray(row * set.dimension, (row + 1) * set.dimension));
    for (const [k, matches] of (await searcher.search(queries, COMPARED)).entries()) {
      const row = at(rows, k);
      for (const match of matches) {
        if (match.score < threshold || match.index === row) continue;
        pairs.push({ row, match });
        for (const each of [row, match.index]) best[each] = Math.max(at(best, each), match.score);
      }
    }
  }
  const hashes = images.map(({ sha256 }) => sha256);
  return duplicateGroups(hashes, pairs).map(({ exact, rows }) => ({
    exact,
    images: rows.map((index) => neighbor({ index, score: exact ? 1 : at(best, index) })),
  }));
}
