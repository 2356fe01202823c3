/** Images to the rows of an index: each is read once, hashed, and run only where its vector is not known. */
import { MAX_IMAGE_BYTES } from "../../data/image-format.js";
import { InceptionError, messageOf, orError } from "../../errors.js";
import { checkRow } from "../../predict/predict.js";
import { throwIfAborted, untilAborted } from "../../runtime/abort.js";
import type { CallOptions, FileInput, ImageInput, SourceOptions } from "../../runtime/platform.js";
import { encodeIndex, type IndexFile, type IndexRow } from "../../search/index-file.js";
import type { IndexHeader } from "../../search/index-header.js";
import { at } from "../../tensor/at.js";
import type { Float32Tensor } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import { imageName, isFileInput } from "../image-input.js";
import { readAhead } from "../read-ahead.js";
import { readBatches } from "../read-images.js";
import { checkSameModel, headerOf, type VectorModel, vectorsOf } from "./vector-model.js";

/** An image of an index. */
export interface IndexItem {
  readonly image: ImageInput;
  /** How the index names it. Default: its path, URL or file name, otherwise its number. */
  readonly path?: string;
  /** Default: none. */
  readonly label?: string;
}

/** What was indexed. */
export interface IndexCounts {
  /** Model id, or the graph name in a file of another program. */
  readonly model: string;
  /** Values of a vector. */
  readonly dimension: number;
  /** Rows of the index. */
  readonly images: number;
  /** Vectors that were computed. */
  readonly computed: number;
  /** Vectors that were taken from the previous index, since the image is the same. */
  readonly reused: number;
  /** Images of the previous index that are not in this one. */
  readonly removed: number;
  /** Images that could not be used. */
  readonly skipped: readonly { readonly path: string; readonly error: InceptionError }[];
}

export interface IndexingOptions extends CallOptions, Pick<IndexHeader, "root" | "source"> {
  /** Images that run together. */
  readonly batchSize: number;
  /** An index whose vectors are used again, and how messages name it. */
  readonly previous: { readonly file: IndexFile; readonly name: string } | null;
  /** Called after each batch. */
  readonly onImages: (done: number, total: number) => void;
}

/**
 * The chunks of an index file. An image that cannot be used is skipped.
 *
 * @param items - in the order of the rows
 * @returns the chunks, and what was indexed, once they have been taken
 * @throws InceptionError OPTION_INVALID where the previous index is of another model; while chunks are taken DATASET_INVALID where no
 *   image can be used, and what ends a session
 */
export async function indexing<F extends SourceOptions>(
  model: VectorModel<F>,
  items: readonly IndexItem[],
  options: IndexingOptions,
): Promise<{ readonly chunks: AsyncGenerator<Uint8Array, void>; readonly counts: () => IndexCounts }> {
  const { previous } = options;
  if (previous !== null) checkSameModel(previous.file.header, model, `update the index "${messageOf(previous.name)}"`);
  const known = previous === null ? NOTHING_KNOWN : await knownVectors(previous.file);
  const tally = { computed: 0, reused: 0, paths: new Set<string>(), skipped: [] as { path: string; error: InceptionError }[] };
  const note = (row: Outcome): void => {
    if ("error" in row) tally.skipped.push(row);
    else {
      tally.paths.add(row.path);
      tally[row.reused ? "reused" : "computed"]++;
    }
  };
  const header = headerOf(model, options);
  return {
    chunks: encodeIndex(header, indexRows(model, items, known, options, note)),
    counts: () => ({
      model: header.model,
      dimension: header.dimension,
      images: tally.computed + tally.reused,
      computed: tally.computed,
      reused: tally.reused,
      removed: known.paths.filter((path) => !tally.paths.has(path)).length,
      skipped: tally.skipped,
    }),
  };
}

interface KnownVectors {
  readonly paths: readonly string[];
  /** The vector of a file with this hash. */
  readonly find: (sha256: string) => Promise<Float32Array | null>;
}

const NOTHING_KNOWN: KnownVectors = { paths: [], find: async () => null };

