/** Time as the scheduler sees it: a test's own clock, or the process's. */
export interface Clock {
  /** Milliseconds that never go back, whatever happens to the time of day. */
  now(): number;
  /** Calls something once after so many milliseconds. @returns what cancels the call */
  after(milliseconds: number, call: () => void): () => void;
}

export const PROCESS_CLOCK: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};
