/// <reference lib="dom" />
/** Opening models with onnxruntime-web, in the worker that runs them. */
import type * as OrtModule from "onnxruntime-web/webgpu";
import { InceptionError } from "../errors.js";
import { openOnFirst } from "../runtime/first-device.js";
import type { RealDevice } from "../runtime/messages.js";
import type { Device } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { WebStart } from "./start.js";

export type Ort = typeof OrtModule;

interface OpenedOn<T> {
  readonly ort: Ort;
  readonly device: RealDevice;
  readonly opened: T;
}

/**
 * Load the runtime, then what `create` opens on the first device that takes it.
 *
 * @param release - takes back what `create` opened
 */
export async function openOnDevice<T>(
  start: WebStart,
  create: (ort: Ort, device: RealDevice) => Promise<T>,
  release: (opened: T) => Promise<void>,
): Promise<OpenedOn<T>> {
  const devices = await devicesToTry(start.device);
  const ort = await loadRuntime(start, devices.includes("webgpu"));
  return { ort, ...(await openOnFirst(start.name, devices, (device) => create(ort, device), release)) };
}

/** The module that is smaller where it suffices: 14 MB of WebAssembly without WebGPU, 27 MB with it. */
async function loadRuntime(start: WebStart, webgpu: boolean): Promise<Ort> {
  const url = webgpu ? start.modules.webgpu : start.modules.cpu;
  // A bundler must leave the first import alone and follow the others.
  const ort = await (url !== null
    ? (import(/* @vite-ignore */ url) as Promise<Ort>)
    : webgpu
      ? import("onnxruntime-web/webgpu")
      : import("onnxruntime-web/wasm"));
  // What goes wrong is thrown and carried; the runtime's log would print it a second time.
  ort.env.logLevel = "fatal";
  if (start.wasmPaths !== null) ort.env.wasm.wasmPaths = start.wasmPaths;
  ort.env.wasm.numThreads = threadCount(start.threads);
  return ort;
}

/** Threads share memory, which a page has only when it is cross-origin isolated; other platforms do not say and can. */
function threadCount(wanted: number): number {
  const { crossOriginIsolated, navigator } = globalThis as Partial<typeof globalThis>;
  if (crossOriginIsolated === false) return 1;
  return wanted || navigator?.hardwareConcurrency || 1;
}

/** @throws InceptionError DEVICE_UNAVAILABLE */
async function devicesToTry(device: Device): Promise<readonly RealDevice[]> {
  if (device === "cpu") return ["cpu"];
  if (device === "cuda") {
    throw new InceptionError("DEVICE_UNAVAILABLE", 'Cannot use device "cuda": onnxruntime-web offers cpu, webgpu', { device });
  }
  const { navigator } = globalThis as Partial<typeof globalThis>;
  const adapter = (await navigator?.gpu?.requestAdapter()) ?? null;
  // A software adapter computes on the CPU, but slower than WebAssembly does.
  if (device === "auto") return adapter && !adapter.info.isFallbackAdapter ? ["webgpu", "cpu"] : ["cpu"];
  if (adapter === null) {
    throw new InceptionError("DEVICE_UNAVAILABLE", 'Cannot use device "webgpu": the browser offers no adapter for it', { device });
  }
  return ["webgpu"];
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
