/**
 * What a file is, from its first bytes. The image library guesses too, and more widely: it would render SVG and ask
 * for decoders of formats nobody audits. So a file reaches it only when the content is one of six formats.
 */

/** The formats that are decoded, by the names that messages use. */
export const IMAGE_FORMATS = ["AVIF", "GIF", "JPEG", "PNG", "TIFF", "WebP"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** Accepted; recognized but never decoded; or unknown. */
type SniffResult =
  | { readonly kind: "image"; readonly format: ImageFormat }
  | { readonly kind: "refused"; readonly what: string }
  | { readonly kind: "unknown" };

/** Largest file of an image, in bytes: ten times a large photograph. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

/** Enough for every magic number and for a text document to show what it is. */
const SNIFF_BYTES = 1024;

interface Magic {
  readonly at: number;
  /** Characters of code 0 to 255. */
  readonly bytes: string;
}

const start = (bytes: string): readonly Magic[] => [{ at: 0, bytes }];

const ACCEPTED: readonly (readonly [ImageFormat, readonly Magic[]])[] = [
  ["JPEG", start("\xff\xd8\xff")],
  ["PNG", start("\x89PNG\r\n\x1a\n")],
  ["GIF", start("GIF87a")],
  ["GIF", start("GIF89a")],
  ["WebP", [...start("RIFF"), { at: 8, bytes: "WEBP" }]],
  ["TIFF", start("II*\0")],
  ["TIFF", start("MM\0*")],
  ["TIFF", start("II+\0")],
  ["TIFF", start("MM\0+")],
];

/** For a helpful message only: what is not in the list of six is refused anyway. Looked at before ACCEPTED. */
const REFUSED: readonly (readonly [what: string, readonly Magic[]])[] = [
  ["a Canon camera raw file", [...start("II*\0"), { at: 8, bytes: "CR" }]],
  ["PDF", start("%PDF")],
  ["JPEG 2000", start("\0\0\0\x0cjP  \r\n\x87\n")],
  ["JPEG 2000", start("\xff\x4f\xff\x51")],
  ["JPEG XL", start("\xff\x0a")],
  ["JPEG XL", start("\0\0\0\x0cJXL \r\n\x87\n")],
  ["BMP", start("BM")],
  ["Photoshop", start("8BPS")],
  ["an icon", start("\0\0\x01\0")],
  ["OpenEXR", start("v/1\x01")],
  ["Radiance HDR", start("#?")],
  ["FITS", start("SIMPLE  =")],
  ["a ZIP archive", start("PK\x03\x04")],
  ["gzip-compressed", start("\x1f\x8b")],
  ["a NumPy array", start("\x93NUMPY")],
  ...[..."1234567"].map((digit) => [`a P${digit} portable anymap`, start(`P${digit}\n`)] as const),
];

/** Decide by content alone; names lie. */
export function sniffImage(file: Uint8Array): SniffResult {
  const head = Array.from(file.subarray(0, SNIFF_BYTES), (byte) => String.fromCharCode(byte)).join("");
  const matches = (magics: readonly Magic[]) => magics.every(({ at, bytes }) => head.startsWith(bytes, at));
  const refused = REFUSED.find(([, magics]) => matches(magics));
  if (refused) return { kind: "refused", what: refused[0] };
  const accepted = ACCEPTED.find(([, magics]) => matches(magics));
  if (accepted) return { kind: "image", format: accepted[0] };
  if (head.startsWith("ftyp", 4)) return sniffBoxes(head);
  if (/^(\xef\xbb\xbf)?\s*<(\?xml|!doctype svg|!--|svg)/i.test(head)) {
    return { kind: "refused", what: /<svg/i.test(head) ? "SVG" : "XML or HTML" };
  }
  return { kind: "unknown" };
}

/** ISO base media: the first box lists brands; "avif" is a still AV1 image, while "heic" and its kin need another decoder. */
function sniffBoxes(head: string): SniffResult {
  const length = [0, 1, 2, 3].reduce((sum, i) => sum * 256 + head.charCodeAt(i), 0);
  const brands: string[] = [];
  for (let at = 8; at + 4 <= Math.min(length, head.length); at += 4) if (at !== 12) brands.push(head.slice(at, at + 4));
  if (brands[0] === "avis") return { kind: "refused", what: "an AVIF image sequence" };
  if (brands.includes("avif")) return { kind: "image", format: "AVIF" };
  return { kind: "refused", what: brands.some((brand) => /^(hei|hev|mif|msf)/.test(brand)) ? "HEIF" : "an ISO media file" };
}
