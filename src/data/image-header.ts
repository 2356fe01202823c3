/** What the header of a JPEG, PNG or WebP file says, read before any memory is taken for pixels. No function reads past its bytes. */

interface ImageHeader {
  readonly width: number;
  readonly height: number;
  /** EXIF tag 274, 1 to 8; 1 where there is none. */
  readonly orientation: number;
}

/** The formats whose headers are read here. */
type HeaderFormat = "JPEG" | "PNG" | "WebP";

/** Null where the file ends before its size is known, or is damaged. */
export function readImageHeader(file: Uint8Array, format: HeaderFormat): ImageHeader | null {
  if (format === "JPEG") return jpegHeader(file);
  return format === "PNG" ? pngHeader(file) : webpHeader(file);
}

const viewOf = (file: Uint8Array) => new DataView(file.buffer, file.byteOffset, file.byteLength);
const textAt = (file: Uint8Array, at: number, length: number) => String.fromCharCode(...file.subarray(at, at + length));

/** Start of frame, of any kind: C0 to CF without the tables (C4), the extension (C8) and the arithmetic conditions (CC). */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function jpegHeader(file: Uint8Array): ImageHeader | null {
  const view = viewOf(file);
  let orientation = 1;
  for (let at = 2; at + 4 <= file.length; ) {
    // Bytes between segments are skipped, as decoders skip them, and so are fill bytes.
    if (file[at] !== 0xff || file[at + 1] === 0xff || file[at + 1] === 0) {
      at += 1;
      continue;
    }
    const marker = file[at + 1]!;
    // Markers without a length: TEM, and restarts and starts, which do not belong here.
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (isFrame(marker)) {
      return at + 9 <= file.length ? { height: view.getUint16(at + 5), width: view.getUint16(at + 7), orientation } : null;
    }
    if (marker === 0xe1 && textAt(file, at + 4, 6) === "Exif\0\0") orientation = tiffOrientation(file.subarray(at + 10, at + 2 + length));
    // Scans begin: no frame will follow.
    if (marker === 0xda || length < 2) return null;
    at += 2 + length;
  }
  return null;
}

function pngHeader(file: Uint8Array): ImageHeader | null {
  const view = viewOf(file);
  if (file.length < 24 || textAt(file, 12, 4) !== "IHDR") return null;
  let orientation: number | null = null;
  for (let at = 8; at + 12 <= file.length && orientation === null; ) {
    const [length, kind] = [view.getUint32(at), textAt(file, at + 4, 4)];
    const content = file.subarray(at + 8, at + 8 + length);
    if (kind === "eXIf") orientation = tiffOrientation(content);
    at += 12 + length;
  }
  return { width: view.getUint32(16), height: view.getUint32(20), orientation: orientation ?? 1 };
}

function webpHeader(file: Uint8Array): ImageHeader | null {
  const view = viewOf(file);
  if (file.length < 30) return null;
  const kind = textAt(file, 12, 4);
  if (kind === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, orientation: 1 };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, orientation: 1 };
  }
  if (kind !== "VP8X") return null;
  const uint24 = (at: number) => view.getUint16(at, true) + file[at + 2]! * 65536;
  return { width: uint24(24) + 1, height: uint24(27) + 1, orientation: webpOrientation(file) };
}

function webpOrientation(file: Uint8Array): number {
  const view = viewOf(file);
  for (let at = 12; at + 8 <= file.length; ) {
    const length = view.getUint32(at + 4, true);
    if (textAt(file, at, 4) === "EXIF") {
      const start = at + 8 + (textAt(file, at + 8, 6) === "Exif\0\0" ? 6 : 0);
      return tiffOrientation(file.subarray(start, at + 8 + length));
    }
    // Chunks are padded to an even length.
    at += 8 + length + (length % 2);
  }
  return 1;
}

/** EXIF tag of the orientation. */
const ORIENTATION = 274;
/** Entries of an image file directory that are looked at: cameras write under a hundred. */
const MAX_ENTRIES = 1000;

/** Tag 274 of the first directory of a TIFF block, as EXIF is one; 1 where there is none or the block is damaged. */
export function tiffOrientation(block: Uint8Array): number {
  const view = viewOf(block);
  if (block.length < 8) return 1;
  const little = block[0] === 0x49;
  const directory = view.getUint32(4, little);
  if (directory + 2 > block.length) return 1;
  const entries = Math.min(MAX_ENTRIES, view.getUint16(directory, little));
  for (let entry = 0, at = directory + 2; entry < entries && at + 12 <= block.length; entry++, at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}
