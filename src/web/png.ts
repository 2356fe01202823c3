/// <reference lib="dom" />
import type { Image } from "../data/image.js";
import { InceptionError } from "../errors.js";
import type { OwnBytes } from "../tensor/own-bytes.js";

/** The bytes of a PNG file. Opaque pixels go through a canvas unchanged. */
export async function encodePng({ width, height, data }: Image): Promise<OwnBytes> {
  const pixels = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    pixels.data.set(data.subarray(from, from + 3), to);
    pixels.data[to + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new InceptionError("SOURCE_INVALID", "Cannot encode a PNG file: the browser offers no canvas", {});
  context.putImageData(pixels, 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}
