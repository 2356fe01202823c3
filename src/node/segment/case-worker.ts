/** A thread for one long computation on a volume; it ends when that is done, and with it goes its memory. */
import { parentPort, workerData } from "node:worker_threads";
import { buffersOf, type CaseTaskKind, type CaseWork, caseReply } from "../../tasks/segment/case-task.js";
import { pngUri } from "../png.js";

// The thread is started by case-thread.ts alone, with exactly this record.
const reply = await caseReply(workerData as CaseWork<CaseTaskKind>, pngUri);
parentPort?.postMessage(reply, [...buffersOf(reply)]);
