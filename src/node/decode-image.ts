/**
 * Image files to RGB pixels, equal to Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, since that is what the
 * networks were trained and measured on:
 * - the EXIF orientation is applied, embedded color profiles are not;
 * - transparency is dropped, not blended: a transparent pixel keeps the color that is stored under it;
 * - gray becomes three equal channels; CMYK becomes RGB by (255 - ink) * (255 - black) / 255, without a profile;
 * - of 16 bits the upper 8 are kept (here Pillow differs for one-channel images, whose values it cuts off at 255);
 * - an animation gives its first frame, a TIFF its first page.
 */

import type { Metadata, Sharp, SharpOptions } from "sharp";
import type { Image } from "../data/image.js";
import { IMAGE_FORMATS, type ImageFormat, MAX_IMAGE_BYTES, sniffImage } from "../data/image-format.js";
import { orient } from "../data/transforms/orient.js";
import { type ErrorCode, InceptionError, messageOf } from "../errors.js";
import { formatCount } from "../text.js";
import { openFileSource } from "./file-source.js";
import { type GifFrame, gifFirstFrame, pngTextOrientation } from "./image-quirks.js";
import { loadOptional } from "./optional-package.js";

/** Limits and conventions of decoding an image. */
export interface DecodeOptions {
  /** How messages name an image that is given as bytes. Default: "image". */
  readonly name?: string;
  /** Largest file, in bytes. Default: 64 MiB, ten times a large photograph. */
  readonly maxBytes?: number;
  /** Largest image, in pixels. Default: 100 megapixels, which is 300 MB of RGB. */
  readonly maxPixels?: number;
  /** Longest decoding, in seconds, rounded up to whole ones; at most 3600. Default: 60. */
  readonly maxSeconds?: number;
  /** Apply the EXIF orientation. With false, pixels are those of Pillow's `Image.open(file).convert("RGB")`. Default: true. */
  readonly upright?: boolean;
}

const DEFAULTS = { name: "image", maxBytes: MAX_IMAGE_BYTES, maxPixels: 100e6, maxSeconds: 60, upright: true } as const;

/**
 * Decodes a JPEG, PNG, WebP, AVIF, GIF or TIFF file. Decoding runs outside the event loop; the bytes must not change meanwhile.
 *
 * The format is decided by content, never by name. Sizes are read from the header and checked before pixels are decoded.
 *
 * @param source A path, or the bytes of a file.
 * @throws InceptionError FILE_NOT_FOUND; SOURCE_INVALID (a directory, a device, or not readable by this user); FILE_UNRECOGNIZED (no known
 * format) and FILE_UNSUPPORTED (a known one that is not decoded); FILE_LIMIT (more bytes than allowed) and IMAGE_LIMIT (more pixels
 * or time than allowed); IMAGE_INVALID (empty, truncated or damaged); OPTION_INVALID (an invalid limit).
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  return (await openImage(source, options)).decode();
}

/** An image whose header was read and checked, and whose pixels were not decoded yet. */
interface OpenImage {
  readonly pixels: number;
  /** Bytes of the pixel arrays that `decode` makes; the image library's own working memory comes on top. */
  readonly decodedBytes: number;
  /** @throws InceptionError IMAGE_INVALID, IMAGE_LIMIT */
  readonly decode: () => Promise<Image>;
}

/**
 * Read an image file and check its header, so that a caller knows how much memory decoding takes before it begins.
 *
 * @throws InceptionError as `decodeImage`
 */
