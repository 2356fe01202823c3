/** What the workers that run onnxruntime-node are started with; the messages after that are in runtime/messages.ts. */
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
  /** Whether the runtime computes what is constant as it opens the model. */
  readonly constantFolding: boolean;
}

/** For ort-process-worker.ts, which shares no memory with the process that starts it. */
export interface ProcessStart extends Omit<SessionStart, "cells"> {
  /** Bytes of resident memory beyond which the process ends itself. */
  readonly memoryLimit: number;
}

/** Posted by ort-process-worker.ts before it ends itself. */
export interface MemoryNotice {
  readonly kind: "memory-limit";
  /** Bytes of resident memory that were found. */
  readonly bytes: number;
}

/** For ort-trainer-worker.ts. */
export interface TrainerStart extends WorkerStart {
  readonly programs: Readonly<Record<string, TrainingProgram>>;
  readonly state: Tensors;
  /** Where each program's profile is written, if it is. */
  readonly profiles: Readonly<Record<string, string>>;
}
