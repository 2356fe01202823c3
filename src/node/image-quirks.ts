/** Two things that Pillow takes from a file and the image library does not report. Both read no further than the bytes they are given. */
import { tiffOrientation } from "../data/image-header.js";

/** The first frame of a GIF: where it lies on the canvas, and the color of every pixel that it leaves unpainted. */
export interface GifFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** [red, green, blue] of the palette entry that is marked transparent, or of entry 0; null where the palette has none. */
  readonly hidden: readonly number[] | null;
}

/** Walk the blocks up to the first frame. Null where there is none; such files are damaged. */
export function gifFirstFrame(file: Uint8Array): GifFrame | null {
  const tableBytes = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  const shared = file.subarray(13, 13 + tableBytes(file[10] ?? 0));
  let index = 0;
  let at = 13 + shared.length;
  while (at < file.length && file[at] === 0x21) {
    // A graphic control extension holds 4 bytes: the first has the flag of transparency, the last the palette entry.
    if (file[at + 1] === 0xf9 && file[at + 2] === 4) index = ((file[at + 3] ?? 0) & 1) === 1 ? (file[at + 6] ?? 0) : 0;
    at += 2;
    while (at < file.length && file[at] !== 0) at += 1 + file[at]!;
    at += 1;
  }
  if (file[at] !== 0x2c || at + 10 > file.length) return null;
  const view = new DataView(file.buffer, file.byteOffset + at + 1, 8);
  const own = file.subarray(at + 10, at + 10 + tableBytes(file[at + 9]!));
  const color = Array.from((own.length > 0 ? own : shared).subarray(3 * index, 3 * index + 3));
  return {
    left: view.getUint16(0, true),
    top: view.getUint16(2, true),
    width: view.getUint16(4, true),
    height: view.getUint16(6, true),
    hidden: color.length === 3 ? color : null,
  };
}

/**
 * The orientation in a PNG text chunk "Raw profile type exif", where ImageMagick puts it: a blank line, a name, a length, then
 * the EXIF block in hexadecimal. 1, upright, where there is none or it is damaged.
 */
export function pngTextOrientation(comments: readonly { readonly keyword: string; readonly text: string }[]): number {
  const profile = comments.find(({ keyword }) => keyword === "Raw profile type exif" || keyword === "Raw profile type APP1");
  const hex = profile?.text.split("\n").slice(3).join("").replace(/\s/g, "");
  if (!hex || !/^([0-9a-f]{2})+$/i.test(hex)) return 1;
  const bytes = Buffer.from(hex, "hex");
  return tiffOrientation(bytes.subarray(bytes.toString("latin1", 0, 6) === "Exif\0\0" ? 6 : 0));
}
