/** What the worker threads that run onnxruntime-node are started with; what is said after that is in runtime/messages.ts. */
import type { Tensors } from "../runtime/messages.js";
import type { Device } from "../runtime/session.js";
import type { TrainingProgram } from "../runtime/trainer.js";

export interface WorkerStart {
  /** How messages name what the thread runs. */
  readonly name: string;
  readonly device: Device;
  readonly threads: number;
  /** GUARD_BYTES of shared memory, see `exitGuard`. */
  readonly cells: SharedArrayBuffer;
}

/** For ort-worker.ts. */
export interface SessionStart extends WorkerStart {
  /** The model's bytes, or the path of its file. */
  readonly model: Uint8Array | string;
}

/** For ort-trainer-worker.ts. */
export interface TrainerStart extends WorkerStart {
  readonly programs: Readonly<Record<string, TrainingProgram>>;
  readonly state: Tensors;
  /** Where each program's profile is written, if it is. */
  readonly profiles: Readonly<Record<string, string>>;
}
