import { openUntilAborted } from "../runtime/abort.js";
import type { CallOptions, Platform } from "../runtime/platform.js";
import type { Session, SessionOptions } from "../runtime/session.js";

/** What opens sessions. */
export type SessionOpener = Pick<Platform, "createSession">;

interface OpenSessionOptions extends SessionOptions, CallOptions {
  /** How messages name the model. */
  readonly name: string;
}

/**
 * Opens a model that was compiled here as a session; the bytes are given away. One that is still being opened when the signal is
 * aborted is closed as soon as it is open.
 */
export function openSession(platform: SessionOpener, bytes: Uint8Array, { signal, ...options }: OpenSessionOptions): Promise<Session> {
  return openUntilAborted(signal, () => platform.createSession(bytes, { ...options, transfer: true }));
}
