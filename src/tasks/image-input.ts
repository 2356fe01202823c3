import type { Image } from "../data/image.js";
import type { ImageInput } from "../runtime/platform.js";

/** Whether an input is pixels as `decodeImage` gives them. ImageData has four channels and does not say so. */
export function isImage(source: ImageInput): source is Image {
  return typeof source === "object" && "channels" in source && "data" in source;
}
