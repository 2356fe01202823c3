/// <reference lib="dom" />
import { InceptionError } from "../errors.js";
import type { RealDevice, Reply } from "../runtime/messages.js";
import type { WorkerPort } from "../runtime/remote.js";
import type { CancelSignal } from "../runtime/session.js";
import type { WebStart } from "./start.js";

/** Options that `createWebSession` and `createWebTrainer` share. */
export interface WebOptions {
  /**
   * The directory, as a URL ending in "/", from which onnxruntime-web loads its .wasm file. Default: where the bundler
   * put it; without a bundler that does so, the directory of the worker's script or of the runtime's module.
   */
  readonly wasmPaths?: string;
  /**
   * The URL of onnxruntime-web's module. Default: what "onnxruntime-web/wasm" (on the CPU) or "onnxruntime-web/webgpu"
   * resolves to in the page's import map; without one, the module that the bundler placed in the worker's script.
   */
  readonly runtime?: string;
  /**
   * Starts the worker's script: `inceptionkit/web/worker` for "cpu", `inceptionkit/web/worker-webgpu` for "webgpu", as a
   * module. Default: that script, at the URL that the bundler gave it.
   */
  readonly startWorker?: (device: RealDevice) => WebWorker;
  /** How long opening may take, in milliseconds, with the download of the runtime; default 120,000. `Infinity` waits forever. */
  readonly openTimeoutMs?: number;
}

/** The part of the platform's `Worker` that is used. */
export interface WebWorker {
  onmessage: ((event: MessageEvent) => unknown) | null;
  onerror: ((event: ErrorEvent) => unknown) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
}

// The 27 MB for WebGPU take 108 seconds at 2 Mbit/s.
const OPEN_TIMEOUT_MS = 120_000;

// The longest time that a timer of the platform can take.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws InceptionError OPTION_INVALID when `openTimeoutMs` is no time */
export function checkOpenTimeout(name: string, { openTimeoutMs = OPEN_TIMEOUT_MS }: WebOptions): void {
  if (openTimeoutMs > 0) return;
  const message = `Cannot open "${name}" with openTimeoutMs ${openTimeoutMs}: expected a positive number of milliseconds`;
  throw new InceptionError("OPTION_INVALID", message, { openTimeoutMs });
}

/**
 * Start a worker that runs onnxruntime-web.
 *
 * @param buffers - those in `start` that are moved to it
 * @param signal - ends it while it opens
 */
export function startThread(options: WebOptions, start: WebStart, buffers: ArrayBuffer[], signal?: CancelSignal): WorkerPort {
  const device = runtimeDevice(start.devices);
  const worker = options.startWorker?.(device) ?? (start.runtime === null ? bundledWorker(device) : unbundledWorker());
  const { openTimeoutMs = OPEN_TIMEOUT_MS } = options;
  return {
    post: (message, moved) => worker.postMessage(message, moved),
    // A worker never keeps a page.
    hold: () => {},
    listen: (listener) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        worker.terminate();
        listener.ended();
      };
      const timer =
        openTimeoutMs > MAX_TIMER_MS
          ? undefined
          : setTimeout(() => {
              listener.died(`the worker did not answer within ${openTimeoutMs / 1000} s; raise openTimeoutMs to wait longer`);
              end();
            }, openTimeoutMs);
      const abort = () => {
        listener.died("opening it was aborted");
        end();
      };
      signal?.addEventListener("abort", abort);
      worker.onmessage = ({ data }) => {
        // Posted by serve.ts alone.
        const reply = data as Reply<unknown>;
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
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

/** Where the worker finds the runtime and its WebAssembly. */
export function runtimeLocation(options: WebOptions, devices: readonly RealDevice[]): Pick<WebStart, "runtime" | "wasmPaths"> {
  const { runtime, startWorker, wasmPaths = null } = options;
  if (runtime !== undefined) return { runtime, wasmPaths };
  // A worker of the caller's own brings the runtime along.
  return { runtime: startWorker === undefined ? resolvedRuntime(runtimeDevice(devices)) : null, wasmPaths };
}

/** The device that decides which runtime is loaded: the one for WebGPU has the CPU too, but the other is half its size. */
function runtimeDevice(devices: readonly RealDevice[]): RealDevice {
  return devices.includes("webgpu") ? "webgpu" : "cpu";
}

/** What a bare name stands for in the page; null in a page without an import map, whose bundler resolved it in the worker. */
function resolvedRuntime(device: RealDevice): string | null {
  try {
    return import.meta.resolve(device === "webgpu" ? "onnxruntime-web/webgpu" : "onnxruntime-web/wasm");
  } catch {
    return null;
  }
}

/**
 * Bundlers look for exactly this expression. The path is right in two ways, and both are needed: relative to this file,
 * and as a name that the package exports. Vite 5 and 7 join modules before they look while a page is developed, when this
 * file's directory is forgotten; Vite 8 takes every path as relative. The workers' names differ because webpack joins
 * workers of one name.
 */
function bundledWorker(device: RealDevice): Worker {
  return device === "webgpu"
    ? new Worker(new URL("inceptionkit/web/worker-webgpu.js", import.meta.url), { type: "module", name: "onnxruntime-webgpu" })
    : new Worker(new URL("inceptionkit/web/worker.js", import.meta.url), { type: "module", name: "onnxruntime-cpu" });
}

function unbundledWorker(): Worker {
  // In two steps, lest a bundler should emit a script that only pages without one use.
  const here = import.meta.url;
  return new Worker(new URL("./worker-unbundled.js", here), { type: "module", name: "onnxruntime" });
}
