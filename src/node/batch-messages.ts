/** What a batch source and its worker threads say to each other. */
import type { ErrorCode, ErrorDetails } from "../errors.js";
import type { BatchPlan, MadeBatch } from "./batch-maker.js";

/** What a worker is started with. */
export interface BatchWorkerStart {
  readonly plan: BatchPlan;
  /** One 32-bit cell in shared memory: not 0 when the worker is to stop before its next sample. */
  readonly stop: SharedArrayBuffer;
}

export type BatchRequest =
  | { readonly kind: "make"; readonly id: number; readonly epoch: number; readonly batch: number }
  | { readonly kind: "close" };

export type BatchReply =
  | { readonly kind: "made"; readonly id: number; readonly made: MadeBatch }
  | { readonly kind: "failed"; readonly id: number; readonly error: CarriedFailure };

/** The structured clone algorithm keeps only the message of an Error; `code` is null for what is no InceptionError. */
export interface CarriedFailure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly details: ErrorDetails;
}
