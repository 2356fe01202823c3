import type { QualityCase } from "../../report/segmentation.js";
import { qualityPage } from "../../report/segmentation.js";
import type { CallTable } from "../../runtime/calls.js";
import { type CarriedError, carriedError, errorFrom } from "../../runtime/messages.js";
import { CASE_TABLE, type CaseResults, type CaseTasks } from "../../tasks/segment/case-task.js";
import { pngUri } from "../png.js";
import { threadAnswer } from "../thread-answer.js";

/** What a thread does for a volume: in Node also its page. */
export interface NodeCaseTasks extends CaseTasks {
  readonly page: QualityCase;
}

interface NodeCaseResults extends CaseResults {
  readonly page: string;
}

const TABLE: CallTable<NodeCaseTasks, NodeCaseResults> = { ...CASE_TABLE, page: (shown) => qualityPage(shown, pngUri) };

/** What a thread is started with. */
export interface CaseWork<K extends keyof NodeCaseTasks> {
  readonly kind: K;
  readonly task: NodeCaseTasks[K];
}

type CaseReply<K extends keyof NodeCaseTasks> =
  | { readonly kind: "done"; readonly result: NodeCaseResults[K] }
  | { readonly kind: "failed"; readonly error: CarriedError };

/** Performs a task in the thread that calls. */
export async function performCaseTask<K extends keyof NodeCaseTasks>({ kind, task }: CaseWork<K>): Promise<NodeCaseResults[K]> {
  return TABLE[kind](task);
}

/** The same, with what was thrown as data. */
export async function caseReply<K extends keyof NodeCaseTasks>(work: CaseWork<K>): Promise<CaseReply<K>> {
  try {
    return { kind: "done", result: await performCaseTask(work) };
  } catch (thrown) {
    return { kind: "failed", error: carriedError(thrown, "Cannot segment a volume", {}) };
  }
}

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
export async function inCaseThread<K extends keyof NodeCaseTasks>(
  kind: K,
  task: NodeCaseTasks[K],
  voxels: number,
  moved: ReadonlySet<ArrayBuffer> = new Set(),
): Promise<NodeCaseResults[K]> {
  if (voxels <= FEW_VOXELS) return performCaseTask({ kind, task });
  const file = new URL("./case-worker.js", import.meta.url);
  const start = { name: "case", workerData: { kind, task }, transferList: [...moved] };
  const reply = await threadAnswer<CaseReply<K>>(file, start, "segment a volume");
  if (reply.kind === "failed") throw errorFrom(reply.error);
  return reply.result;
}
