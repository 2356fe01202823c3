/**
 * What a session or trainer and the worker thread that runs its models say to each other, and how tensors travel
 * between them. The same on every platform; a platform brings the thread.
 */
import { type ErrorCode, type ErrorDetails, InceptionError, messageOf } from "../errors.js";
import { viewBytes } from "../tensor/dtype.js";
import type { OwnBytes } from "../tensor/own-bytes.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Device, TensorInfo } from "./session.js";

/** Of the platform; Node and browsers have it. */
declare function structuredClone<T>(value: T, options?: { readonly transfer?: ArrayBuffer[] }): T;

export type Tensors = Readonly<Record<string, Tensor>>;
export type RealDevice = Exclude<Device, "auto">;

/** What a session's worker says of the model that it opened. */
export interface ReadySession {
  readonly device: RealDevice;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** One run of a session. */
export interface SessionWork {
  readonly feeds: Tensors;
  readonly fetches: readonly string[];
}

/** What a trainer's worker says of the programs that it opened. */
export interface ReadyTrainer {
  readonly device: RealDevice;
  /** The inputs of each program that are not state. */
  readonly feeds: Readonly<Record<string, readonly TensorInfo[]>>;
  readonly state: readonly TensorInfo[];
}

/** One call of a trainer. `write` answers with no tensors. */
export type TrainerWork =
  | { readonly kind: "step"; readonly program: string; readonly feeds: Tensors }
  | { readonly kind: "read"; readonly names: readonly string[] }
  | { readonly kind: "write"; readonly state: Tensors };

export type Request<Work> = { readonly kind: "run"; readonly id: number; readonly work: Work } | { readonly kind: "close" };

export type Reply<Ready> =
  | ({ readonly kind: "ready" } & Ready)
  | { readonly kind: "refused"; readonly error: CarriedError }
  | { readonly kind: "done"; readonly id: number; readonly outputs: Tensors }
  | { readonly kind: "failed"; readonly id: number; readonly error: CarriedError }
  | { readonly kind: "closed"; readonly error?: CarriedError };

/** An InceptionError as a plain record: the structured clone algorithm keeps only the message of an Error. */
export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/**
 * Anything thrown, ready to be carried to another thread.
 *
 * @param action - what failed and where, like `Cannot run "model" on cpu`; used where the runtime threw, whose words follow it
 */
export function carriedError(thrown: unknown, action: string, details: ErrorDetails): CarriedError {
  if (thrown instanceof InceptionError) return { code: thrown.code, message: thrown.message, details: thrown.details };
  const runtime = messageOf(thrown);
  return { code: "SESSION_FAILED", message: `${action}: ${runtime}`, details: { ...details, runtime } };
}

export function errorFrom(error: CarriedError): InceptionError {
  return new InceptionError(error.code, error.message, error.details);
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

/** A copy of a tensor in memory of its own. */
export function copyTensor({ dtype, shape, data }: Tensor): Tensor {
  return { dtype, shape: [...shape], data: viewBytes(dtype, copyBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))) };
}

/** Move the memory under `bytes` into a buffer of its own, leaving `bytes` empty; copy where it cannot be moved. */
export function takeBytes(bytes: Uint8Array): OwnBytes {
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
export function copyBytes(bytes: Uint8Array): OwnBytes {
  return new Uint8Array(bytes);
}
