/** What a batch source and its worker threads say to each other. */
import type { Made } from "../data/batches/stream.js";
import type { ErrorCode, ErrorDetails } from "../errors.js";

/** What a worker is started with. */
export interface BatchWorkerStart<P> {
  readonly plan: P;
  /** One 32-bit cell in shared memory: not 0 when the worker is to stop before its next sample. */
  readonly stop: SharedArrayBuffer;
}

export type BatchRequest =
  | { readonly kind: "make"; readonly id: number; readonly epoch: number; readonly batch: number }
  | { readonly kind: "close" };

export type BatchReply<B> =
  | { readonly kind: "made"; readonly id: number; readonly made: Made<B> }
  | { readonly kind: "failed"; readonly id: number; readonly error: CarriedFailure };

/** The structured clone algorithm keeps only the message of an Error; `code` is null for what is no InceptionError. */
export interface CarriedFailure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly details: ErrorDetails;
}
