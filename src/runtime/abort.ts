import type { CallOptions } from "./platform.js";
import type { CancelSignal } from "./session.js";

/** The signal alone of options with more in them. */
export function callOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal };
}

/** @throws what the signal was aborted with */
export function throwIfAborted(signal: CancelSignal | undefined): void {
  if (signal?.aborted) throw signal.reason;
}

/** For what outlives the call whose signal it was given: that signal may be aborted long after. */
export const NEVER_ABORTED: CancelSignal = { aborted: false, reason: undefined, addEventListener: () => {}, removeEventListener: () => {} };

/**
 * Waits for work that cannot be stopped itself, until it is done or the signal is aborted. Aborted work goes on unseen, so it
 * must not hold anything that would have to be closed.
 *
 * @throws what the work throws, or what the signal was aborted with
 */
export async function untilAborted<T>(signal: CancelSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  let stop = (): void => {};
  const aborted = new Promise<null>((resolve) => {
    stop = () => resolve(null);
    signal.addEventListener("abort", stop);
  });
  try {
    throwIfAborted(signal);
    const result = await Promise.race([work.then((value) => ({ value })), aborted]);
    if (result !== null) return result.value;
    throw signal.reason;
  } finally {
    signal.removeEventListener("abort", stop);
    // Its failure after the abort concerns nobody.
    work.catch(() => {});
  }
}

/**
 * Waits for what is being opened, until it is open or the signal is aborted. What opens after that is closed.
 *
 * @throws what opening throws, or what the signal was aborted with
 */
export async function openUntilAborted<T extends { readonly close: () => Promise<void> }>(
  signal: CancelSignal | undefined,
  open: () => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const opening = open();
  try {
    return await untilAborted(signal, opening);
  } catch (thrown) {
    // Nobody is left to hear of a failure.
    opening.then((opened) => opened.close()).catch(() => {});
    throw thrown;
  }
}
