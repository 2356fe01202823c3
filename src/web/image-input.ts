/// <reference lib="dom" />
/** What a page has as an image, as the bytes of a file or as pixels. */

import type { Image } from "../data/image.js";
import { InceptionError, messageOf } from "../errors.js";
import type { ImageInput } from "../runtime/platform.js";
import type { CancelSignal } from "../runtime/session.js";
import { formatCount } from "../text.js";
import { DECODE_LIMITS, withoutAlpha } from "./decode.js";
import { fetchBytes } from "./sources.js";

/** An image's file, with the name that messages give it. */
interface ImageFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Pixels where the page has pixels; otherwise the bytes of the file, which are decoded exactly.
 *
 * An image element is read from its file: what a browser decodes for the screen may differ from pixel to pixel.
 *
 * @throws InceptionError SOURCE_INVALID, FILE_LIMIT, DOWNLOAD_FAILED
 */
export async function readImageInput(input: ImageInput, signal?: CancelSignal): Promise<ImageFile | Image> {
  if (typeof input === "string") return fetched(input, signal);
  if (input instanceof Uint8Array) return { name: "image", bytes: input };
  if (input instanceof URL) return fetched(input.href, signal);
  if (input instanceof Blob) return { name: blobName(input), bytes: new Uint8Array(await input.arrayBuffer()) };
  if ("channels" in input && "data" in input) return input;
  if (input instanceof ImageData) return withoutAlpha(input);
  if (typeof HTMLImageElement !== "undefined" && input instanceof HTMLImageElement) return fetched(elementSource(input), signal);
  return drawnPixels(input);
}

async function fetched(url: string, signal?: CancelSignal): Promise<ImageFile> {
  const bytes = await fetchBytes(url, { maxBytes: DECODE_LIMITS.maxBytes, ...(signal === undefined ? {} : { signal }) });
  return { name: messageOf(url.startsWith("data:") ? "data: URL" : url.replace(/[?#].*$/, "")), bytes };
}

function blobName(blob: Blob): string {
  return "name" in blob && typeof blob.name === "string" ? messageOf(blob.name) : "image";
}

function elementSource(element: HTMLImageElement): string {
  const url = element.currentSrc || element.src;
  if (url !== "") return url;
  throw new InceptionError("SOURCE_INVALID", "Cannot read an image element: it has no source", {});
}

/** The pixels of what is drawn: a canvas, the frame of a video, a bitmap. */
function drawnPixels(input: object): Image {
  const { source, width, height } = drawn(input);
  if (!(width > 0 && height > 0)) throw new InceptionError("SOURCE_INVALID", `Cannot read an image of ${width} x ${height} pixels`, {});
  if (width * height > DECODE_LIMITS.maxPixels) {
    const message = `Cannot read an image: ${width} x ${height} is ${formatCount(width * height)} pixels, the limit is ${formatCount(DECODE_LIMITS.maxPixels)}`;
    throw new InceptionError("IMAGE_LIMIT", message, { width, height, limit: DECODE_LIMITS.maxPixels });
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (context === null) throw new InceptionError("SOURCE_INVALID", "Cannot read an image: the browser offers no canvas", {});
  context.drawImage(source, 0, 0);
  return withoutAlpha(context.getImageData(0, 0, width, height));
}

interface Drawn {
  readonly source: CanvasImageSource;
  readonly width: number;
  readonly height: number;
}

function drawn(input: object): Drawn {
  // In a worker the elements of a page do not exist.
  const { HTMLVideoElement: Video, HTMLCanvasElement: Canvas } = globalThis as Partial<typeof globalThis>;
  if (Video !== undefined && input instanceof Video) return { source: input, width: input.videoWidth, height: input.videoHeight };
  if ((Canvas !== undefined && input instanceof Canvas) || input instanceof OffscreenCanvas || input instanceof ImageBitmap) {
    return { source: input, width: input.width, height: input.height };
  }
  const expected = "a URL, the bytes of a file, a Blob, pixels, an ImageBitmap, or an element of an image, a canvas or a video";
  throw new InceptionError("SOURCE_INVALID", `Cannot read an image: expected ${expected}`, {});
}