export async function openImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<OpenImage> {
  const limits = { ...DEFAULTS, ...options };
  checkLimits(limits);
  const subject = typeof source === "string" ? messageOf(source) : messageOf(limits.name);
  const bytes = typeof source === "string" ? await readWhole(source, subject, limits.maxBytes) : source;
  if (bytes.byteLength > limits.maxBytes) throw tooManyBytes(subject, bytes.byteLength, limits.maxBytes);
  const format = acceptedFormat(bytes, subject);
  const { default: sharp } = await loadOptional("sharp", `decode image "${subject}"`, () => import("sharp"));
  // Warnings such as stray bytes between JPEG segments are Pillow's daily bread; errors and missing data are not.
  const settings: SharpOptions = { failOn: "error", ignoreIcc: true, autoOrient: limits.upright, limitInputPixels: false, pages: 1 };
  const orFailed = async <T>(step: () => Promise<T>): Promise<T> => {
    try {
      return await step();
    } catch (error) {
      throw error instanceof InceptionError ? error : decodingFailed(error, format, subject, limits.maxSeconds);
    }
  };
  const header = await orFailed(() => sharp(bytes, settings).metadata());
  checkHeader(header, format, subject, limits.maxPixels);
  const cmyk = header.space === "cmyk";
  const decode = async (): Promise<Image> => {
    const decoder = sharp(bytes, { ...settings, limitInputPixels: limits.maxPixels }).timeout({ seconds: Math.ceil(limits.maxSeconds) });
    const frame = format === "GIF" ? gifFirstFrame(bytes) : null;
    const image = await decodePixels(decoder, cmyk, frame?.hidden ?? null, subject);
    if (frame) paintOutside(image, frame);
    return limits.upright && format === "PNG" && header.orientation === undefined
      ? orient(image, pngTextOrientation(header.comments ?? []))
      : image;
  };
  const pixels = header.width * header.height;
  return { pixels, decodedBytes: pixels * (cmyk ? CMYK_BYTES : RGB_BYTES), decode: () => orFailed(decode) };
}

const RGB_BYTES = 3;
/** Four inks, and the three colors that they become. */
const CMYK_BYTES = 4 + RGB_BYTES;

function checkLimits({ maxBytes, maxPixels, maxSeconds }: Required<DecodeOptions>): void {
  const wrong =
    (!(Number.isSafeInteger(maxBytes) && maxBytes > 0) && `maxBytes is ${maxBytes}, expected a positive integer`) ||
    (!(Number.isSafeInteger(maxPixels) && maxPixels > 0) && `maxPixels is ${maxPixels}, expected a positive integer`) ||
    (!(maxSeconds > 0 && maxSeconds <= 3600) && `maxSeconds is ${maxSeconds}, expected more than 0 and at most 3600`);
  if (wrong) throw new InceptionError("OPTION_INVALID", `Cannot decode images: ${wrong}`, { maxBytes, maxPixels, maxSeconds });
}

function failure(code: ErrorCode, subject: string, fact: string, details: Readonly<Record<string, unknown>> = {}): InceptionError {
  return new InceptionError(code, `Cannot decode image "${subject}": ${fact}`, { file: subject, ...details });
}

function tooManyBytes(subject: string, size: number, limit: number): InceptionError {
  return failure("FILE_LIMIT", subject, `the file has ${formatCount(size)} bytes, the limit is ${formatCount(limit)} (option maxBytes)`, {
    size,
    limit,
  });
}

