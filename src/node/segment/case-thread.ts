import { errorFrom } from "../../runtime/messages.js";
import { type CaseReply, type CaseResults, type CaseTaskKind, type CaseTasks, performCaseTask } from "../../tasks/segment/case-task.js";
import { pngUri } from "../png.js";
import { threadAnswer } from "../thread-answer.js";

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
  if (voxels <= FEW_VOXELS) return performCaseTask({ kind, task }, pngUri);
  const file = new URL("./case-worker.js", import.meta.url);
  const start = { name: "case", workerData: { kind, task }, transferList: [...moved] };
  const reply = await threadAnswer<CaseReply<K>>(file, start, "segment a volume");
  if (reply.kind === "failed") throw errorFrom(reply.error);
  return reply.result;
}
