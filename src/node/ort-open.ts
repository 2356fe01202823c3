/** Opening models with onnxruntime-node, in the worker thread that runs them. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { MessagePort } from "node:worker_threads";
import type * as OrtModule from "onnxruntime-node";
import type { InferenceSession } from "onnxruntime-node";
import { openOnFirst } from "../runtime/first-device.js";
import type { RealDevice, Reply, Request } from "../runtime/messages.js";
import type { ServerPort } from "../runtime/serve.js";
import type { Device } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import { closeParentPort } from "./close-port.js";
import { CUDA_LIBRARY, devicesToTry, type InstalledDevices } from "./devices.js";
import { loadOptional } from "./optional-package.js";
import type { WorkerStart } from "./ort-messages.js";

export type Ort = typeof OrtModule;

interface OpenedOn<T> {
  readonly ort: Ort;
  readonly device: RealDevice;
  readonly opened: T;
}

/** The device that messages name before one is chosen. */
export function placeOf(device: Device): RealDevice {
  return device === "auto" ? "cpu" : device;
}

/** The thread's end of the connection. */
export function serverPort<Work, Ready>(port: MessagePort | null): ServerPort<Work, Ready> {
  if (port === null) throw new Error("this file is started as a worker thread");
  return {
    post: (reply: Reply<Ready>, buffers) => port.postMessage(reply, buffers),
    // The other side of the port is our own class, which posts nothing else.
    listen: (listener) => port.on("message", (request) => listener(request as Request<Work>)),
    close: () => closeParentPort(port),
  };
}

/**
 * Load the runtime, then what `create` opens on the first device that takes it.
 *
 * @param release - takes back what `create` opened
 */
export async function openOnDevice<T>(
  start: WorkerStart,
  create: (ort: Ort, device: RealDevice) => Promise<T>,
  release: (opened: T) => Promise<void>,
): Promise<OpenedOn<T>> {
  const ort = await loadOptional("onnxruntime-node", `open "${start.name}"`, () => import("onnxruntime-node"));
  // What goes wrong is thrown and carried; the runtime's log would print it a second time, past the program's own output.
  ort.env.logLevel = "fatal";
  const devices = devicesToTry(start.device, installedDevices(ort));
  return { ort, ...(await openOnFirst(start.name, devices, (device) => create(ort, device), release)) };
}

/**
 * What is the same for every model.
 *
 * @param constantFolding - compute what is constant as the model is opened. Default true
 */
export function baseOptions(start: WorkerStart, device: RealDevice, constantFolding = true) {
  return {
    executionProviders: [device],
    intraOpNumThreads: start.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
    // A model is one file. It may name others for its weights, which the runtime would look for in the current folder
    // even for a model in memory; make it look below a file, where none can be.
    extra: {
      session: { model_external_initializers_file_folder_path: path.join(process.execPath, "none") },
      ...(constantFolding ? {} : { optimization: { disable_specified_optimizers: "ConstantFolding" } }),
    },
  } satisfies InferenceSession.SessionOptions;
}

/** A tensor of the runtime over the same memory. bfloat16 never gets here: the runtime opens no model with it. */
export function ortTensor(ort: Ort, { dtype, shape, data }: Tensor): OrtModule.Tensor {
  // The constructor's overloads pair each type with its array; viewBytes makes just these pairs.
  return new ort.Tensor(dtype as "float32", data as Float32Array, [...shape]);
}

function installedDevices(ort: Ort): InstalledDevices {
  const root = path.dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  return {
    providers: ort.listSupportedBackends().map((backend) => backend.name),
    cudaLibrary: existsSync(path.join(root, "bin/napi-v6", process.platform, process.arch, CUDA_LIBRARY)),
    platform: `${process.platform}-${process.arch}`,
  };
}
