/// <reference lib="dom" />
/** The platform of a page: onnxruntime-web in workers, decoders in WebAssembly, Blobs and URLs. */
import { readVolumesOf } from "../data/volumes/read-volumes.js";
import { InceptionError } from "../errors.js";
import { bytesSource } from "../formats/byte-source.js";
import type {
  DecodeImageOptions,
  FileInput,
  OpenedSource,
  OpenedWeights,
  Platform,
  PublishedFile,
  SourceOptions,
} from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { isImage } from "../tasks/image-input.js";
import { givenVolume, isVolume } from "../tasks/volume-input.js";
import { gunzip } from "./gunzip.js";
import { readImageInput } from "./image-input.js";
import type { PageWorker } from "./images.js";
import { modelCache } from "./model-cache.js";
import { encodePng } from "./png.js";
import { createWebSession, type WebSessionOptions } from "./session.js";
import { nameOfUrl, openSource, sha256Hex } from "./sources.js";
import { createWebTrainer } from "./trainer.js";

/** Where sessions run in a page. */
type WebPlaceOptions = SessionOptions & Pick<WebSessionOptions, "wasmPaths" | "startWorker">;

/** How a page finds files. */
interface WebSourceOptions extends SourceOptions {
  /** Keep the files of URLs, see `modelCache`. Default: false. */
  readonly cache?: boolean;
}

/** @param images - decodes and prepares images; the caller closes it */
export function webPlatform(images: PageWorker): Platform<WebSourceOptions, WebPlaceOptions> {
  return {
    createSession: createWebSession,
    createTrainer: createWebTrainer,
    openSource: openModelFile,
    openWeights,
    decodeImage: async (source, { name, ...options }) => {
      if (isImage(source)) return source;
      const read = await readImageInput(source, options.signal);
      if (!("bytes" in read)) return read;
      return images.decode(read.bytes, shownName(read.name, name), howOf(options));
    },
    // Only a page that trains needs augmentation.
    openBatches: async (dataset, options) => (await import("./batches.js")).openBatches(images, dataset, options),
    prepareImage: async (source, preprocessing, { name, ...options }) => {
      const read = await readImageInput(source, options.signal);
      if (!("bytes" in read)) return images.prepare(read, preprocessing);
      return images.decodeInput(read.bytes, shownName(read.name, name), preprocessing, howOf(options));
    },
    encodePng,
    readVolumes: async (source, { onSizes, ...options }) => {
      if (isVolume(source)) return givenVolume(source, onSizes);
      const opened = await openSource(source, options);
      const named = opened.name === "model" ? { ...opened, name: "volume" } : opened;
      return readVolumesOf(named, gunzip, onSizes).finally(() => opened.close());
    },
    sha256: sha256Hex,
  };
}

function howOf({ upright, signal }: DecodeImageOptions) {
  return { ...(upright === undefined ? {} : { upright }), ...(signal === undefined ? {} : { signal }) };
}

/** Bytes alone have no name; the caller may have one for them. */
function shownName(own: string, given: string | undefined): string {
  return own === "image" && given !== undefined ? given : own;
}

/** A file of a model; of a URL through the cache where it is wanted. */
async function openModelFile(source: FileInput, options: WebSourceOptions): Promise<OpenedSource> {
  const url = typeof source === "string" ? source : "href" in source ? source.href : null;
  if (options.cache !== true || url === null || !/^https?:/.test(new URL(url, location.href).protocol)) return openSource(source, options);
  const { bytes } = await modelCache().read(url, options);
  return { ...bytesSource(nameOfUrl(url), bytes), close: async () => undefined };
}

async function openWeights(source: FileInput | PublishedFile, options: WebSourceOptions): Promise<OpenedWeights> {
  const place = typeof source === "object" && "source" in source ? addressOf(source) : source;
  const opened = await openModelFile(place, options);
  // Read once: what is hashed is what is read, and readers of weights come back to the same places.
  const bytes = await opened.read(0, opened.size).finally(() => opened.close());
  const sibling = (name: string) => openModelFile(beside(place, name), options);
  // The readers of every format are a third of the code of a page, which few pages need.
  const { openWeightFile } = await import("../weights/containers/index.js");
  const file = await openWeightFile({ ...bytesSource(opened.name, bytes), sibling });
  return { file, name: opened.name, title: opened.name.replace(/^.*\//, ""), sha256: await sha256Hex(bytes), close: async () => undefined };
}

/** Where a page fetches a published file. */
function addressOf({ name, source }: PublishedFile): string {
  if (source.startsWith("hf:")) return `https://huggingface.co/${source.slice(3)}/resolve/main/model.safetensors`;
  if (source.startsWith("https:")) return source;
  const fact = "their publisher serves them without encryption (http:), which is not allowed; download them and pass the file";
  throw new InceptionError("SOURCE_INVALID", `Cannot download weights "${name}": ${fact}`, { name, source });
}

/** The file with a name in the directory of another, which only URLs have. */
function beside(place: FileInput, name: string): string {
  if (typeof place === "string" || "href" in place)
    return new URL(name, new URL(typeof place === "string" ? place : place.href, location.href)).href;
  throw new InceptionError("FILE_NOT_FOUND", `Cannot open "${name}" beside bytes: pass the URL of the weights instead`, { name });
}
