import type { Draws } from "./draws.js";

/** One input of a target. */
export interface FuzzCase {
  /** The file, as it is written down when the case is a finding. */
  readonly bytes: Uint8Array;
  /** Resolves with a result or rejects with an InceptionError; any other error is a finding, and so is a process that ends. */
  run(): Promise<void>;
}

/** A part of inceptionkit that reads what strangers wrote. */
export interface FuzzTarget {
  readonly name: string;
  /** How many of a hundred cases are of this target. */
  readonly share: number;
  /**
   * Makes what all cases begin with. Must not run anything that could crash: the runner calls it to write findings down.
   *
   * @param folder - for files of cases, which may be overwritten by the next
   * @returns makes a case of its random choices
   */
  prepare(folder: string): Promise<(draws: Draws) => FuzzCase>;
}
