import { availableParallelism } from "node:os";
import { type ErrorCode, InceptionError } from "../../errors.js";
import type { KernelDistance } from "../../frechet/index.js";
import type { CallOptions } from "../../runtime/platform.js";
import {
  type DistanceTask,
  type FrechetCall,
  type FrechetTask,
  type FrechetThread,
  type KernelTask,
  performTask,
  type TaskReply,
  taskWork,
} from "../../tasks/frechet/frechet-task.js";
import { threadAnswer } from "../thread-answer.js";

/** Less than this takes a tenth of a second, which is what a thread takes to start. */
const SMALL_WORK = 5e7;
const ACTION = "compute a distance";

/**
 * The distance of a task, computed in a thread so that the caller's event loop stays free. The arrays of the task are moved there.
 *
 * @throws InceptionError as the computation; SESSION_FAILED where the thread ends early
 */
export async function distanceInThread(task: DistanceTask, call: CallOptions = {}): Promise<number> {
  const reply = await inThread(task, [task.a.covariance, task.b.covariance], call);
  return reply.kind === "distance" ? reply.value : unexpected();
}

/** The same for a kernel distance; its rows are moved too. */
export async function kernelInThread(task: KernelTask, call: FrechetCall = {}): Promise<KernelDistance> {
  const reply = await inThread(task, [task.a.data, task.b.data], call);
  return reply.kind === "kernel" ? reply.value : unexpected();
}

/** Distances that are computed at once. */
export function distanceThreads(): number {
  return availableParallelism();
}

export const FRECHET_THREAD: FrechetThread = { distance: distanceInThread, kernel: kernelInThread };

function unexpected(): never {
  throw new InceptionError("SESSION_FAILED", `Cannot ${ACTION}: unexpected reply of its thread`, {});
}

async function inThread(
  task: FrechetTask,
  arrays: readonly (Float32Array | Float64Array)[],
  { onProgress = () => {}, ...call }: FrechetCall,
): Promise<TaskReply> {
  if (taskWork(task) < SMALL_WORK) return performTask(task, onProgress);
  // Twice the same buffer, of a set compared with itself, may be moved once only.
  const transferList = [...new Set(arrays.map(({ buffer }) => buffer))].filter((buffer) => buffer instanceof ArrayBuffer);
  const file = new URL("./frechet-worker.js", import.meta.url);
  const isAnswer = (message: TaskReply): boolean => {
    if (message.kind === "progress") onProgress(message.done, message.total);
    return message.kind !== "progress";
  };
  const reply = await threadAnswer(file, { name: "frechet", workerData: task, transferList }, ACTION, { isAnswer, ...call });
  if (reply.kind === "failed") throw failureFrom(reply.code, reply.message);
  return reply;
}

function failureFrom(code: string | null, message: string): Error {
  // The codes that the computations throw.
  const known = (["OPTION_INVALID"] as const satisfies readonly ErrorCode[]).find((each) => each === code);
  return known === undefined ? new Error(message) : new InceptionError(known, message);
}
