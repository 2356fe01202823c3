/** What a worker of this folder is started with: the first message that it gets. What is said after that is in runtime/messages.ts. */
import type { Tensors } from "../runtime/messages.js";
import type { Device } from "../runtime/session.js";
import type { TrainingProgram } from "../runtime/trainer.js";

interface Start {
  /** How messages name what the worker runs. */
  readonly name: string;
  readonly device: Device;
  readonly threads: number;
  /** The URLs of onnxruntime-web's modules, where the page knows them; a worker has no import map. */
  readonly modules: OrtModules;
  /** The folder of onnxruntime-web's .wasm files; null for the folder of its module. */
  readonly wasmPaths: string | null;
}

export interface OrtModules {
  readonly cpu: string | null;
  readonly webgpu: string | null;
}

export interface SessionStart extends Start {
  readonly kind: "session";
  readonly model: Uint8Array;
}

export interface TrainerStart extends Start {
  readonly kind: "trainer";
  readonly programs: Readonly<Record<string, TrainingProgram>>;
  readonly state: Tensors;
}

export type WebStart = SessionStart | TrainerStart;
