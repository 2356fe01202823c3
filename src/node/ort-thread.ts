import { Worker } from "node:worker_threads";
import type { WorkerPort } from "../runtime/remote.js";
import { exitGuard } from "./exit-guard.js";
import type { WorkerStart } from "./ort-messages.js";
import { factOf } from "./system-error.js";

/**
 * Start a worker thread that runs onnxruntime-node.
 *
 * @param buffers - those in `start` that are moved to the thread
 */
export function startThread(file: URL, start: WorkerStart, buffers: ArrayBuffer[]): WorkerPort {
  const guard = exitGuard(start.cells);
  // Options of this process, such as a loader, are not the worker's.
  const worker = new Worker(file, { workerData: start, transferList: buffers, name: "onnxruntime", execArgv: [] });
  return {
    post: (message, moved) => worker.postMessage(message, moved),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    listen: (listener) => {
      const unregister = onProcessExit(() => guard.stop());
      worker.on("message", (message) => listener.message(message));
      worker.once("error", (thrown) => listener.died(`the worker thread failed: ${factOf(thrown)}`));
      worker.once("exit", (code) => {
        unregister();
        listener.died(`the worker thread ended with exit code ${code}`);
        listener.ended();
      });
    },
  };
}

/** Call `listener` when the process exits; the result takes it back. */
function onProcessExit(listener: () => void): () => void {
  // One listener for each open session is no leak, so it does not count towards Node's warning about one.
  const shiftLimit = (by: number) => {
    const limit = process.getMaxListeners();
    if (limit > 0) process.setMaxListeners(limit + by);
  };
  shiftLimit(1);
  process.on("exit", listener);
  return () => {
    process.off("exit", listener);
    shiftLimit(-1);
  };
}
