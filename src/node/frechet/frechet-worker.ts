/** A thread for one long computation; it ends when that is done, and with it goes its memory. */
import { parentPort, workerData } from "node:worker_threads";
import { InceptionError, messageOf } from "../../errors.js";
import { type FrechetTask, performTask, type TaskReply } from "../../tasks/frechet/frechet-task.js";

// The thread is started by frechet-thread.ts alone, with exactly this record.
const task = workerData as FrechetTask;
const reply = (message: TaskReply): void => parentPort?.postMessage(message);

try {
  reply(performTask(task, (done, total) => reply({ kind: "progress", done, total })));
} catch (thrown) {
  reply({ kind: "failed", code: thrown instanceof InceptionError ? thrown.code : null, message: messageOf(thrown) });
}
