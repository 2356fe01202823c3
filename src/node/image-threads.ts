/** Threads that decode large images and prepare them for a network, so that the event loop goes on meanwhile. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { imageBatch } from "../predict/predict.js";
import { type CallListener, type Calls, type CallWorker, callsTo } from "../runtime/calls.js";
import type { CallOptions } from "../runtime/platform.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { createBudget } from "./budget.js";
import { type DecodeOptions, openImage } from "./decode-image.js";
import { MAX_DECODED_BYTES } from "./image-inputs.js";
import type { ImageResults, ImageTasks } from "./image-tasks.js";
import { factOf } from "./system-error.js";

/** Pixels that are resized in less time than a thread takes to start: about 10 ms. */
const FEW_PIXELS = 2 ** 20;

/** More would only hold pixels: so many images are decoded at once. */
const MAX_THREADS = 4;

export interface ImageThreads {
  /** A file, given by its path or bytes, as a network reads it: [1, C, H, W]. @throws InceptionError as `decodeImage` */
  prepareFile(source: string | Uint8Array, how: DecodeOptions, preprocessing: Preprocessing, options: CallOptions): Promise<Float32Tensor>;
  /** Pixels as a network reads them. */
  preparePixels(image: Image, preprocessing: Preprocessing, options: CallOptions): Promise<Float32Tensor>;
  /** Ends the threads; what is under way rejects with SESSION_CLOSED. A later image starts others. */
  close(): void;
}

/** Threads that start with the first large image and do not keep the process alive. Small images are prepared in place. */
export function imageThreads(): ImageThreads {
  const threads: Calls<ImageTasks, ImageResults>[] = [];
  const pixels = createBudget(MAX_DECODED_BYTES);
  const most = Math.min(MAX_THREADS, availableParallelism());
  /** One that has nothing to do; a new one while there are few; else the one with the least to do. */
  const chosen = (): Calls<ImageTasks, ImageResults> => {
    const idle = threads.find((thread) => thread.pending() === 0);
    if (idle !== undefined) return idle;
    if (threads.length < most) {
      const added = callsTo<ImageTasks, ImageResults>("prepare images", startThread);
      threads.push(added);
      return added;
    }
    return threads.reduce((least, each) => (each.pending() < least.pending() ? each : least));
  };
  return {
    prepareFile: async (source, how, preprocessing, options) => {
      const opened = await openImage(source, how);
      if (opened.pixels <= FEW_PIXELS) return imageBatch([await opened.decode()], preprocessing);
      return pixels.spend(opened.decodedBytes, () => chosen().call("decodeInput", { source, how, preprocessing }, options));
    },
    preparePixels: async (image, preprocessing, options) => {
      if (image.width * image.height <= FEW_PIXELS) return imageBatch([image], preprocessing);
      return chosen().call("prepareImage", { image, preprocessing }, options);
    },
    close: () => {
      for (const thread of threads.splice(0)) thread.close();
    },
  };
}

/** Prepares images in the calling thread, with the same bound on the decoded pixels that are in memory at once. */
export function imagesInPlace(): Omit<ImageThreads, "close"> {
  const pixels = createBudget(MAX_DECODED_BYTES);
  return {
    prepareFile: async (source, how, preprocessing) => {
      const opened = await openImage(source, how);
      return pixels.spend(opened.decodedBytes, async () => imageBatch([await opened.decode()], preprocessing));
    },
    preparePixels: async (image, preprocessing) => imageBatch([image], preprocessing),
  };
}

function startThread(listener: CallListener): CallWorker {
  // Options of this process, such as a loader, are not the thread's.
  const worker = new Worker(new URL("./image-worker.js", import.meta.url), { name: "images", execArgv: [] });
  worker.on("message", (message) => listener.reply(message));
  worker.once("error", (thrown) => listener.died(factOf(thrown)));
  worker.once("exit", (code) => listener.died(`exit code ${code}`));
  worker.unref();
  return {
    post: (message, moved) => worker.postMessage(message, moved),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    // Not ended by force: a decoder may be at work in it. Closing the port lets it end when it is done.
    end: () => worker.postMessage(null),
  };
}