/** Where the vector of each hash is; vectors are read group by group, in whose order files usually come again. */
async function knownVectors(file: IndexFile): Promise<KnownVectors> {
  const places = new Map<string, { readonly group: number; readonly row: number }>();
  const paths: string[] = [];
  for (const group of file.groups.keys()) {
    for (const [row, { path, sha256 }] of (await file.readEntries(group)).entries()) {
      places.set(sha256, { group, row });
      paths.push(path);
    }
  }
  const { dimension } = file.header;
  let open: { readonly group: number; readonly vectors: Promise<Float32Array> } | null = null;
  return {
    paths,
    find: async (sha256) => {
      const place = places.get(sha256);
      if (place === undefined) return null;
      if (open?.group !== place.group) open = { group: place.group, vectors: file.readVectors(place.group) };
      const vectors = await open.vectors;
      return vectors.slice(place.row * dimension, (place.row + 1) * dimension);
    },
  };
}

type Outcome = (IndexRow & { readonly reused: boolean }) | { readonly path: string; readonly error: InceptionError };

async function* indexRows<F extends SourceOptions>(
  model: VectorModel<F>,
  items: readonly IndexItem[],
  known: KnownVectors,
  options: IndexingOptions,
  note: (row: Outcome) => void,
): AsyncGenerator<IndexRow, void> {
  let [done, usable] = [0, 0];
  const read = (item: IndexItem, index: number): Promise<ReadItem> => readItem(model, item, index, known);
  for await (const batch of readAhead(readBatches(items, options.batchSize, read, options.signal))) {
    throwIfAborted(options.signal);
    for (const row of await untilAborted(options.signal, computeRows(model, batch))) {
      note(row);
      if ("error" in row) continue;
      usable++;
      yield row;
    }
    done += batch.length;
    options.onImages(done, items.length);
  }
  if (usable > 0) return;
  const message = `Cannot build an index: none of ${formatCount(items.length)} images could be read`;
  throw new InceptionError("DATASET_INVALID", message, { images: items.length });
}

/** An image with its vector, or with the input that it is computed from, or with the reason why there is none. */
interface ReadItem {
  readonly path: string;
  readonly label: string | null;
  readonly content: { readonly sha256: string; readonly vector: Float32Array | Float32Tensor } | InceptionError;
}

async function readItem<F extends SourceOptions>(
  { opened: { run } }: VectorModel<F>,
  { image, path, label }: IndexItem,
  index: number,
  known: KnownVectors,
): Promise<ReadItem> {
  const name = path ?? imageName(image) ?? `image ${index}`;
  const { platform, preprocessing, sources } = run;
  const content = await orError(async () => {
    const source = isFileInput(image) ? await fileBytes(run, image, name) : await platform.decodeImage(image, { ...sources, name });
    const sha256 = await platform.sha256(source instanceof Uint8Array ? source : source.data);
    const vector = await known.find(sha256);
    return { sha256, vector: vector ?? (await platform.prepareImage(source, preprocessing, { ...sources, name })) };
  });
  return { path: name, label: label ?? null, content };
}

/** The file of an image, read once: what is hashed is what is decoded. */
async function fileBytes<F extends SourceOptions>(
  { platform, sources }: VectorModel<F>["opened"]["run"],
  image: FileInput,
  name: string,
): Promise<Uint8Array> {
  if (image instanceof Uint8Array) return image;
  const opened = await platform.openSource(image, sources);
  try {
    if (opened.size <= MAX_IMAGE_BYTES) return await opened.read(0, opened.size);
    const fact = `the file has ${formatCount(opened.size)} bytes, the limit is ${formatCount(MAX_IMAGE_BYTES)}`;
    throw new InceptionError("FILE_LIMIT", `Cannot read image "${messageOf(name)}": ${fact}`, { file: name, size: opened.size });
  } finally {
    await opened.close();
  }
}

async function computeRows<F extends SourceOptions>(model: VectorModel<F>, batch: readonly ReadItem[]): Promise<readonly Outcome[]> {
  const inputs = batch.flatMap(({ content }) => (content instanceof InceptionError || isVector(content.vector) ? [] : [content.vector]));
  const rows = await vectorsOf(model, inputs);
  let next = 0;
  return batch.map(({ path, label, content }): Outcome => {
    if (content instanceof InceptionError) return { path, error: content };
    const { sha256, vector } = content;
    if (isVector(vector)) return { path, label, sha256, embedding: vector, reused: true };
    const embedding = at(rows, next++);
    try {
      checkRow(embedding, model.output, `"${messageOf(path)}"`);
    } catch (thrown) {
      if (thrown instanceof InceptionError) return { path, error: thrown };
      throw thrown;
    }
    return { path, label, sha256, embedding, reused: false };
  });
}

function isVector(value: Float32Array | Float32Tensor): value is Float32Array {
  return value instanceof Float32Array;
}
