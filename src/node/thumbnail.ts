import type { Image } from "../data/image.js";
import { loadOptional } from "./optional-package.js";

/** Side of a small picture of a page, in pixels. */
const PICTURE_SIDE = 160;

/** A small picture of an image as a `data:` URI; small images are enlarged without smoothing. */
export async function thumbnail(image: Image): Promise<string> {
  const { default: sharp } = await loadOptional("sharp", "draw the images of the report", () => import("sharp"));
  const raw = { width: image.width, height: image.height, channels: image.channels };
  const enlarged = Math.max(image.width, image.height) < PICTURE_SIDE;
  const resized = sharp(image.data, { raw }).resize(PICTURE_SIDE, PICTURE_SIDE, {
    fit: "inside",
    kernel: enlarged ? "nearest" : "lanczos3",
  });
  const bytes = await resized.jpeg({ quality: 82 }).toBuffer();
  return `data:image/jpeg;base64,${bytes.toString("base64")}`;
}
