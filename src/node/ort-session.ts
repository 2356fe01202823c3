import path from "node:path";
import { messageOf } from "../errors.js";
import { copyBytes, type ReadySession, type SessionWork, takeBytes } from "../runtime/messages.js";
import { checkThreads, Remote } from "../runtime/remote.js";
import { RemoteSession } from "../runtime/remote-session.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import { GUARD_BYTES } from "./exit-guard.js";
import type { SessionStart } from "./ort-messages.js";
import { startThread } from "./ort-thread.js";

export interface NodeSessionOptions extends SessionOptions {
  /** How messages name the model; default the file's name, or "model" for bytes. */
  readonly name?: string;
  /** Give the model's bytes to the session instead of having them copied once; the array is empty from the call on. Default false. */
  readonly transfer?: boolean;
}

/**
 * Open an ONNX model with onnxruntime-node, in a worker thread of its own, because the runtime blocks the thread that
 * calls it. Weights outside the model's own bytes are never read.
 *
 * `device: "auto"` is CUDA where onnxruntime-node's CUDA library is installed and works, otherwise the CPU; never
 * WebGPU, which needs a graphics driver and must be asked for. On the CPU the same model, inputs and thread count give
 * the same bits each time.
 *
 * A session does not keep the process alive unless something is under way, so a program that forgets `close` still
 * ends. At most two runs are in the worker's hands at a time: one that it computes and one that it has ready.
 *
 * @param model - the bytes of the model, or the path of its file
 * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT (over 2 GiB), FILE_UNSUPPORTED (an input or output that is no
 *   tensor of numbers), SESSION_FAILED (the runtime refuses the model, in its own words), DEVICE_UNAVAILABLE, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { float32Tensor } from "inceptionkit";
 * import { createNodeSession } from "inceptionkit/node";
 *
 * const pixels = new Float32Array(3 * 64 * 64);
 * const session = await createNodeSession("examples/digits/digits.onnx", { threads: 2 });
 * const { logits } = await session.run({ input: float32Tensor([1, 3, 64, 64], pixels) });
 * await session.close();
 * ```
 */
export async function createNodeSession(model: Uint8Array | string, options: NodeSessionOptions = {}): Promise<Session> {
  return openSession(new URL("./ort-worker.js", import.meta.url), model, options);
}

/** @internal `createNodeSession` with another worker file, for tests of what happens when the worker dies. */
export async function openSession(worker: URL, model: Uint8Array | string, options: NodeSessionOptions): Promise<Session> {
  const { device = "auto", threads = 0, transfer = false } = options;
  const name = messageOf(options.name ?? (typeof model === "string" ? path.basename(model) : "model"));
  checkThreads(name, threads);
  const own = typeof model === "string" ? path.resolve(model) : transfer ? takeBytes(model) : copyBytes(model);
  const start: SessionStart = { name, model: own, device, threads, cells: new SharedArrayBuffer(GUARD_BYTES) };
  const thread = startThread(worker, start, typeof own === "string" ? [] : [own.buffer]);
  const remote = new Remote<SessionWork, ReadySession>("session", name, thread);
  return new RemoteSession(name, remote, await remote.ready);
}
