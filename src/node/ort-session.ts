import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { copyBytes, type ReadySession, type SessionWork, takeBytes } from "../runtime/messages.js";
import { checkThreads, Remote, type WorkerPort } from "../runtime/remote.js";
import { RemoteSession } from "../runtime/remote-session.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import { formatCount } from "../text.js";
import { GUARD_BYTES } from "./exit-guard.js";
import type { SessionStart } from "./ort-messages.js";
import { startProcess } from "./ort-process.js";
import { startThread } from "./ort-thread.js";

/** Where a session runs, for models of unknown origin. */
export interface IsolationOptions {
  /**
   * Run the model in a child process, so that a crash of the runtime is a SESSION_FAILED of this session and not the end
   * of the program. The child ends with the process that started it, and gets none of its environment but the variables
   * that find libraries and GPUs. It is a shield against crashes, not a sandbox: it has the rights of the program. Opening
   * takes about 0.2 s longer, and feeds and outputs are copied once more. Default false.
   */
  readonly isolate?: boolean;
  /** With `isolate`: seconds that opening the model, and each run, may take before the child is killed. Default: no limit. */
  readonly timeLimit?: number;
  /**
   * With `isolate`: bytes of resident memory beyond which the child is killed, checked every 20 ms, so that it can be
   * exceeded by what is written in that time. Default 4 GiB.
   */
  readonly memoryLimit?: number;
}

/** Where a session of onnxruntime-node runs. */
export interface NodeSessionOptions extends SessionOptions, IsolationOptions {
  /** How messages name the model; default the file's name, or "model" for bytes. */
  readonly name?: string;
  /** Give the model's bytes to the session instead of having them copied once; the array is empty from the call on. Default false. */
  readonly transfer?: boolean;
  /**
   * Let the runtime compute what needs no input while it opens the model, and keep it. Default true; false for models
   * of unknown origin, which may ask for any amount there.
   */
  readonly constantFolding?: boolean;
}

/**
 * Opens an ONNX model with onnxruntime-node in its own worker thread, because the runtime blocks the thread that
 * calls it. Weights outside the model's own bytes are never read.
 *
 * `device: "auto"` is CUDA where onnxruntime-node's CUDA library is installed and works, otherwise the CPU; never
 * WebGPU, which needs a graphics driver and must be asked for. On the CPU the same model, inputs and thread count give
 * the same bits each time.
 *
 * A session does not keep the process alive unless something is under way, so a program that forgets `close` still
 * ends. The worker has at most two runs at a time: one that it computes and one that is queued.
 *
 * @param model - the bytes of the model, or the path of its file
 * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT (over 2 GiB), FILE_UNSUPPORTED (an input or output that is not
 *   a numeric tensor), SESSION_FAILED (the runtime rejects the model, with its message), DEVICE_UNAVAILABLE, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { float32Tensor } from "inceptionkit/core";
 * import { createNodeSession } from "inceptionkit/node";
 *
 * const pixels = new Float32Array(3 * 64 * 64);
 * const session = await createNodeSession("examples/digits/digits.onnx", { threads: 2 });
 * const { logits } = await session.run({ input: float32Tensor([1, 3, 64, 64], pixels) });
 * await session.close();
 * ```
 */
export async function createNodeSession(model: Uint8Array | string, options: NodeSessionOptions = {}): Promise<Session> {
  const worker =
    options.isolate === true ? new URL("./ort-process-worker.js", import.meta.url) : new URL("./ort-worker.js", import.meta.url);
  return openSession(worker, model, options);
}

/** @internal `createNodeSession` with another worker file, for tests of what happens when the worker dies. */
export async function openSession(worker: URL, model: Uint8Array | string, options: NodeSessionOptions): Promise<Session> {
  const { device = "auto", threads = 0, transfer = false, constantFolding = true } = options;
  const name = messageOf(options.name ?? (typeof model === "string" ? path.basename(model) : "model"));
  checkThreads(name, threads);
  const limits = checkedLimits(name, options);
  const own = typeof model === "string" ? path.resolve(model) : transfer ? takeBytes(model) : copyBytes(model);
  const start = { name, model: own, device, threads, constantFolding };
  const port = limits === null ? threadPort(worker, start) : startProcess(worker, { ...start, memoryLimit: limits.memory }, limits.seconds);
  const remote = new Remote<SessionWork, ReadySession>("session", name, port);
  return new RemoteSession(name, remote, await remote.ready);
}

function threadPort(worker: URL, start: Omit<SessionStart, "cells">): WorkerPort {
  const buffers = typeof start.model === "string" || !(start.model.buffer instanceof ArrayBuffer) ? [] : [start.model.buffer];
  return startThread(worker, { ...start, cells: new SharedArrayBuffer(GUARD_BYTES) }, buffers);
}

/** Every network of inceptionkit stays below this at batch 64; a file that needs more is not one, or is to be run on purpose. */
const DEFAULT_MEMORY_LIMIT = 4 * 2 ** 30;
/** Node and the runtime alone take about 100 MB. */
const MIN_MEMORY_LIMIT = 256 * 2 ** 20;
/** A day is longer than any run, and within what a timer can hold. */
const MAX_TIME_LIMIT = 86_400;

/** @returns null for a session that is not isolated */
function checkedLimits(name: string, options: IsolationOptions): { readonly seconds: number | null; readonly memory: number } | null {
  const { isolate = false, timeLimit, memoryLimit } = options;
  const refused = (option: string, value: number, expected: string): InceptionError =>
    new InceptionError("OPTION_INVALID", `Cannot open "${name}" with ${option} ${value}: expected ${expected}`, { [option]: value });
  // A thread inside the runtime cannot be ended without ending the whole program.
  for (const [option, value] of Object.entries({ timeLimit, memoryLimit }))
    if (value !== undefined && !isolate) throw refused(option, value, "isolate, because only a separate process can be terminated");
  if (timeLimit !== undefined && !(timeLimit > 0 && timeLimit <= MAX_TIME_LIMIT))
    throw refused("timeLimit", timeLimit, `more than 0 and at most ${MAX_TIME_LIMIT} seconds`);
  if (memoryLimit !== undefined && !(Number.isSafeInteger(memoryLimit) && memoryLimit >= MIN_MEMORY_LIMIT))
    throw refused("memoryLimit", memoryLimit, `an integer of at least ${formatCount(MIN_MEMORY_LIMIT)} bytes`);
  return isolate ? { seconds: timeLimit ?? null, memory: memoryLimit ?? DEFAULT_MEMORY_LIMIT } : null;
}
