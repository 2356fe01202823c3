import { Worker } from "node:worker_threads";
import { type ErrorCode, InceptionError } from "../../errors.js";
import type { KernelDistance } from "../../frechet/index.js";
import { factOf } from "../system-error.js";
import { type FrechetTask, performTask, type TaskReply, taskWork } from "./frechet-task.js";

/** Less than this takes a tenth of a second, which is what a thread takes to start. */
const SMALL_WORK = 5e7;

/**
 * The distance of a task, computed in a thread so that the caller's event loop stays free. The arrays of the task are moved there.
 *
 * @throws InceptionError as the computation; SESSION_FAILED where the thread ends early
 */
export async function distanceInThread(task: FrechetTask & { readonly kind: "distance" }): Promise<number> {
  const reply = await inThread(task, [task.a.covariance, task.b.covariance], () => {});
  return reply.kind === "distance" ? reply.value : unexpected();
}

/** The same for a kernel distance; its rows are moved too. */
export async function kernelInThread(
  task: FrechetTask & { readonly kind: "kernel" },
  onProgress: (done: number, total: number) => void,
): Promise<KernelDistance> {
  const reply = await inThread(task, [task.a.data, task.b.data], onProgress);
  return reply.kind === "kernel" ? reply.value : unexpected();
}

function unexpected(): never {
  throw new InceptionError("SESSION_FAILED", "Cannot compute a distance: its thread answered something else", {});
}

async function inThread(
  task: FrechetTask,
  arrays: readonly (Float32Array | Float64Array)[],
  onProgress: (done: number, total: number) => void,
): Promise<TaskReply> {
  if (taskWork(task) < SMALL_WORK) return performTask(task, onProgress);
  // Twice the same buffer, of a set compared with itself, may be moved once only.
  const transferList = [...new Set(arrays.map(({ buffer }) => buffer))].filter((buffer) => buffer instanceof ArrayBuffer);
  const worker = new Worker(new URL("./frechet-worker.js", import.meta.url), {
    workerData: task,
    transferList,
    name: "frechet",
    execArgv: [],
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.on("message", (reply: TaskReply) => {
        if (reply.kind === "progress") onProgress(reply.done, reply.total);
        else if (reply.kind === "failed") reject(failureFrom(reply.code, reply.message));
        else resolve(reply);
      });
      worker.once("error", (thrown) => reject(ended(factOf(thrown))));
      worker.once("exit", (code) => reject(ended(`exit code ${code}`)));
    });
  } finally {
    await worker.terminate();
  }
}

function failureFrom(code: string | null, message: string): Error {
  // The codes that the computations throw.
  const known = (["OPTION_INVALID"] as const satisfies readonly ErrorCode[]).find((each) => each === code);
  return known === undefined ? new Error(message) : new InceptionError(known, message);
}

function ended(cause: string): InceptionError {
  return new InceptionError("SESSION_FAILED", `Cannot compute a distance: its thread ended: ${cause}`, { cause });
}
