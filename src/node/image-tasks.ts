/** What threads for images do. */
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { imageBatch } from "../predict/predict.js";
import type { CallTable } from "../runtime/calls.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { type DecodeOptions, decodeImage } from "./decode-image.js";

export interface ImageTasks {
  readonly decodeInput: { readonly source: string | Uint8Array; readonly how: DecodeOptions; readonly preprocessing: Preprocessing };
  readonly prepareImage: { readonly image: Image; readonly preprocessing: Preprocessing };
}

export interface ImageResults {
  readonly decodeInput: Float32Tensor;
  readonly prepareImage: Float32Tensor;
}

export const IMAGE_TABLE: CallTable<ImageTasks, ImageResults> = {
  decodeInput: async ({ source, how, preprocessing }) => imageBatch([await decodeImage(source, how)], preprocessing),
  prepareImage: ({ image, preprocessing }) => imageBatch([image], preprocessing),
};
