import { Worker } from "node:worker_threads";
import { InceptionError } from "../../errors.js";
import { errorFrom } from "../../runtime/messages.js";
import { factOf } from "../system-error.js";
import { type CaseReply, type CaseResults, type CaseTaskKind, type CaseTasks, performCaseTask } from "./case-task.js";

/** Voxels that are worked on in less time than a thread takes to start, about a tenth of a second. */
const FEW_VOXELS = 2 ** 20;

/**
 * Does a task for a volume, in a thread where that would block the event loop for long. Results are moved here; what the task
 * holds is copied, but for `moved`.
 *
 * @param voxels - of the volume
 * @param moved - memory that nothing needs here any more
 * @throws InceptionError as the task; SESSION_FAILED where the thread ends early
 */
export async function inCaseThread<K extends CaseTaskKind>(
  kind: K,
  task: CaseTasks[K],
  voxels: number,
  moved: ReadonlySet<ArrayBuffer> = new Set(),
): Promise<CaseResults[K]> {
  if (voxels <= FEW_VOXELS) return performCaseTask({ kind, task });
  const worker = new Worker(new URL("./case-worker.js", import.meta.url), {
    workerData: { kind, task },
    transferList: [...moved],
    name: "case",
    execArgv: [],
  });
  try {
    const reply = await new Promise<CaseReply<K>>((resolve, reject) => {
      worker.once("message", (message: CaseReply<K>) => resolve(message));
      worker.once("error", (thrown) => reject(ended(factOf(thrown))));
      worker.once("exit", (code) => reject(ended(`exit code ${code}`)));
    });
    if (reply.kind === "failed") throw errorFrom(reply.error);
    return reply.result;
  } finally {
    await worker.terminate();
  }
}

function ended(cause: string): InceptionError {
  return new InceptionError("SESSION_FAILED", `Cannot segment a volume: its thread ended: ${cause}`, { cause });
}
