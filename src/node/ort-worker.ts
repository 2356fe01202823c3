/**
 * The thread that onnxruntime-node runs in. Its calls block the thread that makes them, so they are made here, one at a
 * time, in the order of the requests.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type * as OrtModule from "onnxruntime-node";
import type { InferenceSession } from "onnxruntime-node";
import { InceptionError, messageOf } from "../errors.js";
import type { TensorInfo } from "../runtime/session.js";
import { isDType, viewBytes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { CUDA_LIBRARY, devicesToTry, type InstalledDevices } from "./devices.js";
import {
  type CarriedError,
  exitGuard,
  packTensors,
  type RealDevice,
  type Reply,
  type Request,
  type Tensors,
  type WorkerStart,
} from "./ort-messages.js";

type Ort = typeof OrtModule;

interface OpenModel {
  readonly ort: Ort;
  readonly session: InferenceSession;
  readonly device: RealDevice;
}

// The thread is started by ort-session.ts alone, with exactly this record.
const start = workerData as WorkerStart;
const guard = exitGuard(start.cells);

async function main(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("ort-worker.js is started as a worker thread");
  const reply = (message: Reply, buffers: ArrayBuffer[] = []) => port.postMessage(message, buffers);

  let model: OpenModel | null;
  try {
    model = await guard.during(openModel);
    if (model === null) return;
    const { device, session } = model;
    reply({ kind: "ready", device, inputs: session.inputMetadata.map(tensorInfo), outputs: session.outputMetadata.map(tensorInfo) });
  } catch (thrown) {
    reply({ kind: "refused", error: carried(thrown, "Cannot open") });
    return;
  }

  const opened = model;
  let last = Promise.resolve();
  port.on("message", (request: Request) => {
    last = last.then(async () => {
      if (request.kind === "run") return answer(opened, request, reply);
      await guard.during(() => opened.session.release());
      port.close();
    });
  });
}

async function answer(model: OpenModel, request: Request & { kind: "run" }, reply: (message: Reply, buffers?: ArrayBuffer[]) => void) {
  try {
    const outputs = await guard.during(() => runModel(model, request.feeds, request.fetches));
    if (outputs === null) return;
    const packed = packTensors(outputs, true);
    reply({ kind: "done", id: request.id, outputs: packed.tensors }, packed.buffers);
  } catch (thrown) {
    reply({ kind: "failed", id: request.id, error: carried(thrown, "Cannot run", model.device) });
  }
}

/** Load the runtime, then the model on the first device that takes it. */
async function openModel(): Promise<OpenModel> {
  const source = modelSource();
  const ort = await import("onnxruntime-node");
  // What goes wrong is thrown and carried; the runtime's log would print it a second time, past the program's own output.
  ort.env.logLevel = "fatal";
  const devices = devicesToTry(start.device, installedDevices(ort));
  let failure: unknown;
  for (const device of devices) {
    try {
      const session = await createOn(ort, source, device);
      discard(source);
      return { ort, session, device };
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw (await deviceFault(ort, source, devices, failure)) ?? failure;
}

/** Whose fault it is that a model does not open on a device: the device's, if it opens on the CPU. */
async function deviceFault(
  ort: Ort,
  source: Uint8Array | string,
  devices: readonly RealDevice[],
  failure: unknown,
): Promise<InceptionError | null> {
  const device = devices.at(-1);
  if (device === "cpu") return null;
  try {
    await (await createOn(ort, source, "cpu")).release();
  } catch {
    return null;
  }
  const runtime = messageOf(failure);
  return new InceptionError("DEVICE_UNAVAILABLE", `Cannot open "${start.name}" on ${device}: ${runtime}; it does open on cpu`, {
    device,
    runtime,
  });
}

function createOn(ort: Ort, source: Uint8Array | string, device: RealDevice): Promise<InferenceSession> {
  const options = {
    executionProviders: [device],
    intraOpNumThreads: start.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
    // A model is one file. It may name others for its weights, which the runtime would look for in the current folder
    // even for a model in memory; make it look below a file, where none can be.
    extra: { session: { model_external_initializers_file_folder_path: path.join(process.execPath, "none") } },
  } satisfies InferenceSession.SessionOptions;
  return typeof source === "string" ? ort.InferenceSession.create(source, options) : ort.InferenceSession.create(source, options);
}

/** What the runtime loads from: the bytes, or the path of a file that is there. */
function modelSource(): Uint8Array | string {
  const { model, name } = start;
  if (typeof model === "string" && !existsSync(model)) {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot open "${name}": there is no file ${messageOf(model)}`, { file: model });
  }
  return model;
}

// Below this, what is left lying around until the next collection is not worth a collection.
const LARGE_MODEL_BYTES = 16 * 2 ** 20;

/** Give back the memory of a loaded model's bytes, which this idle thread would otherwise hold until it is closed. */
function discard(source: Uint8Array | string): void {
  if (typeof source === "string" || source.byteLength < LARGE_MODEL_BYTES || !(source.buffer instanceof ArrayBuffer)) return;
  const size = source.byteLength;
  structuredClone(source.buffer, { transfer: [source.buffer] });
  // Never touched, so it takes no memory; but the engine counts it, and collects the garbage to make room for it.
  new ArrayBuffer(size);
}

function installedDevices(ort: Ort): InstalledDevices {
  const root = path.dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  return {
    providers: ort.listSupportedBackends().map((backend) => backend.name),
    cudaLibrary: existsSync(path.join(root, "bin/napi-v6", process.platform, process.arch, CUDA_LIBRARY)),
    platform: `${process.platform}-${process.arch}`,
  };
}

function tensorInfo(info: InferenceSession.ValueMetadata): TensorInfo {
  if (info.isTensor && isDType(info.type)) return { name: info.name, dtype: info.type, shape: info.shape };
  const type = info.isTensor ? `a tensor of ${info.type}` : "no tensor";
  throw new InceptionError(
    "FILE_UNSUPPORTED",
    `Cannot open "${start.name}": "${messageOf(info.name)}" is ${type}, expected numbers or bool`,
    {
      value: info.name,
    },
  );
}

async function runModel(model: OpenModel, feeds: Tensors, fetches: readonly string[]): Promise<Tensors> {
  const values = Object.entries(feeds).map(([name, { dtype, shape, data }]) => [name, ortTensor(model.ort, dtype, shape, data)] as const);
  const results = await model.session.run(Object.fromEntries(values), fetches);
  return Object.fromEntries(fetches.map((name) => [name, hostTensor(name, results[name])]));
}

/** bfloat16 never gets here: the runtime opens no model with it. */
function ortTensor(ort: Ort, dtype: Tensor["dtype"], shape: readonly number[], data: Tensor["data"]) {
  // The constructor's overloads pair each type with its array; viewBytes makes just these pairs.
  return new ort.Tensor(dtype as "float32", data as Float32Array, [...shape]);
}

function hostTensor(name: string, value: InferenceSession.OnnxValueMapType[string] | undefined): Tensor {
  if (value === undefined || !isDType(value.type) || !ArrayBuffer.isView(value.data)) {
    throw new InceptionError("SESSION_FAILED", `Cannot read output "${messageOf(name)}" of "${start.name}": the runtime gave no numbers`);
  }
  const { buffer, byteOffset, byteLength } = value.data;
  // float16 comes as Uint16Array or, where the platform has it, as Float16Array.
  return { dtype: value.type, shape: value.dims, data: viewBytes(value.type, new Uint8Array(buffer, byteOffset, byteLength)) };
}

function carried(thrown: unknown, action: string, device?: RealDevice): CarriedError {
  if (thrown instanceof InceptionError) return { code: thrown.code, message: thrown.message, details: thrown.details };
  const runtime = messageOf(thrown);
  const place = device ?? (start.device === "auto" ? "cpu" : start.device);
  return {
    code: "SESSION_FAILED",
    message: `${action} "${start.name}" on ${place}: ${runtime}`,
    details: { model: start.name, device: place, runtime },
  };
}

await main();
