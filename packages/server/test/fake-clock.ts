import type { Clock } from "../src/clock.js";

/** Time that passes when a test says so. */
export interface FakeClock extends Clock {
  /** Passes so many milliseconds: what is due is called in its order, and promises settle in between. */
  pass(milliseconds: number): Promise<void>;
}

export function fakeClock(): FakeClock {
  let now = 0;
  const timers = new Set<{ readonly due: number; readonly call: () => void }>();
  const next = (until: number) => [...timers].filter(({ due }) => due <= until).toSorted((a, b) => a.due - b.due)[0];
  return {
    now: () => now,
    after: (milliseconds, call) => {
      const timer = { due: now + milliseconds, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass: async (milliseconds) => {
      const until = now + milliseconds;
      await settled();
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer);
        now = timer.due;
        timer.call();
        await settled();
      }
      now = until;
      await settled();
    },
  };
}

/** After every promise that can settle now has settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
