/// <reference lib="dom" />
import type { Batch } from "../data/batch.js";
import type { BatchPlan } from "../data/batches/plan.js";
import type { Made } from "../data/batches/stream.js";
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { type Calls, callsTo } from "../runtime/calls.js";
import type { CancelSignal } from "../runtime/session.js";
import type { FrechetThread } from "../tasks/frechet/frechet-task.js";
import type { CaseThread } from "../tasks/segment/case-task.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { DECODE_LIMITS, type DecodeFileOptions } from "./decode.js";
import type { WebWorker } from "./thread.js";
import type { ImageStart, WorkerResults, WorkerTasks } from "./worker-tasks.js";

/** How the worker of `imageWorker` is started. */
export interface ImageWorkerOptions {
  /** Starts the script `inceptionkit/web/image-worker`, as a module. Default: that script, at the URL that the bundler gave it. */
  readonly startImageWorker?: () => WebWorker;
}

/** Decodes and prepares images in a worker, which starts with the first image. */
export interface ImageWorker {
  /**
   * Decodes a JPEG, PNG or WebP file to RGB pixels. By default the EXIF orientation is applied.
   *
   * @param name - how messages name the image
   * @throws InceptionError FILE_LIMIT, FILE_UNRECOGNIZED, FILE_UNSUPPORTED, IMAGE_INVALID, IMAGE_LIMIT, SESSION_FAILED
   */
  decode(file: Uint8Array, name: string, options?: Partial<DecodeFileOptions> & { readonly signal?: CancelSignal }): Promise<Image>;
  /** Returns the input of a network, float32 [1, C, H, W]. @throws InceptionError IMAGE_INVALID, OPTION_INVALID, SESSION_FAILED */
  prepare(image: Image, preprocessing: Preprocessing): Promise<Float32Tensor>;
  /** Ends the worker; the next image starts another. What is under way rejects with SESSION_CLOSED. */
  close(): void;
}

/** Sources of batches in a worker, by number. */
interface BatchThread {
  open(plan: BatchPlan): Promise<number>;
  make(source: number, epoch: number, batch: number): Promise<Made<Batch>>;
  close(source: number): Promise<void>;
}

/** The same worker, with all that a page has it do. */
export interface PageWorker extends ImageWorker {
  /** A file as a network reads it; its pixels never leave the worker. */
  decodeInput(
    file: Uint8Array,
    name: string,
    preprocessing: Preprocessing,
    options: Partial<DecodeFileOptions> & { readonly signal?: CancelSignal },
  ): Promise<Float32Tensor>;
  readonly inThread: CaseThread;
  readonly frechet: FrechetThread;
  /** Makes batches; batches.ts calls it. */
  readonly batches: BatchThread;
}

/** Returns a decoder of images in a worker of its own, so that the page stays responsive. The worker starts with the first image. */
export function imageWorker(options: ImageWorkerOptions = {}): ImageWorker {
  return pageWorker(options);
}

export function pageWorker(options: ImageWorkerOptions = {}): PageWorker {
  const calls: Calls<WorkerTasks, WorkerResults> = callsTo("decode images", (listener) => {
    const codecs = options.startImageWorker === undefined ? resolvedCodecs() : null;
    const worker = options.startImageWorker?.() ?? (codecs === null ? bundledWorker() : unbundledWorker());
    worker.onmessage = ({ data }) => listener.reply(data);
    worker.onerror = (event) => listener.died(event.message || "its script could not be loaded");
    worker.postMessage({ codecs } satisfies ImageStart, []);
    return {
      post: (message, moved) => worker.postMessage(message, moved),
      // A worker never keeps a page.
      hold: () => {},
      end: () => void worker.terminate(),
    };
  });
  let nextSource = 1;
  return {
    decode: (file, name, { signal, ...how } = {}) =>
      calls.call("decodeImage", { file, name, how: { ...DECODE_LIMITS, ...how } }, withSignal(signal)),
    prepare: (image, preprocessing) => calls.call("prepareImage", { image, preprocessing }),
    decodeInput: (file, name, preprocessing, { signal, ...how }) =>
      calls.call("decodeInput", { file, name, how: { ...DECODE_LIMITS, ...how }, preprocessing }, withSignal(signal)),
    inThread: {
      prepare: (task) => calls.call("prepare", task),
      finish: (task, _, moved) => calls.call("finish", task, moved === undefined ? {} : { moved }),
    },
    frechet: {
      distance: (task, call) => calls.call("distance", task, call),
      kernel: async (task, { onProgress, ...call }) => {
        const result = await calls.call("kernel", task, call);
        onProgress?.(result.subsets, result.subsets);
        return result;
      },
    },
    batches: {
      open: async (plan) => {
        const source = nextSource++;
        await calls.call("openBatches", { source, plan });
        return source;
      },
      make: (source, epoch, batch) => calls.call("makeBatch", { source, epoch, batch }),
      close: async (source) => void (await calls.call("closeBatches", { source })),
    },
    close: () => calls.close(),
  };
}

function withSignal(signal: CancelSignal | undefined): { readonly signal?: CancelSignal } {
  return signal === undefined ? {} : { signal };
}

/** The URLs of the decoders in the page's import map; null without one, where a bundler placed them in the worker's script. */
function resolvedCodecs(): ImageStart["codecs"] {
  try {
    const [jpeg, png, webp] = (["jpeg", "png", "webp"] as const).map((codec) => import.meta.resolve(`@jsquash/${codec}/decode.js`));
    return jpeg === undefined || png === undefined || webp === undefined ? null : { jpeg, png, webp };
  } catch {
    return null;
  }
}

/** The path is right in two ways, as that of thread.ts is. */
function bundledWorker(): Worker {
  return new Worker(new URL("inceptionkit/web/image-worker.js", import.meta.url), { type: "module", name: "images" });
}

function unbundledWorker(): Worker {
  // In two steps, lest a bundler should emit a script that only pages without one use.
  const here = import.meta.url;
  return new Worker(new URL("./image-worker-unbundled.js", here), { type: "module", name: "images" });
}
