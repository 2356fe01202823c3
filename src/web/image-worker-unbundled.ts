/// <reference lib="dom" />
/** The script of the worker for images in a page without a bundler, which names the URLs of the decoders. */
import { type CodecModules, codecsOf } from "./codecs.js";
import { serveImages } from "./image-serve.js";

/** A module by its URL, of the kind that its name promises. */
async function load<K extends keyof CodecModules>(url: string): Promise<CodecModules[K]> {
  return (await import(/* @vite-ignore */ /* webpackIgnore: true */ url)) as CodecModules[K];
}

// The types of a worker's global scope are those of a page here, whose postMessage takes an origin.
serveImages(self as unknown as Parameters<typeof serveImages>[0], async ({ codecs }) => {
  if (codecs === null) throw new Error("the page names no decoders");
  const modules = { jpeg: await load<"jpeg">(codecs.jpeg), png: await load<"png">(codecs.png), webp: await load<"webp">(codecs.webp) };
  return codecsOf(modules, { jpeg: null, png: null, webp: null });
});
