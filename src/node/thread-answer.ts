import { Worker, type WorkerOptions } from "node:worker_threads";
import { InceptionError } from "../errors.js";
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import type { CallOptions } from "../runtime/platform.js";
import { factOf } from "./system-error.js";

/**
 * Starts a thread for one task and waits for its answer; then the thread is ended, and with it goes its memory.
 *
 * @param action - what fails where the thread does, as it follows "Cannot"
 * @param options - `isAnswer`: false for a message that only says how far the thread is. Default: the first message is the answer.
 *   `signal`: ends the thread
 * @throws InceptionError SESSION_FAILED where the thread does not start, or ends without an answer
 */
export async function threadAnswer<M>(
  file: URL,
  options: Pick<WorkerOptions, "name" | "workerData" | "transferList">,
  action: string,
  { isAnswer = () => true, signal }: CallOptions & { readonly isAnswer?: (message: M) => boolean } = {},
): Promise<M> {
  throwIfAborted(signal);
  const ended = (cause: string) => new InceptionError("SESSION_FAILED", `Cannot ${action}: its thread ended: ${cause}`, { cause });
  // Options of this process, such as a loader, are not the thread's.
  const worker = new Worker(file, { ...options, execArgv: [] });
  try {
    const answered = new Promise<M>((resolve, reject) => {
      worker.on("message", (message: M) => {
        if (isAnswer(message)) resolve(message);
      });
      worker.once("error", (thrown) => reject(ended(factOf(thrown))));
      worker.once("exit", (code) => reject(ended(`exit code ${code}`)));
    });
    return await untilAborted(signal, answered);
  } finally {
    await worker.terminate();
  }
}
