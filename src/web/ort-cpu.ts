/// <reference lib="dom" />
/** The runtime for the CPU, for bundlers. Its WebAssembly is 14 MB. */
import * as ort from "onnxruntime-web/wasm";
import { type BundledRuntime, bundledUrl } from "./open.js";

const wasm = new URL("onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url);
export const runtime: BundledRuntime = { ort, wasm: bundledUrl(wasm, "onnxruntime-web/ort-wasm-simd-threaded.wasm") };
