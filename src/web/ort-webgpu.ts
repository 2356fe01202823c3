/// <reference lib="dom" />
/** The runtime for WebGPU and the CPU, for bundlers. Its WebAssembly is 27 MB. */
import * as ort from "onnxruntime-web/webgpu";
import { type BundledRuntime, bundledUrl } from "./open.js";

const wasm = new URL("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm", import.meta.url);
export const runtime: BundledRuntime = { ort, wasm: bundledUrl(wasm, "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm") };
