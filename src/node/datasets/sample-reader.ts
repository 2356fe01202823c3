import path from "node:path";
import type { SampleReader } from "../../data/batches/maker.js";
import type { SampleStore } from "../../data/dataset-source.js";
import { givenSample, sampleName } from "../../data/dataset-source.js";
import type { Image } from "../../data/image.js";
import { MAX_IMAGE_BYTES } from "../../data/image-format.js";
import { renderShapes10 } from "../../data/shapes10.js";
import { InceptionError } from "../../errors.js";
import type { EncodedSamples } from "../../tasks/check/check-dataset.js";
import { isFileInput } from "../../tasks/image-input.js";
import { formatCount } from "../../text.js";
import { decodeImage } from "../decode-image.js";
import { type FileSource, openFileSource } from "../file-source.js";
import { decodeImageInput, encodedImage } from "../image-input.js";
import type { SourceOptions } from "../source-options.js";

export type { SampleReader } from "../../data/batches/maker.js";

/** Shards that are kept open at a time; each costs a file descriptor, of which a process has 1024 or more. */
const MAX_OPEN_SHARDS = 64;

/** Which samples may be downloaded. Default: none. */
export type SampleSources = Pick<SourceOptions, "allowHttps">;

/**
 * Reads the samples of a store, keeping decoded images in memory up to a number of bytes. What has been kept stays: in an
 * epoch each sample is read once, so that giving up one image for another would gain nothing.
 *
 * @param cacheBytes limit of the kept images; 0 keeps none
 * @param sources whether samples may be at `https:` URLs, which are downloaded when they are read
 */
export function openSampleReader(store: SampleStore, cacheBytes: number, sources: SampleSources = {}): SampleReader {
  const cache = new Map<number, Image>();
  const shards = store.kind === "tar" ? openShards(store.shards) : null;
  let free = cacheBytes;
  return {
    read: async (index) => {
      const kept = cache.get(index);
      if (kept) return kept;
      const image = await readSample(store, index, shards, sources);
      const isOurs = store.kind !== "images" && (store.kind !== "inputs" || image !== store.inputs[index]);
      if (isOurs && image.data.byteLength <= free) {
        // Another read of the same sample may have come first.
        if (!cache.has(index)) free -= image.data.byteLength;
        cache.set(index, image);
      }
      return image;
    },
    close: async () => {
      cache.clear();
      free = 0;
      await shards?.close();
    },
  };
}

async function readSample(store: SampleStore, index: number, shards: Shards | null, sources: SampleSources): Promise<Image> {
  switch (store.kind) {
    case "files":
      return decodeImage(path.resolve(store.root, store.files[index]!));
    case "tar":
      return decodeImage(await readMember(store, index, shards!), { name: sampleName(store, index) });
    case "shapes10":
      return renderShapes10({ ...store, index: store.indices[index]! });
    case "images":
      return store.images[index]!;
    case "inputs":
      return decodeImageInput(store.inputs[index]!, { ...sources, name: sampleName(store, index) });
  }
}

async function readMember(store: SampleStore & { readonly kind: "tar" }, index: number, shards: Shards): Promise<Uint8Array> {
  const length = store.length[index]!;
  checkSize(sampleName(store, index), length);
  const shard = await shards.open(store.shard[index]!);
  return shard.read(store.offset[index]!, length);
}

function checkSize(name: string, size: number): void {
  if (size <= MAX_IMAGE_BYTES) return;
  const fact = `the file has ${formatCount(size)} bytes, the limit is ${formatCount(MAX_IMAGE_BYTES)}`;
  throw new InceptionError("FILE_LIMIT", `Cannot decode image "${name}": ${fact}`, { size, limit: MAX_IMAGE_BYTES });
}

/** Reads the samples of a store as they are stored: the bytes of files, and pixels where there is no file. */
export function openEncodedSamples(store: SampleStore, sources: SampleSources): EncodedSamples {
  const shards = store.kind === "tar" ? openShards(store.shards) : null;
  const decoded = openSampleReader(store, 0, sources);
  return {
    read: async (index) => {
      if (store.kind === "tar") return readMember(store, index, shards!);
      const input = store.kind === "files" ? path.resolve(store.root, store.files[index]!) : givenSample(store, index);
      if (input === undefined || !isFileInput(input)) return decoded.read(index);
      const encoded = await encodedImage(input, sources);
      return typeof encoded === "string" ? readFileOf(encoded, sampleName(store, index)) : encoded;
    },
    close: async () => {
      await Promise.all([decoded.close(), shards?.close()]);
    },
  };
}

async function readFileOf(file: string, name: string): Promise<Uint8Array> {
  const source = await openFileSource(file);
  try {
    checkSize(name, source.size);
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}

interface Shards {
  open(shard: number): Promise<FileSource>;
  close(): Promise<void>;
}

/** Keeps the files open that were used last. */
function openShards(files: readonly string[]): Shards {
  const open = new Map<number, Promise<FileSource>>();
  const closing = new Set<Promise<void>>();
  const closeOne = (source: Promise<FileSource>) =>
    source.then(
      (file) => file.close(),
      () => undefined,
    );
  return {
    open: (shard) => {
      const source = open.get(shard) ?? openFileSource(files[shard]!);
      open.delete(shard);
      open.set(shard, source);
      for (const [oldest, file] of open) {
        if (open.size <= MAX_OPEN_SHARDS) break;
        open.delete(oldest);
        const done = closeOne(file).finally(() => closing.delete(done));
        closing.add(done);
      }
      return source;
    },
    close: async () => {
      await Promise.all([...closing, ...[...open.values()].map(closeOne)]);
      open.clear();
    },
  };
}
