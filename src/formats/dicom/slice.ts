import type { Element, parseDicom } from "dicom-parser";
import { InceptionError, messageOf } from "../../errors.js";
import { formatCount } from "../../text.js";
import { quoted } from "../quoted.js";
import { elementBytes, type SliceDType } from "./stored.js";

/**
 * What one DICOM file says about its slice: tags by dicom-parser, everything that is decided from them here.
 * Source: DICOM PS3.3 (image plane, image pixel and modality LUT modules), PS3.5 (encoding), PS3.6 (transfer syntaxes).
 */

/** One DICOM file. */
export interface DicomFile {
  readonly file: string;
  readonly size: number;
  /** Empty where there is none, as in the index of a disc (DICOMDIR). */
  readonly seriesUid: string;
  /** Free text; a stranger's. */
  readonly description: string;
  /** Such as "CT" or "MR"; empty where there is none. */
  readonly modality: string;
  /** Its slice, or why that cannot be read; null for a document without pixels. Whoever wants this series meets the error. */
  readonly slice: DicomSlice | InceptionError | null;
}

export interface DicomSlice {
  readonly file: string;
  /** Columns and rows. */
  readonly shape: readonly [columns: number, rows: number];
  /** Of stored values: whole bytes, of which the lower `bits` count. */
  readonly dtype: SliceDType;
  readonly bits: number;
  /** A stored value v stands for `slope * v + intercept`. */
  readonly slope: number;
  readonly intercept: number;
  /** Millimeters in DICOM's world, LPS: x grows to the patient's left, y to the back, z to the head. Center of the first voxel. */
  readonly position: readonly number[];
  /** Directions of growing columns, then of growing rows, of length 1. */
  readonly orientation: readonly number[];
  /** Millimeters between neighbors in a row, then in a column. */
  readonly spacing: readonly [x: number, y: number];
  /** Millimeters from this slice to the next as the tags have it (spacing between slices, else thickness); null where they do not. */
  readonly thickness: number | null;
  readonly pixels: SlicePixels;
}

/** Where a slice's pixels are in its file: one range of them as they are, or the parts of a compressed stream. */
interface SlicePixels {
  /** Transfer syntax of the compressed stream; null for plain little-endian pixels. */
  readonly compression: string | null;
  readonly ranges: readonly { readonly offset: number; readonly length: number }[];
}

type FailureCode = "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNSUPPORTED";

