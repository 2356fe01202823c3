import type { Tensor } from "../tensor/tensor.js";
import type { Device } from "./session.js";

/**
 * An emitted program that changes state: an ONNX graph whose state goes in as inputs and comes out as outputs.
 * `compileTraining` emits them. Every input is a piece of state or a feed of each run.
 */
export interface TrainingProgram {
  readonly model: Uint8Array;
  /** Which output replaces which piece of state after a run; the state's name is the input's name. */
  readonly state: readonly { readonly input: string; readonly output: string }[];
  /** Inputs that are read from the state and not changed. */
  readonly reads: readonly string[];
}

/** Where a trainer runs. */
export interface TrainerOptions {
  /** Default `auto`. */
  readonly device?: Device;
  /** CPU threads for one operator; 0, the default, means one for each core. */
  readonly threads?: number;
  /** How messages name the trainer; default "training". */
  readonly name?: string;
  /**
   * Give the memory of the first state to the trainer instead of having it copied. The caller's arrays are empty from
   * the call on. Default false.
   */
  readonly transfer?: boolean;
}

/** How one program of a trainer runs. */
export interface StepOptions {
  /** Give the feeds' memory to the trainer instead of having it copied; see `RunOptions.transfer`. Default false. */
  readonly transfer?: boolean;
}

/**
 * Programs over one set of named state tensors (parameters, running statistics, optimizer slots, averages) that stays
 * where the programs run. Implementations: `createNodeTrainer`, `createWebTrainer`.
 *
 * Calls are done one after the other in the order in which they were made; a caller may make many without waiting.
 */
export interface Trainer {
  /** Device in use. The runtime runs operators that it does not support on the CPU. */
  readonly device: Exclude<Device, "auto">;

  /**
   * Runs a program once on the state and these feeds. Feeds are read before the call returns, so they may be changed
   * right after it.
   *
   * @returns the outputs that are not state (loss, logits, norms), by name; their memory is the caller's
   * @throws InceptionError FEED_INVALID for an unknown program or feeds that do not fit it, with every mismatch in one
   *   message; SESSION_FAILED when the runtime fails, with its message; SESSION_CLOSED after `close`. The state is
   *   unchanged after an error.
   */
  run(program: string, feeds: Readonly<Record<string, Tensor>>, options?: StepOptions): Promise<Readonly<Record<string, Tensor>>>;

  /**
   * A copy of the state, or of the named part of it, after the calls before this one; in the order of `names`, by
   * default that of the state that the trainer was made with.
   *
   * @throws InceptionError FEED_INVALID, naming every unknown piece; SESSION_CLOSED
   */
  readState(names?: readonly string[]): Promise<ReadonlyMap<string, Tensor>>;

  /**
   * Replaces the named pieces; all or, after an error, none. The tensors are read before the call returns.
   *
   * @throws InceptionError FEED_INVALID when type or shape is not that of the piece, naming every fault; SESSION_CLOSED
   */
  writeState(state: ReadonlyMap<string, Tensor>): Promise<void>;

  /**
   * Releases the programs and the state. Calls that the runtime has begun finish and resolve; those still waiting reject
   * with SESSION_CLOSED. Resolves when the memory is given back. Calling it again waits for the same end.
   */
  close(): Promise<void>;
}
