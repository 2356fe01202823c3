import type { Image } from "../data/image.js";
import { messageOf } from "../errors.js";
import type { FileInput, ImageInput, VolumeInput } from "../runtime/platform.js";
import { withoutQuery } from "./model-source.js";

/** Whether an input is pixels as `decodeImage` gives them. ImageData has four channels and does not say so. */
export function isImage(source: ImageInput): source is Image {
  return typeof source === "object" && "channels" in source && "data" in source;
}

/** Whether an input is a file: where it is, or its content. */
export function isFileInput(source: ImageInput | VolumeInput): source is FileInput {
  return typeof source === "string" || source instanceof Uint8Array || "href" in source || "arrayBuffer" in source;
}

/** How messages name an image; null for one that has no name. Of a URL its origin and path, since the rest may be secret. */
export function imageName(source: ImageInput): string | null {
  if (typeof source === "string") return messageOf(withoutQuery(source));
  if ("href" in source) return messageOf(withoutQuery(source.href));
  return "name" in source && typeof source.name === "string" && source.name !== "" ? messageOf(source.name) : null;
}

/** The last part of a path or URL: what files say that leave this machine. */
export function sourceTitle(name: string): string {
  return (
    withoutQuery(name)
      .split(/[\\/]/)
      .findLast((part) => part !== "") ?? name
  );
}
