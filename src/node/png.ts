/** Pictures in memory as PNG. */
import { loadOptional } from "./optional-package.js";

/** Three bytes per pixel, row by row from the top. */
interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, data }: RgbPixels): Promise<Buffer> {
  const { default: sharp } = await loadOptional("sharp", "encode a PNG file", () => import("sharp"));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** The same as a `data:` URI, which a page can hold. */
export async function pngUri(picture: RgbPixels): Promise<string> {
  return `data:image/png;base64,${(await encodePng(picture)).toString("base64")}`;
}
