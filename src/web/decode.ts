/** Image files to pixels, in the worker that decodes them. */

import type { Image } from "../data/image.js";
import { type ImageFormat, sniffImage } from "../data/image-format.js";
import { readImageHeader } from "../data/image-header.js";
import { orient } from "../data/transforms/orient.js";
import { type ErrorCode, InceptionError, messageOf } from "../errors.js";
import { formatCount } from "../text.js";

/** What a decoder gives: RGBA of 8 bits, not premultiplied. */
export interface DecodedPixels {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number> & { readonly buffer: ArrayBufferLike };
}

/** The decoders; each rejects with whatever its library throws. */
export interface Codecs {
  readonly JPEG: (file: ArrayBuffer) => Promise<DecodedPixels>;
  readonly PNG: (file: ArrayBuffer) => Promise<DecodedPixels>;
  readonly WebP: (file: ArrayBuffer) => Promise<DecodedPixels>;
}

const DECODED = ["JPEG", "PNG", "WebP"] as const;
type DecodedFormat = (typeof DECODED)[number];

interface DecodeLimits {
  readonly maxBytes: number;
  readonly maxPixels: number;
}

/** How files are decoded. */
export interface DecodeFileOptions extends DecodeLimits {
  /** Apply the EXIF orientation. Default: true. */
  readonly upright?: boolean;
}

/** As in Node: 256 MiB of file, 100 million pixels. */
export const DECODE_LIMITS: DecodeLimits = { maxBytes: 256 * 2 ** 20, maxPixels: 100_000_000 };

/**
 * Decodes an image file to RGB, upright unless told otherwise. Alpha is dropped, color profiles are ignored, as in Node.
 *
 * @param subject - how messages name the image
 * @throws InceptionError FILE_LIMIT, FILE_UNRECOGNIZED, FILE_UNSUPPORTED, IMAGE_INVALID, IMAGE_LIMIT
 */
export async function decodeFile(codecs: Codecs, file: Uint8Array, subject: string, options: DecodeFileOptions): Promise<Image> {
  const fail = (code: ErrorCode, fact: string, details: Readonly<Record<string, unknown>> = {}) =>
    new InceptionError(code, `Cannot decode image "${subject}": ${fact}`, { file: subject, ...details });
  const { maxBytes, maxPixels, upright = true } = options;
  if (file.length > maxBytes) {
    throw fail("FILE_LIMIT", `the file has ${formatCount(file.length)} bytes, the limit is ${formatCount(maxBytes)}`, {
      size: file.length,
      limit: maxBytes,
    });
  }
  const format = formatOf(file, fail);
  const header = readImageHeader(file, format);
  if (header === null || header.width === 0 || header.height === 0) throw fail("IMAGE_INVALID", `its ${format} header is damaged`);
  const { width, height, orientation } = header;
  if (width * height > maxPixels) {
    const fact = `${width} x ${height} is ${formatCount(width * height)} pixels, the limit is ${formatCount(maxPixels)}`;
    throw fail("IMAGE_LIMIT", fact, { width, height, limit: maxPixels });
  }
  // The decoders take whole buffers. A Buffer of Node does not copy in `slice`.
  const decoded = await codecs[format](new Uint8Array(file).buffer).catch((thrown: unknown) => {
    const reason = thrown instanceof Error ? messageOf(thrown) : "no reason given";
    throw fail("IMAGE_INVALID", `its ${format} data is damaged or not supported (${reason})`, { format });
  });
  if (decoded.width !== width || decoded.height !== height) {
    throw fail("IMAGE_INVALID", `its header declares ${width} x ${height} pixels, its data has ${decoded.width} x ${decoded.height}`);
  }
  return upright ? orient(withoutAlpha(decoded), orientation) : withoutAlpha(decoded);
}

/** RGBA to RGB, a new array. */
export function withoutAlpha({ width, height, data }: DecodedPixels): Image {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: rgb };
}

type Fail = (code: ErrorCode, fact: string, details?: Readonly<Record<string, unknown>>) => InceptionError;

function formatOf(file: Uint8Array, fail: Fail): DecodedFormat {
  if (file.length === 0) throw fail("IMAGE_INVALID", "the file is empty");
  const found = sniffImage(file);
  const expected = `supported are ${DECODED.join(", ")}`;
  if (found.kind === "unknown") throw fail("FILE_UNRECOGNIZED", `the content matches no supported image format, ${expected}`);
  if (found.kind === "refused") throw fail("FILE_UNSUPPORTED", `the content is ${found.what}, ${expected}`, { found: found.what });
  if (isDecoded(found.format)) return found.format;
  throw fail("FILE_UNSUPPORTED", `the content is ${found.format}, ${expected}`, { found: found.format });
}

function isDecoded(format: ImageFormat): format is DecodedFormat {
  return (DECODED as readonly ImageFormat[]).includes(format);
}
