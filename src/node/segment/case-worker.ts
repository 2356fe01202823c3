/** A thread for one long computation on a volume; it ends when that is done, and with it goes its memory. */
import { parentPort, workerData } from "node:worker_threads";
import { buffersOf } from "../../runtime/calls.js";
import { type CaseWork, caseReply, type NodeCaseTasks } from "./case-thread.js";

// The thread is started by case-thread.ts alone, with exactly this record.
const reply = await caseReply(workerData as CaseWork<keyof NodeCaseTasks>);
parentPort?.postMessage(reply, [...buffersOf(reply)]);