async function readWhole(file: string, subject: string, maxBytes: number): Promise<Uint8Array> {
  const source = await openFileSource(file);
  try {
    if (source.size > maxBytes) throw tooManyBytes(subject, source.size, maxBytes);
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}

function acceptedFormat(bytes: Uint8Array, subject: string): ImageFormat {
  if (bytes.byteLength === 0) throw failure("IMAGE_INVALID", subject, "the file is empty");
  const found = sniffImage(bytes);
  if (found.kind === "image") return found.format;
  const allowed = `expected one of ${IMAGE_FORMATS.join(", ")}`;
  if (found.kind === "refused")
    throw failure("FILE_UNSUPPORTED", subject, `the content is ${found.what}, ${allowed}`, { found: found.what });
  throw failure("FILE_UNRECOGNIZED", subject, `the content matches no supported image format, ${allowed}`);
}

/** Color spaces and sample types that reach RGB without a profile or a choice of range. */
const SPACES: Readonly<Record<string, readonly string[]>> = {
  "b-w": ["uchar"],
  srgb: ["uchar"],
  grey16: ["ushort"],
  rgb16: ["ushort"],
  cmyk: ["uchar"],
};
/** CMYK and alpha. Files may declare thousands of samples per pixel, and each takes memory. */
const MAX_CHANNELS = 5;

function checkHeader(header: Metadata, format: ImageFormat, subject: string, maxPixels: number): void {
  const { width, height, space, depth, channels } = header;
  // The library must have come to the same conclusion; otherwise the file was made to be read in two ways.
  if (header.format !== (format === "AVIF" ? "heif" : format.toLowerCase())) {
    throw failure("IMAGE_INVALID", subject, `it starts like ${format}, but its header is that of ${header.format}`);
  }
  if (format === "AVIF" && header.compression !== "av1") {
    throw failure("FILE_UNSUPPORTED", subject, `the content is HEIF with ${header.compression ?? "unknown"} compression, expected AV1`);
  }
  if (!(width > 0 && height > 0)) throw failure("IMAGE_INVALID", subject, `its header declares ${width} x ${height} pixels`);
  if (width * height > maxPixels) {
    throw failure(
      "IMAGE_LIMIT",
      subject,
      `${width} x ${height} is ${formatCount(width * height)} pixels, the limit is ${formatCount(maxPixels)} (option maxPixels)`,
      {
        width,
        height,
        limit: maxPixels,
      },
    );
  }
  if (!SPACES[space]?.includes(depth) || channels > MAX_CHANNELS) {
    throw failure("IMAGE_INVALID", subject, `${channels} channels of ${depth} in color space ${space} cannot be converted to 8-bit RGB`);
  }
}

/** `hidden` is the color of transparent pixels where the image library does not keep what is stored under them. */
async function decodePixels(decoder: Sharp, cmyk: boolean, hidden: readonly number[] | null, subject: string): Promise<Image> {
  const [r, g, b] = hidden ?? [];
  const opaque =
    r === undefined || g === undefined || b === undefined ? decoder.removeAlpha() : decoder.flatten({ background: { r, g, b } });
  // Asking for CMYK in and out keeps the library's color profile away from the inks.
  const pipeline = cmyk ? opaque.pipelineColourspace("cmyk").toColourspace("cmyk") : opaque;
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== (cmyk ? 4 : 3)) throw failure("IMAGE_INVALID", subject, `its pixels have ${channels} channels after conversion to RGB`);
  const pixels = cmyk ? withoutInks(data) : new Uint8Array(data.buffer, data.byteOffset, data.length);
  return { width, height, channels: 3, data: pixels };
}

/** What the frame of a GIF does not cover is black in the image library, and entry 0 of the palette or the transparent color in Pillow. */
function paintOutside({ width, height, data }: Image, frame: GifFrame): void {
  const [red = 0, green = 0, blue = 0] = frame.hidden ?? [];
  const right = frame.left + frame.width;
  const bottom = frame.top + frame.height;
  if (frame.left === 0 && frame.top === 0 && right >= width && bottom >= height) return;
  for (let to = 0, x = 0, y = 0; to < data.length; to += 3) {
    if (x < frame.left || x >= right || y < frame.top || y >= bottom) {
      data[to] = red;
      data[to + 1] = green;
      data[to + 2] = blue;
    }
    x += 1;
    if (x === width) {
      x = 0;
      y += 1;
    }
  }
}

/** CMYK to RGB, a new array. */
function withoutInks(inks: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((inks.length / 4) * 3);
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const black = inks[from + 3]!;
    rgb[to] = withoutInk(inks[from]!, black);
    rgb[to + 1] = withoutInk(inks[from + 1]!, black);
    rgb[to + 2] = withoutInk(inks[from + 2]!, black);
  }
  return rgb;
}

/** (255 - ink) * (255 - black) / 255 with Pillow's rounding: what the ink takes away is rounded, not what is left. */
function withoutInk(ink: number, black: number): number {
  const light = 255 - black;
  const product = ink * light + 128;
  return Math.max(0, light - ((product + (product >> 8)) >> 8));
}

function decodingFailed(error: unknown, format: ImageFormat, subject: string, maxSeconds: number): InceptionError {
  const raw = error instanceof Error ? error.message : String(error);
  if (raw.startsWith("timeout:")) {
    return failure("IMAGE_LIMIT", subject, `decoding took longer than ${maxSeconds} s (option maxSeconds)`, { limit: maxSeconds });
  }
  if (raw.includes("exceeds pixel limit")) return failure("IMAGE_LIMIT", subject, "it exceeds the pixel limit (option maxPixels)");
  // The library repeats itself, one line per attempt.
  const lines = raw.split("\n").map((line) => messageOf(line.replace(/^Input buffer has corrupt header:/, "")));
  const reason = lines.find((line) => line !== "") ?? "its header is damaged";
  return new InceptionError(
    "IMAGE_INVALID",
    `Cannot decode image "${subject}": its ${format} data is damaged or not supported (${reason})`,
    { file: subject, format },
    { cause: error },
  );
}
