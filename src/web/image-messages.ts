/** What a page and its worker for images say to each other. */
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import type { CarriedError } from "../runtime/messages.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import type { DecodeLimits } from "./decode.js";

/** The first message: the URLs of the decoders' modules in a page without a bundler, otherwise null. */
export interface ImageStart {
  readonly codecs: Readonly<Record<"jpeg" | "png" | "webp", string>> | null;
}

export type ImageWork =
  | { readonly kind: "decode"; readonly file: Uint8Array; readonly name: string; readonly limits: DecodeLimits }
  | { readonly kind: "prepare"; readonly image: Image; readonly preprocessing: Preprocessing };

export type ImageRequest = ImageWork & { readonly id: number };

export type ImageReply =
  | { readonly id: number; readonly kind: "decoded"; readonly image: Image }
  | { readonly id: number; readonly kind: "prepared"; readonly input: Float32Tensor }
  | { readonly id: number; readonly kind: "failed"; readonly error: CarriedError };
