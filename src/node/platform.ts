/** The platform of Node: ONNX Runtime in threads, files, the hub, sharp. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Image } from "../data/image.js";
import type { LoadedVolumes, VolumeSizes } from "../data/volumes/loaded-volume.js";
import { readVolumesOf as readBytes } from "../data/volumes/read-volumes.js";
import { InceptionError, messageOf } from "../errors.js";
import { bytesSource } from "../formats/byte-source.js";
import { compareHash } from "../formats/checksum.js";
import { imageBatch } from "../predict/predict.js";
import type {
  DecodeImageOptions,
  FileInput,
  ImageInput,
  OpenedSource,
  OpenedWeights,
  Platform,
  PublishedFile,
  VolumeInput,
} from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { isFileInput, isImage } from "../tasks/image-input.js";
import { givenVolume, isVolume } from "../tasks/volume-input.js";
import { openWeightFile } from "../weights/containers/index.js";
import { createBatchSource } from "./batch-source.js";
import { decodeImage } from "./decode-image.js";
import { openFileSource } from "./file-source.js";
import { gunzip } from "./gunzip.js";
import { openImageSource } from "./image-source.js";
import type { ImageThreads } from "./image-threads.js";
import { digestWeights, openWeights } from "./open-weights.js";
import { createNodeSession, type IsolationOptions } from "./ort-session.js";
import { createNodeTrainer } from "./ort-trainer.js";
import { encodePng } from "./png.js";
import { resolvePublished } from "./published-weights.js";
import { sha256Hex } from "./sha256.js";
import type { ResolvedSource, SourceOptions } from "./source-options.js";
import { readVolumes } from "./volumes.js";
import { hasScheme, resolveSource } from "./weight-source.js";

/** Where sessions run in Node. */
export interface PlaceOptions extends SessionOptions, IsolationOptions {}

/** @param images - prepares images; the caller closes it */
export function nodePlatform(images: Omit<ImageThreads, "close">): Platform<SourceOptions, PlaceOptions> {
  return {
    createSession: createNodeSession,
    createTrainer: createNodeTrainer,
    openSource,
    openWeights: openWeightsOf,
    decodeImage: async (source, options) => {
      if (isImage(source)) return source;
      const { how, sources } = split(options);
      return decodeImage(await encodedImage(source, sources), how);
    },
    prepareImage: async (source, preprocessing, options) => {
      const { how, sources } = split(options);
      if (isImage(source)) return images.preparePixels(source, preprocessing, sources);
      return images.prepareFile(await encodedImage(source, sources), how, preprocessing, sources);
    },
    openBatches: createBatchSource,
    encodePng: async (image) => new Uint8Array(await encodePng(image)),
    readVolumes: readVolumesOf,
    sha256: async (bytes) => sha256Hex(bytes),
  };
}

/** The platform of programs that bring threads of their own: images are prepared in the calling one. */
export const NODE_PLATFORM = nodePlatform({
  prepareFile: async (source, how, preprocessing) => imageBatch([await decodeImage(source, how)], preprocessing),
  preparePixels: async (image, preprocessing) => imageBatch([image], preprocessing),
});

/** How an image is decoded, and where it is found. */
function split({ name, upright, ...sources }: DecodeImageOptions & SourceOptions) {
  return { how: { ...(name === undefined ? {} : { name }), ...(upright === undefined ? {} : { upright }) }, sources };
}

async function openSource(source: FileInput, options: SourceOptions): Promise<OpenedSource> {
  const content = await contentOf(source);
  if (content !== null) return { ...bytesSource(content.name, content.bytes), close: async () => undefined };
  return openFileSource(await pathOf(source, options));
}

/** The path of a file on this machine. A plain path stays as it is written, which is how messages name it. */
async function pathOf(source: FileInput, options: SourceOptions): Promise<string> {
  const text = textOf(source);
  return hasScheme(text) ? (await resolveSource(text, options)).path : text;
}

async function openWeightsOf(source: FileInput | PublishedFile, options: SourceOptions): Promise<OpenedWeights> {
  if (typeof source === "object" && "source" in source) return openResolved(await resolvePublished({ file: source }, options), options);
  const content = await contentOf(source);
  if (content === null) return openResolved(await resolveSource(textOf(source), options), options);
  const { name, bytes } = content;
  const file = await openWeightFile(bytesSource(name, bytes));
  return { file, name, title: name, sha256: sha256Hex(bytes), close: async () => undefined };
}

async function openResolved(found: ResolvedSource, { signal }: SourceOptions): Promise<OpenedWeights> {
  const content = await digestWeights(found.path, signal);
  // A file that was found with a hash may be another one by now.
  if (found.sha256 !== undefined) compareHash(found.name, { kind: "sha256", hex: found.sha256 }, content.sha256);
  const { file, close } = await openWeights(found.path, content);
  return { file, name: found.name, title: path.basename(found.name), sha256: content.sha256, close };
}

async function readVolumesOf(
  source: VolumeInput,
  { onSizes, ...options }: SourceOptions & { readonly onSizes?: (sizes: VolumeSizes) => void },
): Promise<LoadedVolumes> {
  if (isVolume(source)) return givenVolume(source, onSizes);
  const sizes = onSizes === undefined ? {} : { onSizes };
  const content = await contentOf(source, "volume");
  if (content !== null) return readBytes(bytesSource(content.name, content.bytes), gunzip, onSizes);
  return readVolumes(await pathOf(source, options), sizes);
}

/** What `decodeImage` takes: a path, or the bytes of a file. */
async function encodedImage(source: Exclude<ImageInput, Image>, options: SourceOptions): Promise<string | Uint8Array> {
  if (!isFileInput(source)) {
    const message =
      "Cannot decode an image: expected a path, a URL, the bytes of a file, a Blob or pixels; elements of a page are supported in browsers only";
    throw new InceptionError("SOURCE_INVALID", message, {});
  }
  const content = await contentOf(source);
  if (content !== null) return content.bytes;
  const text = textOf(source);
  return /^file:/i.test(text) ? fileURLToPath(text) : openImageSource(text, options);
}

/** Bytes that were handed over, with the name that messages give them; null for a place. */
async function contentOf(source: FileInput, unnamed = "model"): Promise<{ readonly name: string; readonly bytes: Uint8Array } | null> {
  if (source instanceof Uint8Array) return { name: unnamed, bytes: source };
  if (typeof source === "string" || "href" in source) return null;
  const name = "name" in source && typeof source.name === "string" ? messageOf(source.name) : unnamed;
  return { name, bytes: new Uint8Array(await source.arrayBuffer()) };
}

function textOf(source: FileInput): string {
  if (typeof source === "string") return source;
  if ("href" in source) return source.href;
  throw new InceptionError("SOURCE_INVALID", "Cannot open a file: expected a path, a URL, bytes or a Blob", {});
}
