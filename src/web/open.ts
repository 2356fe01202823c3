/// <reference lib="dom" />
/** Opening models with onnxruntime-web, in the worker that runs them. */
import type * as OrtModule from "onnxruntime-web/webgpu";
import { openOnFirst } from "../runtime/first-device.js";
import type { RealDevice } from "../runtime/messages.js";
import type { Tensor } from "../tensor/tensor.js";
import type { WebStart } from "./start.js";

export type Ort = typeof OrtModule;

/** The runtime that a bundler placed in the worker's script. */
export interface BundledRuntime {
  readonly ort: Ort;
  /** Where the bundler put the runtime's WebAssembly; null where it left that to the page's author. */
  readonly wasm: string | null;
}

/** A file's URL as a bundler rewrote it; null where it left the URL as it is `written` in the source. */
export function bundledUrl({ href, pathname }: URL, written: string): string | null {
  return pathname.endsWith(`/${written}`) ? null : href;
}

interface OpenedOn<T> {
  readonly ort: Ort;
  readonly device: RealDevice;
  readonly opened: T;
}

/**
 * Load the runtime, then what `create` opens on the first device that takes it.
 *
 * @param bundled - the runtime to use where the page gives no URL of one
 * @param release - takes back what `create` opened
 */
export async function openOnDevice<T>(
  start: WebStart,
  bundled: BundledRuntime | null,
  create: (ort: Ort, device: RealDevice) => Promise<T>,
  release: (opened: T) => Promise<void>,
): Promise<OpenedOn<T>> {
  const ort = await loadRuntime(start, bundled);
  return { ort, ...(await openOnFirst(start.name, start.devices, (device) => create(ort, device), release)) };
}

async function loadRuntime(start: WebStart, bundled: BundledRuntime | null): Promise<Ort> {
  const ort = start.runtime === null ? bundled?.ort : ((await import(/* @vite-ignore */ /* webpackIgnore: true */ start.runtime)) as Ort);
  if (ort === undefined) throw new Error("the worker's script includes no runtime; pass the URL of one as runtime");
  // What goes wrong is thrown and carried; the runtime's log would print it a second time.
  ort.env.logLevel = "fatal";
  if (start.wasmPaths !== null) ort.env.wasm.wasmPaths = start.wasmPaths;
  else if (start.runtime === null && bundled?.wasm != null) ort.env.wasm.wasmPaths = { wasm: bundled.wasm };
  ort.env.wasm.numThreads = threadCount(start.threads);
  return ort;
}

/** Threads share memory, which a page has only when it is cross-origin isolated; other platforms do not say and can. */
function threadCount(wanted: number): number {
  const { crossOriginIsolated, navigator } = globalThis as Partial<typeof globalThis>;
  if (crossOriginIsolated === false) return 1;
  return wanted || navigator?.hardwareConcurrency || 1;
}

export function sessionOptions(device: RealDevice): OrtModule.InferenceSession.SessionOptions {
  return {
    executionProviders: [device === "webgpu" ? "webgpu" : "wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
  };
}

/** A tensor of the runtime over the same memory. bfloat16 never gets here: the runtime opens no model with it. */
export function ortTensor(ort: Ort, { dtype, shape, data }: Tensor): OrtModule.Tensor {
  // The constructor's overloads pair each type with its array; viewBytes makes just these pairs.
  return new ort.Tensor(dtype as "float32", data as Float32Array, [...shape]);
}

type InferenceSession = OrtModule.InferenceSession;

export interface RenewableSession {
  readonly run: (
    feeds: OrtModule.InferenceSession.FeedsType,
    fetches?: readonly string[],
  ) => Promise<OrtModule.InferenceSession.ReturnType>;
  readonly release: () => Promise<void>;
}

/**
 * A session that is opened anew after a run that failed, where it must be: on WebGPU the next run of the same session
 * would never end (onnxruntime-web 1.30.0). The memory of the old one is given back with the worker's.
 */
export function renewable(opened: InferenceSession, device: RealDevice, open: () => Promise<InferenceSession>): RenewableSession {
  let session = opened;
  return {
    run: async (feeds, fetches) => {
      try {
        return await (fetches === undefined ? session.run(feeds) : session.run(feeds, fetches));
      } catch (thrown) {
        if (device === "webgpu") session = await open();
        throw thrown;
      }
    },
    release: () => session.release(),
  };
}
