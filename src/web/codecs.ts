/// <reference lib="dom" />
/** The decoders of @jsquash: mozjpeg, the png crate, libwebp. docs/browser.md says how their pixels compare with Node's. */
import type { Codecs, DecodedPixels } from "./decode.js";

/** What is used of the modules of @jsquash, whose own types name a namespace that they do not include. */
export interface CodecModules {
  readonly jpeg: EmscriptenCodec;
  readonly png: {
    readonly init: (wasm?: string | WebAssembly.Module) => Promise<unknown>;
    readonly decode: (file: ArrayBuffer) => Promise<DecodedPixels>;
  };
  readonly webp: EmscriptenCodec;
}

interface EmscriptenCodec {
  readonly init: (options: EmscriptenOptions) => Promise<unknown>;
  readonly default: (file: ArrayBuffer) => Promise<DecodedPixels>;
}

interface EmscriptenOptions {
  readonly printErr: (line: string) => void;
  readonly locateFile?: () => string;
  readonly instantiateWasm?: (imports: WebAssembly.Imports, callback: (instance: WebAssembly.Instance) => void) => WebAssembly.Exports;
}

/** The WebAssembly of a decoder: its URL, compiled, or null where it lies beside the decoder's module. */
type CodecWasm = string | WebAssembly.Module | null;

/** Decoders that load their WebAssembly with their first image. */
export function codecsOf(modules: CodecModules, wasm: Readonly<Record<keyof CodecModules, CodecWasm>>): Codecs {
  const complaints: string[] = [];
  const starts = {
    jpeg: once(() => modules.jpeg.init(emscriptenOptions(wasm.jpeg, complaints))),
    png: once(() => modules.png.init(wasm.png ?? undefined)),
    webp: once(() => modules.webp.init(emscriptenOptions(wasm.webp, complaints))),
  };
  return {
    JPEG: async (file) => {
      await starts.jpeg();
      complaints.length = 0;
      const pixels = await modules.jpeg.default(file).catch(() => {
        throw new Error(complaints[0] ?? "no reason given");
      });
      // The decoder fills what is missing with gray.
      const cut = complaints.find((line) => line.startsWith("Premature end"));
      if (cut !== undefined) throw new Error(cut);
      return pixels;
    },
    PNG: async (file) => {
      await starts.png();
      return modules.png.decode(file);
    },
    WebP: async (file) => {
      await starts.webp();
      return modules.webp.default(file);
    },
  };
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | null = null;
  return () => {
    started ??= start();
    return started;
  };
}

function emscriptenOptions(wasm: CodecWasm, complaints: string[]): EmscriptenOptions {
  // What a decoder writes is part of its error.
  const printErr = (line: string) => void complaints.push(line);
  if (wasm === null) return { printErr };
  if (typeof wasm === "string") return { printErr, locateFile: () => wasm };
  return {
    printErr,
    instantiateWasm: (imports, callback) => {
      const instance = new WebAssembly.Instance(wasm, imports);
      callback(instance);
      return instance.exports;
    },
  };
}
