/// <reference lib="dom" />
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { errorFrom } from "../runtime/messages.js";
import type { CancelSignal } from "../runtime/session.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { DECODE_LIMITS, type DecodeLimits } from "./decode.js";
import type { ImageReply, ImageStart, ImageWork } from "./image-messages.js";
import type { WebWorker } from "./thread.js";

export interface ImageWorkerOptions {
  /** Starts the script `inceptionkit/web/image-worker`, as a module. Default: that script, at the URL that the bundler gave it. */
  readonly startImageWorker?: () => WebWorker;
}

/** Decodes and prepares images in a worker, which starts with the first image. */
export interface ImageWorker {
  /**
   * Upright RGB pixels of a JPEG, PNG or WebP file.
   *
   * @param name - how messages name the image
   * @throws InceptionError FILE_LIMIT, FILE_UNRECOGNIZED, FILE_UNSUPPORTED, IMAGE_INVALID, IMAGE_LIMIT, SESSION_FAILED
   */
  decode(file: Uint8Array, name: string, options?: Partial<DecodeLimits> & { readonly signal?: CancelSignal }): Promise<Image>;
  /** [1, C, H, W] as a network reads it. */
  prepare(image: Image, preprocessing: Preprocessing): Promise<Float32Tensor>;
  /** Ends the worker; the next image starts another. What is under way rejects with SESSION_CLOSED. */
  close(): void;
}

interface Waiting {
  readonly resolve: (reply: ImageReply) => void;
  readonly reject: (reason: unknown) => void;
}

export function imageWorker(options: ImageWorkerOptions = {}): ImageWorker {
  const waiting = new Map<number, Waiting>();
  let worker: WebWorker | null = null;
  let nextId = 1;
  const end = (reason: InceptionError) => {
    worker?.terminate();
    worker = null;
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
  };
  const started = (): WebWorker => {
    if (worker !== null) return worker;
    const codecs = options.startImageWorker === undefined ? resolvedCodecs() : null;
    worker = options.startImageWorker?.() ?? (codecs === null ? bundledWorker() : unbundledWorker());
    worker.onmessage = ({ data }) => {
      // Posted by image-serve.ts alone.
      const reply = data as ImageReply;
      waiting.get(reply.id)?.resolve(reply);
      waiting.delete(reply.id);
    };
    worker.onerror = (event) => {
      const cause = event.message || "its script could not be loaded";
      end(new InceptionError("SESSION_FAILED", `Cannot decode images: the worker failed: ${cause}`, { cause }));
    };
    worker.postMessage({ codecs } satisfies ImageStart, []);
    return worker;
  };
  const ask = async (work: ImageWork, signal?: CancelSignal): Promise<ImageReply> => {
    if (signal?.aborted) throw signal.reason;
    const id = nextId++;
    let abort = () => {};
    try {
      const reply = await new Promise<ImageReply | null>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        // The worker's answer comes too late then, and is dropped.
        abort = () => resolve(null);
        signal?.addEventListener("abort", abort);
        started().postMessage({ ...work, id }, []);
      });
      if (reply === null) throw signal?.reason;
      if (reply.kind === "failed") throw errorFrom(reply.error);
      return reply;
    } finally {
      waiting.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  };
  return {
    decode: async (file, name, { signal, ...limits } = {}) => {
      const reply = await ask({ kind: "decode", file, name, limits: { ...DECODE_LIMITS, ...limits } }, signal);
      if (reply.kind !== "decoded") throw new Error(`the worker for images answered "${reply.kind}"`);
      return reply.image;
    },
    prepare: async (image, preprocessing) => {
      const reply = await ask({ kind: "prepare", image, preprocessing });
      if (reply.kind !== "prepared") throw new Error(`the worker for images answered "${reply.kind}"`);
      return reply.input;
    },
    close: () => end(new InceptionError("SESSION_CLOSED", "Cannot decode images: the worker is closed", {})),
  };
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
