/**
 * The thread that onnxruntime-node runs a session's model in. Its calls block the thread that makes them, so they are
 * made here, one at a time, in the order of the requests.
 */
import { existsSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { InceptionError, messageOf } from "../errors.js";
import type { ReadySession, SessionWork } from "../runtime/messages.js";
import { type Engine, serve } from "../runtime/serve.js";
import { sessionEngine } from "../runtime/serve-session.js";
import { exitGuard } from "./exit-guard.js";
import type { SessionStart } from "./ort-messages.js";
import { baseOptions, openOnDevice, ortTensor, placeOf, serverPort } from "./ort-open.js";

// The thread is started by ort-session.ts alone, with exactly this record.
const start = workerData as SessionStart;

async function openModel(): Promise<Engine<SessionWork, ReadySession>> {
  const { name } = start;
  const source = modelSource();
  const { ort, device, opened } = await openOnDevice(
    start,
    (ort, device) => {
      const options = baseOptions(start, device, start.constantFolding);
      return typeof source === "string" ? ort.InferenceSession.create(source, options) : ort.InferenceSession.create(source, options);
    },
    (session) => session.release(),
  );
  discard(source);
  return sessionEngine(name, device, opened, opened, (tensor) => ortTensor(ort, tensor));
}

/** What the runtime loads from: the bytes, or the path of a file that is there. */
function modelSource(): Uint8Array | string {
  const { model, name } = start;
  if (typeof model === "string" && !existsSync(model)) {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot open "${name}": no such file "${messageOf(model)}"`, { file: model });
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

const guard = exitGuard(start.cells);
await serve(start.name, placeOf(start.device), serverPort<SessionWork, ReadySession>(parentPort), (call) => guard.during(call), openModel);
