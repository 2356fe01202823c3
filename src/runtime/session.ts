import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Device that a model runs on. `auto` selects the fastest device that is known to work; each
 * implementation documents its choice.
 */
export type Device = "auto" | "cpu" | "webgpu" | "cuda";

/** One input or output of a model. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes; a string names a size that is free until a run, and the same name means the same size. `""` is free and equal to nothing else. */
  readonly shape: readonly (number | string)[];
}

/** The part of the platform's `AbortSignal` that a run needs; pass an `AbortSignal`. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Where a session runs. */
export interface SessionOptions {
  /** Default `auto`. */
  readonly device?: Device;
  /** CPU threads for one operator; 0, the default, means one for each core. */
  readonly threads?: number;
}

/** How one run of a session goes. */
export interface RunOptions {
  /** Names of the outputs to compute and return; the default is all. */
  readonly fetches?: readonly string[];
  /**
   * Give the feeds' memory to the session instead of having it copied. The caller's arrays are empty from the call on.
   * Arrays that share a buffer, or see only a part of one, are copied all the same. Default false.
   */
  readonly transfer?: boolean;
  /**
   * Cancels a run: it rejects at once with `signal.reason`. A run that has begun cannot be stopped; its result is
   * dropped, and the next run begins when it ends.
   */
  readonly signal?: CancelSignal;
}

/**
 * A loaded model. Implementations: `createNodeSession`, `createWebSession`.
 *
 * Runs are done one after the other in the order of the calls; a caller may start many without waiting.
 */
export interface Session {
  /** Device in use. The runtime runs operators that it does not support on the CPU. */
  readonly device: Exclude<Device, "auto">;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];

  /**
   * Computes outputs from one tensor for each input. Feeds are read before the call returns, so they may be changed
   * right after it; they are neither changed nor kept.
   *
   * @returns the outputs under their names, in the order of `fetches`; their memory is the caller's
   * @throws InceptionError FEED_INVALID when feeds or fetches do not fit the model, naming every fault at once;
   *   SESSION_FAILED when the runtime fails, with its own words; SESSION_CLOSED after `close`
   */
  run(feeds: Readonly<Record<string, Tensor>>, options?: RunOptions): Promise<Readonly<Record<string, Tensor>>>;

  /**
   * Releases the model. Runs that the runtime has begun finish and resolve; those still waiting reject with SESSION_CLOSED.
   * Resolves when the memory is given back. Calling it again waits for the same end.
   */
  close(): Promise<void>;
}
