/** Pictures in memory as PNG. */

/** Three bytes per pixel, row by row from the top. */
interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

interface EncodePngOptions {
  /** A smaller picture is enlarged by an integer factor until its longer side has at least this many pixels. Default: as it is. */
  readonly leastPixels?: number;
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, data }: RgbPixels, { leastPixels = 0 }: EncodePngOptions = {}): Promise<Buffer> {
  const factor = Math.max(1, Math.ceil(leastPixels / Math.max(width, height)));
  const { default: sharp } = await import("sharp");
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  const enlarged = factor === 1 ? picture : picture.resize(width * factor, height * factor, { kernel: "lanczos3" });
  return enlarged.png({ compressionLevel: 9 }).toBuffer();
}

/** The same as a `data:` URI, which a page can hold. */
export async function pngUri(picture: RgbPixels, options: EncodePngOptions = {}): Promise<string> {
  return `data:image/png;base64,${(await encodePng(picture, options)).toString("base64")}`;
}
