/** What the tests of images, sources and the cache call in the page; see browser.ts. */
import type { Image } from "../../src/data/image.js";
import type * as Web from "../../src/web/index.js";
import { sha256Hex } from "../../src/web/sources.js";

// The package as it is built, not the sources beside this file.
const BUILT: string = "inceptionkit/web";
const { imageWorker, modelCache, openSource, readImageInput } = (await import(BUILT)) as typeof Web;

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly sha256: string;
}

export interface VideoFrame {
  readonly width: number;
  readonly height: number;
  readonly left: readonly number[];
  readonly right: readonly number[];
}

const absolute = (url: string) => new URL(url, globalThis.location.href);

async function pixelsOf(image: Image): Promise<Pixels> {
  return { width: image.width, height: image.height, sha256: await sha256Hex(image.data) };
}

/** The same picture, in each form that a page has of it. The picture has no alpha and no color profile. */
export async function decodeInputs(url: string): Promise<Readonly<Record<string, Pixels>>> {
  const worker = imageWorker();
  const blob = await (await fetch(url)).blob();
  const element = new globalThis.Image();
  element.src = url;
  await element.decode();
  const bitmap = await createImageBitmap(blob);
  const canvas = globalThis.document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d");
  context?.drawImage(bitmap, 0, 0);
  const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
  offscreen.getContext("2d")?.drawImage(bitmap, 0, 0);
  const inputs = {
    url: absolute(url),
    text: url,
    blob,
    file: new File([blob], "photo"),
    bytes: new Uint8Array(await blob.arrayBuffer()),
    element,
    bitmap,
    canvas,
    offscreen,
    imageData: context?.getImageData(0, 0, bitmap.width, bitmap.height) ?? new ImageData(1, 1),
  };
  const decoded: Record<string, Pixels> = {};
  for (const [name, input] of Object.entries(inputs)) {
    const read = await readImageInput(input);
    decoded[name] = await pixelsOf("bytes" in read ? await worker.decode(read.bytes, read.name) : read);
  }
  worker.close();
  return decoded;
}

/** The messages of images that cannot be decoded. */
export async function decodingFailures(files: Readonly<Record<string, readonly number[]>>): Promise<readonly string[]> {
  const worker = imageWorker();
  const messages = Object.entries(files).map(([name, bytes]) =>
    worker.decode(Uint8Array.from(bytes), name, { maxPixels: 1000 }).then(() => `${name} decodes`, messageOf),
  );
  const all = await Promise.all(messages);
  const signal = AbortSignal.abort(new Error("stopped"));
  all.push(await worker.decode(Uint8Array.of(1), "late", { signal }).then(() => "it decodes", messageOf));
  worker.close();
  return all;
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Two ranges of a file, read by URL and through a Blob, with the progress of the first. */
export async function readRanges(url: string): Promise<unknown> {
  const progress: unknown[] = [];
  const remote = await openSource(absolute(url), { onProgress: ({ received, total }) => progress.push({ received, total }) });
  const local = await openSource(await (await fetch(url)).blob());
  const read = async (source: Awaited<ReturnType<typeof openSource>>) => [
    ...(await source.read(3, 4)),
    ...(await source.read(source.size - 2, 2)),
  ];
  return { sizes: [remote.size, local.size], remote: await read(remote), local: await read(local), progress };
}

export async function sourceFailures(url: string): Promise<readonly string[]> {
  const open = (source: string, options = {}) => openSource(source, options).then(() => "it opened", messageOf);
  return [
    await open("/dist/none.onnx"),
    await open(url, { maxBytes: 10 }),
    await open(url, { signal: AbortSignal.abort(new Error("stopped")) }),
  ];
}

/** Whether each read of a file came from the cache, with a change of the kept file before the last. */
export async function useCache(url: string): Promise<unknown> {
  const cache = modelCache("test-cache");
  await cache.remove(url);
  const reads = [await cache.read(url), await cache.read(url)];
  const folder = await (await globalThis.navigator.storage.getDirectory()).getDirectoryHandle("test-cache");
  const key = await sha256Hex(new TextEncoder().encode(absolute(url).href));
  const file = await (await folder.getFileHandle(key)).createWritable();
  await file.write("changed");
  await file.close();
  reads.push(await cache.read(url));
  return reads.map(({ bytes, sha256, cached }) => ({ size: bytes.length, sha256, cached }));
}

/** Whether each read of a file that changes on the server came from the cache; `change` makes it another one. */
export async function useChanged(url: string, change: string): Promise<unknown> {
  const cache = modelCache("test-changed");
  await cache.remove(url);
  const reads = [await cache.read(url), await cache.read(url)];
  await fetch(change);
  reads.push(await cache.read(url), await cache.read(url));
  return reads.map(({ bytes, cached }) => ({ text: new TextDecoder().decode(bytes), cached }));
}

/** A frame of a video that is red at the left and blue at the right: its size, and a pixel of each half. */
export async function readVideoFrame(): Promise<VideoFrame> {
  const canvas = globalThis.document.createElement("canvas");
  [canvas.width, canvas.height] = [64, 48];
  const context = canvas.getContext("2d");
  const paint = () => {
    for (const [index, color] of ["#c81e1e", "#1e1ec8"].entries()) {
      if (context !== null) context.fillStyle = color;
      context?.fillRect(32 * index, 0, 32, 48);
    }
  };
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const pieces: Blob[] = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve));
  recorder.start();
  // A frame is recorded when something is painted.
  const painting = setInterval(paint, 20);
  await new Promise((resolve) => setTimeout(resolve, 600));
  clearInterval(painting);
  recorder.stop();
  await stopped;
  const video = globalThis.document.createElement("video");
  video.muted = true;
  video.src = URL.createObjectURL(new Blob(pieces));
  await video.play();
  const read = await readImageInput(video);
  if ("bytes" in read) throw new Error("a video has pixels");
  const { width, height, data } = read;
  const pixel = (x: number) => Array.from(data.subarray(3 * (24 * width + x), 3 * (24 * width + x) + 3));
  return { width, height, left: pixel(8), right: pixel(56) };
}
