/** The platform of Node: ONNX Runtime in threads, files, the hub, sharp. */
import path from "node:path";
import type { LoadedVolumes, VolumeSizes } from "../data/volumes/loaded-volume.js";
import { readVolumesOf as readBytes } from "../data/volumes/read-volumes.js";
import { bytesSource } from "../formats/byte-source.js";
import { compareHash } from "../formats/checksum.js";
import { imageBatch } from "../predict/predict.js";
import type { FileInput, OpenedSource, OpenedWeights, Platform, PublishedFile, VolumeInput } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { isImage } from "../tasks/image-input.js";
import { givenVolume, isVolume } from "../tasks/volume-input.js";
import { openWeightFile } from "../weights/containers/index.js";
import { createBatchSource } from "./batch-source.js";
import type { SampleSources } from "./datasets/sample-reader.js";
import { decodeImage } from "./decode-image.js";
import { openFileSource } from "./file-source.js";
import { gunzip } from "./gunzip.js";
import { contentOf, decodeImageInput, encodedImage, splitImageOptions, textOf } from "./image-input.js";
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

/**
 * @param images - prepares images; the caller closes it
 * @param samples - whether samples of batches may be at `https:` URLs
 */
export function nodePlatform(images: Omit<ImageThreads, "close">, samples: SampleSources = {}): Platform<SourceOptions, PlaceOptions> {
  return {
    createSession: createNodeSession,
    createTrainer: createNodeTrainer,
    openSource,
    openWeights: openWeightsOf,
    decodeImage: decodeImageInput,
    prepareImage: async (source, preprocessing, options) => {
      const { how, sources } = splitImageOptions(options);
      if (isImage(source)) return images.preparePixels(source, preprocessing, sources);
      return images.prepareFile(await encodedImage(source, sources), how, preprocessing, sources);
    },
    openBatches: (dataset, options) => createBatchSource(dataset, { ...options, allowHttps: samples.allowHttps === true }),
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
