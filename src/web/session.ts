import { messageOf } from "../errors.js";
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import { copyBytes, type ReadySession, type SessionWork, takeBytes } from "../runtime/messages.js";
import { checkThreads, Remote } from "../runtime/remote.js";
import { RemoteSession } from "../runtime/remote-session.js";
import type { CancelSignal, Session, SessionOptions } from "../runtime/session.js";
import { devicesToTry } from "./devices.js";
import type { SessionStart } from "./start.js";
import { checkOpenTimeout, runtimeLocation, startThread, type WebOptions } from "./thread.js";

/** Where a session of onnxruntime-web runs. */
export interface WebSessionOptions extends SessionOptions, WebOptions {
  /** How messages name the model; default "model". */
  readonly name?: string;
  /** Give the model's bytes to the session instead of having them copied once; the array is empty from the call on. Default false. */
  readonly transfer?: boolean;
  /** Ends the opening: it rejects with the signal's reason, and the worker is ended. */
  readonly signal?: CancelSignal;
}

/**
 * Opens an ONNX model with onnxruntime-web in its own worker, so that the page stays responsive.
 *
 * `device: "cpu"` is WebAssembly; it uses more than one thread only in a page that is cross-origin isolated.
 * `device: "auto"` is WebGPU where the browser has a hardware adapter for it and the model opens there, otherwise the
 * CPU; a software adapter must be asked for with "webgpu". There is no "cuda".
 *
 * @param model - the bytes of the model
 * @throws InceptionError FILE_UNSUPPORTED (an input or output that is not a numeric tensor), SESSION_FAILED (the runtime
 *   rejects the model, with its message, or its script could not be loaded), DEVICE_UNAVAILABLE, OPTION_INVALID
 */
export async function createWebSession(model: Uint8Array, options: WebSessionOptions = {}): Promise<Session> {
  const { device = "auto", threads = 0, transfer = false } = options;
  const name = messageOf(options.name ?? "model");
  checkThreads(name, threads);
  checkOpenTimeout(name, options);
  // Before the first wait: from here on the caller may change its bytes.
  const own = transfer ? takeBytes(model) : copyBytes(model);
  const { signal } = options;
  throwIfAborted(signal);
  const devices = await untilAborted(signal, devicesToTry(device));
  const start: SessionStart = { kind: "session", name, model: own, devices, threads, ...runtimeLocation(options, devices) };
  const remote = new Remote<SessionWork, ReadySession>("session", name, startThread(options, start, [own.buffer], signal));
  return new RemoteSession(name, remote, await untilAborted(signal, remote.ready));
}
