/** Building and opening indexes, as the task layer does it on both platforms. */
import { InceptionError, messageOf } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { throwIfAborted } from "../../runtime/abort.js";
import type { FileInput, ImageInput, Platform, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import { type IndexFile, openIndexFile } from "../../search/index-file.js";
import type { Metric, VectorSet } from "../../search/vectors.js";
import type { OwnBytes } from "../../tensor/own-bytes.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import type { ModelSource } from "../model-source.js";
import type { OpenOptions } from "../open-options.js";
import { downloadProgress, type OnProgress } from "../progress.js";
import { type IndexCounts, type IndexItem, type IndexingOptions, indexing } from "./index-images.js";
import { type ImageIndex, imageIndex, readIndex } from "./open-index.js";
import { openExactSearch, type Searcher } from "./product-search.js";
import { checkSameModel, openVectorModel } from "./vector-model.js";

/** Options of `indexImages`: how the model is loaded, and what is indexed. */
export interface IndexImagesOptions extends Omit<OpenOptions, "onProgress"> {
  /** Images that run together. Default: 8. */
  readonly batchSize?: number;
  /** An index of the same model: vectors of images whose bytes are in it are not computed again. */
  readonly previous?: FileInput;
  /** Node only. File to write, completely or not at all. Default: the bytes are returned. */
  readonly out?: string;
  /** Called during downloads and after each batch of images. */
  readonly onProgress?: OnProgress<"index">;
}

/** An index, and what is in it. */
export interface IndexedImages extends IndexCounts {
  /** The Parquet file; null where it was written to `out`. */
  readonly bytes: OwnBytes | null;
}

/** Options of `openIndex`: how vectors are compared, and how the model for query images is loaded. */
export interface OpenIndexOptions extends OpenOptions {
  /** The model that the index was built with. Default: none, so that only vectors can be searched for. */
  readonly model?: ModelSource;
  /** How vectors are compared. Default: "cosine". */
  readonly metric?: Metric;
  /** Node only. Search a graph of neighbors (HNSW) with the optional package `usearch`. Default: false, which compares all vectors. */
  readonly approximate?: boolean;
}

/** Where chunks of an index go. */
type IndexSink = (chunks: AsyncIterable<Uint8Array>) => Promise<OwnBytes | null>;

/** Collects the whole file. */
export const inMemory: IndexSink = async (chunks) => {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return concatChunks(all);
};

/**
 * Computes the vectors of images with a model.
 *
 * @throws InceptionError as `openEmbedder`, `openIndexFile` and `indexing`; OPTION_INVALID
 */
export async function indexSource<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  items: readonly (ImageInput | IndexItem)[],
  open: OpenModelOptions & F & P,
  options: Pick<IndexImagesOptions, "batchSize" | "previous" | "onProgress"> &
    Pick<IndexingOptions, "root" | "source"> & { readonly sink: IndexSink },
): Promise<IndexedImages> {
  const { previous, onProgress, root, sink, batchSize = 8 } = options;
  if (!(Number.isSafeInteger(batchSize) && batchSize >= 1 && batchSize <= 1024)) {
    const message = `Cannot index images with batchSize ${batchSize}: expected an integer from 1 to 1,024`;
    throw new InceptionError("OPTION_INVALID", message, { batchSize });
  }
  const sources = { ...open, ...downloadProgress(onProgress) };
  const opened = previous === undefined ? null : await openFile(host.platform, previous, open);
  try {
    const model = await openVectorModel(host, source, sources);
    try {
      const { chunks, counts } = await indexing(model, items.map(itemOf), {
        batchSize,
        previous: opened,
        root,
        source: options.source,
        onImages: (done, total) => onProgress?.({ phase: "index", done, total }),
        ...(open.signal === undefined ? {} : { signal: open.signal }),
      });
      const bytes = await sink(chunks);
      return { ...counts(), bytes };
    } finally {
      await model.opened.loaded.close();
    }
  } finally {
    await opened?.close();
  }
}

function itemOf(item: ImageInput | IndexItem): IndexItem {
  return typeof item === "object" && "image" in item ? item : { image: item };
}

interface OpenedFile {
  readonly file: IndexFile;
  readonly name: string;
  readonly close: () => Promise<void>;
}

async function openFile<F extends SourceOptions>(
  platform: Pick<Platform<F>, "openSource">,
  source: FileInput,
  options: F,
): Promise<OpenedFile> {
  const opened = await platform.openSource(source, options);
  try {
    return { file: await openIndexFile(opened), name: opened.name, close: () => opened.close() };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

/** Opens approximate search of a set, with the recall that was measured. */
export type OpenApproximate = (
  set: VectorSet,
  exact: () => Promise<Searcher>,
) => Promise<{ readonly searcher: Searcher; readonly recall: number }>;

/**
 * Opens an index to search it.
 *
 * @param approximate - null where it is not available
 * @throws InceptionError as `openIndexFile` and `openEmbedder`; OPTION_INVALID for a model that is not that of the index
 */
export async function openIndexSource<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: FileInput,
  open: OpenModelOptions & F & P,
  {
    model: given,
    metric = "cosine",
    approximate = null,
  }: Pick<OpenIndexOptions, "model" | "metric"> & { readonly approximate?: OpenApproximate | null },
): Promise<ImageIndex> {
  if (metric !== "cosine" && metric !== "euclidean") {
    const message = `Cannot open an index with metric "${messageOf(metric)}": expected "cosine" or "euclidean"`;
    throw new InceptionError("OPTION_INVALID", message, { metric });
  }
  const { file, name, close } = await openFile(host.platform, source, open);
  const { images, set } = await readIndex(file, metric).finally(close);
  throwIfAborted(open.signal);
  const model = given === undefined ? null : await openVectorModel(host, given, open);
  try {
    if (model !== null) checkSameModel(file.header, model, `search the index "${messageOf(name)}"`);
    // Vectors are multiplied on the processor: a graphics processor would get them all for each index.
    const exact = () => openExactSearch(host.platform, set, { ...open, device: "cpu" });
    const found = approximate === null ? { searcher: await exact(), recall: null } : await approximate(set, exact);
    return imageIndex({ file, images, set, model, ...found });
  } catch (thrown) {
    await model?.opened.loaded.close();
    throw thrown;
  }
}
