/// <reference lib="dom" />
/** The script of the worker for images, for bundlers: it comes with the decoders. */
import * as jpeg from "@jsquash/jpeg/decode.js";
import * as png from "@jsquash/png/decode.js";
import * as webp from "@jsquash/webp/decode.js";
import { codecsOf } from "../../codecs.js";
import { serveImages } from "../../image-serve.js";
import { bundledUrl } from "../../open.js";

const wasm = {
  jpeg: bundledUrl(new URL("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm", import.meta.url), "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"),
  png: bundledUrl(new URL("@jsquash/png/codec/pkg/squoosh_png_bg.wasm", import.meta.url), "@jsquash/png/codec/pkg/squoosh_png_bg.wasm"),
  webp: bundledUrl(new URL("@jsquash/webp/codec/dec/webp_dec.wasm", import.meta.url), "@jsquash/webp/codec/dec/webp_dec.wasm"),
};

// The types of a worker's global scope are those of a page here, whose postMessage takes an origin.
serveImages(self as unknown as Parameters<typeof serveImages>[0], async () => codecsOf({ jpeg, png, webp }, wasm));
