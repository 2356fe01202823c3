/** What images and files can be given as, on every platform. */
import type { Image } from "./image.js";

/** A Blob or File, as far as it is used. */
export interface BlobLike {
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A URL object, as far as it is used. */
interface UrlLike {
  readonly href: string;
  readonly protocol: string;
  readonly pathname: string;
}

/** A file: where it is (a path, a URL, a name that the platform knows), or its content. */
export type FileInput = string | UrlLike | Uint8Array | BlobLike;

/**
 * An image: pixels, an encoded file (JPEG, PNG, WebP and what else the platform decodes), or where one is. In a page also
 * what shows pixels: ImageData, ImageBitmap, and the elements of images, canvases and videos.
 */
export type ImageInput = Image | FileInput | PixelsOfPage;

/** What a page draws: each has a width and a height of its own kind, which only the browser platform looks at. */
type PixelsOfPage = { readonly width: number | object; readonly height: number | object };
