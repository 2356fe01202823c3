/** What a session and its worker thread say to each other, and how tensors travel between them. */
import type { ErrorCode, ErrorDetails } from "../errors.js";
import type { Device, TensorInfo } from "../runtime/session.js";
import { viewBytes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

export type Tensors = Readonly<Record<string, Tensor>>;
export type RealDevice = Exclude<Device, "auto">;

/** What the worker is started with. */
export interface WorkerStart {
  readonly name: string;
  /** The model's bytes, or the path of its file. */
  readonly model: Uint8Array | string;
  readonly device: Device;
  readonly threads: number;
  /** Two 32-bit cells in shared memory, see `guard`. */
  readonly cells: SharedArrayBuffer;
}

export type Request =
  | { readonly kind: "run"; readonly id: number; readonly feeds: Tensors; readonly fetches: readonly string[] }
  | { readonly kind: "close" };

export type Reply =
  | { readonly kind: "ready"; readonly device: RealDevice; readonly inputs: readonly TensorInfo[]; readonly outputs: readonly TensorInfo[] }
  | { readonly kind: "refused"; readonly error: CarriedError }
  | { readonly kind: "done"; readonly id: number; readonly outputs: Tensors }
  | { readonly kind: "failed"; readonly id: number; readonly error: CarriedError };

/** An InceptionError as a plain record: the structured clone algorithm keeps only the message of an Error. */
export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export interface Packed {
  readonly tensors: Tensors;
  /** Buffers that belong to `tensors` alone and can be moved to another thread. */
  readonly buffers: ArrayBuffer[];
}

/**
 * Tensors in memory of their own, ready to be moved to another thread.
 *
 * @param give - take over the memory of `tensors` where it can be taken; otherwise, and where a tensor sees only a part
 *   of a buffer or shares it with another, copy it once
 */
export function packTensors(tensors: Tensors, give: boolean): Packed {
  const uses = new Map<ArrayBufferLike, number>();
  for (const { data } of Object.values(tensors)) uses.set(data.buffer, (uses.get(data.buffer) ?? 0) + 1);
  const buffers: ArrayBuffer[] = [];
  const packed = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const own = give && uses.get(data.buffer) === 1 ? takeBytes(bytes) : copyBytes(bytes);
    buffers.push(own.buffer);
    return [name, { dtype, shape: [...shape], data: viewBytes(dtype, own) }] as const;
  });
  return { tensors: Object.fromEntries(packed), buffers };
}

/** Move the memory under `bytes` into a buffer of its own, leaving `bytes` empty; copy where it cannot be moved. */
export function takeBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const buffer = bytes.buffer;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytes.byteLength) return copyBytes(bytes);
  try {
    return new Uint8Array(structuredClone(buffer, { transfer: [buffer] }));
  } catch {
    // Some buffers may not be moved, those of WebAssembly memories for one.
    return copyBytes(bytes);
  }
}

/** A copy in a buffer of exactly its own length. Unlike `slice`, this never lands in the pool that small Buffers share. */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

const RUNNING = 0;
const STOPPING = 1;

/**
 * Node ends a worker thread by stopping its JavaScript; inside a call of onnxruntime that aborts the whole process
 * ("terminate called after throwing an instance of 'Napi::Error'", seen with 1.30.0). So the worker marks the time it
 * spends there, and a process that exits first waits for the end of it, as it would anyway for the thread.
 */
export interface ExitGuard {
  /** In the worker: call the runtime; resolves with null, without the call, when the process is ending. */
  during<T>(call: () => Promise<T>): Promise<T | null>;
  /** In the process, while it exits: let no further call begin and wait for the one under way. */
  stop(): void;
}

export const GUARD_BYTES = 8;

// Longer than any single run is expected to take; a thread that died inside a call must not keep the process for ever.
const EXIT_WAIT_MS = 60_000;

/** @param cells - GUARD_BYTES of shared memory, zero at first */
export function exitGuard(cells: SharedArrayBuffer): ExitGuard {
  const state = new Int32Array(cells);
  return {
    during: async (call) => {
      // Mark first, look second, and the other side the reverse: so one of the two always sees the other.
      Atomics.store(state, RUNNING, 1);
      try {
        return Atomics.load(state, STOPPING) === 1 ? null : await call();
      } finally {
        Atomics.store(state, RUNNING, 0);
        Atomics.notify(state, RUNNING);
      }
    },
    stop: () => {
      Atomics.store(state, STOPPING, 1);
      Atomics.wait(state, RUNNING, 1, EXIT_WAIT_MS);
    },
  };
}