/** The error of everything that is wrong with one DICOM file. */
export function dicomError(code: FailureCode, file: string, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read DICOM file ${quoted(file)}: ${fact}`, { file });
}

/** Bytes before the mark "DICM", and with it. */
export const PREAMBLE_BYTES = 128;
export const MARK_BYTES = PREAMBLE_BYTES + 4;

const PLAIN = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"];
interface Compression {
  readonly name: string;
  /**
   * Most pixels, of 8 or of 16 bits, that a byte of the stream can hold; null where an even picture takes next to nothing:
   * JPEG-LS codes runs of a whole row, JPEG 2000 empty blocks of 64 x 64 pixels, in one bit.
   */
  readonly pixelsPerByte: Readonly<Record<1 | 2, number>> | null;
}

/** Of 64 coefficients the code takes two bits or more: one for the first, one for the end of the block. */
const JPEG = { 1: 256, 2: 256 } as const;
/** Each pixel has a code of one bit or more. */
const JPEG_LOSSLESS = { 1: 8, 2: 8 } as const;
/** Two bytes repeat a byte 128 times at most, and the bytes of a pixel are coded one by one (PS3.5, G.3). */
const RLE = { 1: 64, 2: 32 } as const;

/** What is decoded, by transfer syntax. */
const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  ["1.2.840.10008.1.2.4.50", { name: "JPEG baseline", pixelsPerByte: JPEG }],
  ["1.2.840.10008.1.2.4.51", { name: "JPEG extended", pixelsPerByte: JPEG }],
  ["1.2.840.10008.1.2.4.57", { name: "JPEG lossless", pixelsPerByte: JPEG_LOSSLESS }],
  ["1.2.840.10008.1.2.4.70", { name: "JPEG lossless", pixelsPerByte: JPEG_LOSSLESS }],
  ["1.2.840.10008.1.2.4.80", { name: "JPEG-LS lossless", pixelsPerByte: null }],
  ["1.2.840.10008.1.2.4.81", { name: "JPEG-LS", pixelsPerByte: null }],
  ["1.2.840.10008.1.2.4.90", { name: "JPEG 2000 lossless", pixelsPerByte: null }],
  ["1.2.840.10008.1.2.4.91", { name: "JPEG 2000", pixelsPerByte: null }],
  ["1.2.840.10008.1.2.5", { name: "RLE", pixelsPerByte: RLE }],
]);

/** Pixels of a compressed slice: 8192 x 8192, more than the largest detectors (4096 x 6144 in mammography), and 128 MB when decoded. */
const MAX_COMPRESSED_PIXELS = 2 ** 26;

/** What the compression of a transfer syntax is called. */
export function compressionName(syntax: string): string {
  return COMPRESSIONS.get(syntax)?.name ?? syntax;
}

const PIXEL_DATA = "x7fe00010";
/** The class of the file DICOMDIR. */
const DISC_INDEX = "1.2.840.10008.1.3.10";
const DTYPES: ReadonlyMap<number, readonly [unsigned: SliceDType, signed: SliceDType]> = new Map([
  [8, ["uint8", "int8"]],
  [16, ["uint16", "int16"]],
]);
/** Directions are written with six digits or more; what is further from length 1 and from right angles is no direction. */
const DIRECTION_SLACK = 1e-3;

/** dicom-parser's `parseDicom`; passed in, because the package is loaded only when a folder is read. */
export type ParseDicom = typeof parseDicom;

/**
 * Read one file. Nothing of its bytes is kept.
 *
 * @param bytes - the whole file, which begins as DICOM does
 * @throws InceptionError FILE_CORRUPT, FILE_UNSUPPORTED where the tags do not say which series it belongs to; what else is wrong is its `slice`
 */
export function parseDicomFile(bytes: Uint8Array, file: string, parse: ParseDicom): DicomFile {
  const tags = parseTags(bytes, file, parse, PIXEL_DATA);
  const about = {
    file,
    size: bytes.length,
    seriesUid: tags.text("x0020000e"),
    description: tags.text("x0008103e"),
    modality: tags.text("x00080060"),
  };
  const syntax = tags.text("x00020010");
  const refusal = PLAIN.includes(syntax) || COMPRESSIONS.has(syntax) ? null : unreadable(file, syntax);
  if (about.seriesUid === "") {
    if (tags.text("x00020002") === DISC_INDEX) return { ...about, slice: null };
    // Passed over, a slice that is cut off here would be missing without a word.
    throw refusal ?? dicomError("FILE_CORRUPT", file, `it has no ${label("x0020000e", "SeriesInstanceUID")}, which every image has`);
  }
  if (refusal !== null) return { ...about, slice: refusal };
  if (tags.element(PIXEL_DATA) === null) return { ...about, slice: null };
  try {
    return { ...about, slice: readSlice(tags, bytes, file, parse) };
  } catch (thrown) {
    if (thrown instanceof InceptionError) return { ...about, slice: thrown };
    throw thrown;
  }
}

/** Tags of the file's top level. */
interface Tags {
  readonly element: (tag: string) => Element | null;
  /** Without padding; empty where the tag is missing. */
  readonly text: (tag: string) => string;
  /** An unsigned number of 16 bits. */
  readonly small: (tag: string, name: string) => number;
  /** Decimal numbers. */
  readonly numbers: (tag: string, name: string, count: number) => readonly number[];
}

function parseTags(bytes: Uint8Array, file: string, parse: ParseDicom, untilTag: string | null): Tags {
  // The library would unpack deflated tags without a limit.
  const inflater = (): never => {
    throw unreadable(file, "1.2.840.10008.1.2.1.99");
  };
  const data = guarded(file, () => parse(bytes, untilTag === null ? { inflater } : { inflater, untilTag }));
  const element = (tag: string): Element | null => data.elements[tag] ?? null;
  const text = (tag: string): string => {
    const found = element(tag);
    if (found === null) return "";
    const field = bytes.subarray(found.dataOffset, found.dataOffset + found.length);
    return new TextDecoder("latin1").decode(field).replace(/\0/g, " ").trim();
  };
  return {
    element,
    text,
    small: (tag, name) => {
      const value = element(tag)?.length === 2 ? data.uint16(tag) : undefined;
      if (value !== undefined) return value;
      throw dicomError("FILE_CORRUPT", file, `it has no ${label(tag, name)}, which every image has`);
    },
    numbers: (tag, name, count) => {
      const field = text(tag);
      if (field === "") throw dicomError("FILE_CORRUPT", file, `it has no ${label(tag, name)}, which gives the position of a slice`);
      const values = field.split("\\").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
      if (values.length === count && values.every(Number.isFinite)) return values;
      throw dicomError("FILE_CORRUPT", file, `its ${label(tag, name)} is ${quoted(field)}, expected ${count} numbers`);
    },
  };
}

function label(tag: string, name: string): string {
  return `${name} (${tag.slice(1, 5)},${tag.slice(5)})`;
}

function unreadable(file: string, syntax: string): InceptionError {
  const known = "supported are uncompressed little-endian pixels, RLE, JPEG, JPEG-LS and JPEG 2000";
  return dicomError("FILE_UNSUPPORTED", file, `it is written in the transfer syntax ${quoted(syntax)}; ${known}`);
}

/** The library throws strings, records and errors. */
function guarded<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof InceptionError) throw thrown;
    const inner = typeof thrown === "object" && thrown !== null && "exception" in thrown ? thrown.exception : thrown;
    throw dicomError("FILE_CORRUPT", file, `its tags are damaged or truncated (${messageOf(inner)})`);
  }
}

function readSlice(tags: Tags, bytes: Uint8Array, file: string, parse: ParseDicom): DicomSlice {
  refuseOtherImages(tags, file);
  const shape = [tags.small("x00280011", "Columns"), tags.small("x00280010", "Rows")] as const;
  if (shape.includes(0)) throw dicomError("FILE_CORRUPT", file, `it has ${shape.join(" x ")} pixels, expected positive sizes`);
  const [row = [], column = []] = readDirections(tags, file);
  const [betweenRows = 0, betweenColumns = 0] = tags.numbers("x00280030", "PixelSpacing", 2);
  if (!(betweenRows > 0 && betweenColumns > 0)) {
    throw dicomError("FILE_CORRUPT", file, `its PixelSpacing is ${betweenRows} and ${betweenColumns}, expected positive lengths`);
  }
  const lengths = ["x00180088", "x00180050"].map((tag) => Number(tags.text(tag)));
  const element = readElementType(tags, file);
  return {
    file,
    shape,
    ...element,
    ...readScaling(tags, file),
    position: tags.numbers("x00200032", "ImagePositionPatient", 3),
    orientation: [...row, ...column],
    spacing: [betweenColumns, betweenRows],
    thickness: lengths.find((length) => Number.isFinite(length) && length > 0) ?? null,
    pixels: locatePixels(tags, bytes, file, parse, shape, elementBytes(element.dtype)),
  };
}

/** What has pixels and is no slice of numbers. */
function refuseOtherImages(tags: Tags, file: string): void {
  const frames = Number(tags.text("x00280008") || 1);
  if (frames !== 1) throw dicomError("FILE_UNSUPPORTED", file, `it has ${frames} frames, expected one file per slice`);
  const samples = tags.small("x00280002", "SamplesPerPixel");
  const meaning = tags.text("x00280004");
  if (samples !== 1 || !/^MONOCHROME[12]$/.test(meaning)) {
    throw dicomError("FILE_UNSUPPORTED", file, `its pixels are ${quoted(meaning)} of ${samples} samples, expected one number each`);
  }
  if (tags.element("x00283000") !== null) {
    throw dicomError("FILE_UNSUPPORTED", file, "its values go through a lookup table (0028,3000), expected a slope and an intercept");
  }
}

function readElementType(tags: Tags, file: string): Pick<DicomSlice, "dtype" | "bits"> {
  const allocated = tags.small("x00280100", "BitsAllocated");
  const [bits, high] = [tags.small("x00280101", "BitsStored"), tags.small("x00280102", "HighBit")];
  const dtype = DTYPES.get(allocated)?.[tags.small("x00280103", "PixelRepresentation")];
  if (dtype !== undefined && bits > 0 && bits <= allocated && high === bits - 1) return { dtype, bits };
  const fact = `its pixels are ${bits} bits up to bit ${high} of ${allocated}`;
  throw dicomError("FILE_UNSUPPORTED", file, `${fact}, expected the lowest bits of 8 or 16`);
}

function readScaling(tags: Tags, file: string): Pick<DicomSlice, "slope" | "intercept"> {
  const [slope, intercept] = [Number(tags.text("x00281053") || 1), Number(tags.text("x00281052") || 0)];
  if (Number.isFinite(slope) && slope !== 0 && Number.isFinite(intercept)) return { slope, intercept };
  const fact = `its RescaleSlope is ${quoted(tags.text("x00281053"))} and its RescaleIntercept ${quoted(tags.text("x00281052"))}`;
  throw dicomError("FILE_CORRUPT", file, `${fact}, expected numbers and a slope other than 0`);
}

/** Directions of a row and of a column, brought to length 1. */
function readDirections(tags: Tags, file: string): readonly (readonly number[])[] {
  const values = tags.numbers("x00200037", "ImageOrientationPatient", 6);
  const directions = [values.slice(0, 3), values.slice(3)];
  const [row = [], column = []] = directions;
  const lengths = directions.map((direction) => Math.hypot(...direction));
  const cosine = row.reduce((sum, value, axis) => sum + value * (column[axis] ?? 0), 0);
  if ([lengths[0], lengths[1], 1 + cosine].every((value) => Math.abs((value ?? 0) - 1) <= DIRECTION_SLACK)) {
    return directions.map((direction, which) => direction.map((value) => value / (lengths[which] ?? 1)));
  }
  const fact = `its ImageOrientationPatient (0020,0037) is [${values.join(", ")}]`;
  throw dicomError("FILE_CORRUPT", file, `${fact}, expected two directions of length 1 at right angles`);
}

function locatePixels(
  tags: Tags,
  bytes: Uint8Array,
  file: string,
  parse: ParseDicom,
  shape: DicomSlice["shape"],
  pixelBytes: 1 | 2,
): SlicePixels {
  const syntax = tags.text("x00020010");
  const element = tags.element(PIXEL_DATA);
  const compression = COMPRESSIONS.get(syntax);
  const expected = shape[0] * shape[1] * pixelBytes;
  if (compression !== undefined) {
    const { fragments = [] } = parseTags(bytes, file, parse, null).element(PIXEL_DATA) ?? {};
    const ranges = fragments.map(({ position, length }) => ({ offset: position, length }));
    if (ranges.length === 0 || ranges.some(({ offset, length }) => offset + length > bytes.length)) {
      const fact = `its pixels are not the ${compression.name} stream that its transfer syntax declares, or are truncated`;
      throw dicomError("FILE_CORRUPT", file, fact);
    }
    const streamBytes = ranges.reduce((sum, { length }) => sum + length, 0);
    checkDecodedSize(file, compression, shape, streamBytes, pixelBytes);
    return { compression: syntax, ranges };
  }
  const { dataOffset: offset = 0, length = 0, hadUndefinedLength } = element ?? {};
  // Fields of odd length are padded with a byte.
  if (hadUndefinedLength === true || length !== expected + (expected % 2)) {
    const fact = hadUndefinedLength === true ? "a compressed stream" : `${length} bytes`;
    throw dicomError("FILE_CORRUPT", file, `its pixels are ${fact}, expected ${expected} bytes for its sizes`);
  }
  if (offset + expected > bytes.length) {
    const fact = `its ${expected} bytes of pixels start at byte ${offset}`;
    throw dicomError("FILE_TRUNCATED", file, `${fact}, the file has ${bytes.length} bytes`);
  }
  return { compression: null, ranges: [{ offset, length: expected }] };
}

/** Before a decoder makes room for them: whether there may be as many pixels, and whether the stream can hold them. */
function checkDecodedSize(
  file: string,
  { name, pixelsPerByte }: Compression,
  [columns, rows]: DicomSlice["shape"],
  streamBytes: number,
  pixelBytes: 1 | 2,
): void {
  const pixels = columns * rows;
  if (pixels > MAX_COMPRESSED_PIXELS) {
    const fact = `it declares ${columns} x ${rows} pixels of ${name}, the limit for a compressed slice is ${formatCount(MAX_COMPRESSED_PIXELS)}`;
    throw dicomError("FILE_LIMIT", file, fact);
  }
  if (pixelsPerByte === null) return;
  const needed = Math.ceil(pixels / pixelsPerByte[pixelBytes]);
  if (streamBytes >= needed) return;
  const fact = `its ${streamBytes} bytes of ${name} cannot contain ${columns} x ${rows} pixels, which take at least ${needed}`;
  throw dicomError("FILE_TRUNCATED", file, fact);
}
