const RUNNING = 0;
const STOPPING = 1;

/**
 * Node ends a worker thread by stopping its JavaScript; inside a call of onnxruntime that aborts the whole process
 * ("terminate called after throwing an instance of 'Napi::Error'", seen with 1.30.0). So the worker marks the time it
 * spends there, and a process that exits first waits for the end of it, as it would anyway for the thread.
 */
interface ExitGuard {
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
