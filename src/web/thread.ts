/// <reference lib="dom" />
import type { Reply } from "../runtime/messages.js";
import type { WorkerPort } from "../runtime/remote.js";
import type { OrtModules, WebStart } from "./start.js";

/** What is common to the options of `createWebSession` and `createWebTrainer`. */
export interface WebOptions {
  /**
   * The folder, as a URL ending in "/", from which onnxruntime-web loads its .wasm files. Default: that of its module,
   * which is right where the package is served as it was installed.
   */
  readonly wasmPaths?: string;
  /**
   * The URL of onnxruntime-web's module. Default: what "onnxruntime-web/wasm" (for `device: "cpu"`) or
   * "onnxruntime-web/webgpu" resolves to in the page's import map or, in its absence, in the worker's bundle.
   */
  readonly runtime?: string;
  /** Starts the worker script `inceptionkit/dist/web/worker.js`. Default: `new Worker(…, { type: "module" })`. */
  readonly startWorker?: () => WebWorker;
}

/** The part of the platform's `Worker` that is used. */
export interface WebWorker {
  onmessage: ((event: MessageEvent) => unknown) | null;
  onerror: ((event: ErrorEvent) => unknown) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
}

/** Start a worker that runs onnxruntime-web. @param buffers - those in `start` that are moved to it */
export function startThread(options: WebOptions, start: WebStart, buffers: ArrayBuffer[]): WorkerPort {
  const worker = options.startWorker?.() ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "onnxruntime" });
  return {
    post: (message, moved) => worker.postMessage(message, moved),
    // A worker never keeps a page.
    hold: () => {},
    listen: (listener) => {
      const end = () => {
        worker.terminate();
        listener.ended();
      };
      worker.onmessage = ({ data }) => {
        // Posted by serve.ts alone.
        const reply = data as Reply<unknown>;
        listener.message(reply);
        if (reply.kind === "closed" || reply.kind === "refused") end();
      };
      worker.onerror = (event) => {
        // A script that cannot be loaded gives an event without a message.
        listener.died(`the worker failed: ${event.message || "its script could not be loaded"}`);
        end();
      };
      worker.postMessage(start, buffers);
    },
  };
}

export function ortModules(options: WebOptions): OrtModules {
  if (options.runtime !== undefined) return { cpu: options.runtime, webgpu: options.runtime };
  return { cpu: resolved("onnxruntime-web/wasm"), webgpu: resolved("onnxruntime-web/webgpu") };
}

/** What a bare name stands for in the page; null in a page without an import map, whose bundler has resolved it in the worker. */
function resolved(module: string): string | null {
  try {
    return import.meta.resolve(module);
  } catch {
    return null;
  }
}
