/** What Node has as an image or a file: a path, a URL, bytes, a Blob, or pixels. */
import { fileURLToPath } from "node:url";
import type { Image } from "../data/image.js";
import { InceptionError, messageOf } from "../errors.js";
import type { DecodeImageOptions, FileInput, ImageInput } from "../runtime/platform.js";
import { isFileInput, isImage } from "../tasks/image-input.js";
import { decodeImage } from "./decode-image.js";
import { openImageSource } from "./image-source.js";
import type { SourceOptions } from "./source-options.js";

/**
 * The pixels of an image.
 *
 * @throws InceptionError as `decodeImage` of node/decode-image.ts and `openImageSource`
 */
export async function decodeImageInput(source: ImageInput, options: DecodeImageOptions & SourceOptions): Promise<Image> {
  if (isImage(source)) return source;
  const { how, sources } = splitImageOptions(options);
  return decodeImage(await encodedImage(source, sources), how);
}

/** How an image is decoded, and where it is found. */
export function splitImageOptions({ name, upright, ...sources }: DecodeImageOptions & SourceOptions) {
  return { how: { ...(name === undefined ? {} : { name }), ...(upright === undefined ? {} : { upright }) }, sources };
}

/** An image as plain data, which can be sent to a thread: pixels, the bytes of its file, or where that is. */
export async function storedImage(source: ImageInput): Promise<Image | Uint8Array | string> {
  if (isImage(source)) return source;
  checkFileInput(source);
  const content = await contentOf(source);
  if (content === null) return textOf(source);
  const { bytes } = content;
  // A view would be sent with all of its buffer.
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** What `decodeImage` takes: a path, or the bytes of a file. */
export async function encodedImage(source: Exclude<ImageInput, Image>, options: SourceOptions): Promise<string | Uint8Array> {
  checkFileInput(source);
  const content = await contentOf(source);
  if (content !== null) return content.bytes;
  const text = textOf(source);
  return /^file:/i.test(text) ? fileURLToPath(text) : openImageSource(text, options);
}

function checkFileInput(source: Exclude<ImageInput, Image>): asserts source is FileInput {
  if (isFileInput(source)) return;
  const message =
    "Cannot decode an image: expected a path, a URL, the bytes of a file, a Blob or pixels; elements of a page are supported in browsers only";
  throw new InceptionError("SOURCE_INVALID", message, {});
}

/** Bytes that were handed over, with the name that messages give them; null for a place. */
export async function contentOf(
  source: FileInput,
  unnamed = "model",
): Promise<{ readonly name: string; readonly bytes: Uint8Array } | null> {
  if (source instanceof Uint8Array) return { name: unnamed, bytes: source };
  if (typeof source === "string" || "href" in source) return null;
  const name = "name" in source && typeof source.name === "string" ? messageOf(source.name) : unnamed;
  return { name, bytes: new Uint8Array(await source.arrayBuffer()) };
}

export function textOf(source: FileInput): string {
  if (typeof source === "string") return source;
  if ("href" in source) return source.href;
  throw new InceptionError("SOURCE_INVALID", "Cannot open a file: expected a path, a URL, bytes or a Blob", {});
}
