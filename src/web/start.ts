/** What a worker of this folder is started with: the first message that it gets. What is said after that is in runtime/messages.ts. */
import type { RealDevice, Tensors } from "../runtime/messages.js";
import type { TrainingProgram } from "../runtime/trainer.js";

interface Start {
  /** How messages name what the worker runs. */
  readonly name: string;
  /** The devices to try, in this order. */
  readonly devices: readonly RealDevice[];
  readonly threads: number;
  /** The URL of onnxruntime-web's module; null for the one that the worker's script was bundled with. */
  readonly runtime: string | null;
  /** The directory of onnxruntime-web's .wasm files; null for where the bundler put them or, failing that, beside its module. */
  readonly wasmPaths: string | null;
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
